"""`acsnet accounts`: who may log in to the server, with which role."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from acsnet.cli.common import grid, out, say
from acsnet.errors import InputError

if TYPE_CHECKING:
    from acsnet.server.auth.accounts import Accounts

app = typer.Typer(
    help="Manage who may log in to the server. Research use only.", no_args_is_help=True
)

Name = Annotated[
    str, typer.Argument(help="Name of the person; it appears as author and reviewer of labels.")
]


RoleName = Literal["annotator", "reviewer", "admin"]
"""Each role includes those before it."""


def open_accounts() -> "Accounts":
    """The accounts of the settings."""
    from acsnet.server.auth.accounts import Accounts
    from acsnet.settings import read_settings

    return Accounts(read_settings().accounts_file)


def ask_password() -> str:
    """The password typed twice without echo, or the first line of piped input.

    Raises InputError for a line in another encoding: as other characters nobody could type it.
    """
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    line = sys.stdin.buffer.readline().decode("utf-8-sig", "replace")
    if {"\0", "\ufffd"} & set(line):  # UTF-16, or what is no UTF-8
        msg = "the password must come as UTF-8"
        raise InputError(msg)
    return line.rstrip("\r\n")


@app.command()
def add(
    name: Name, role: Annotated[RoleName, typer.Option(help="What the person may do.")]
) -> None:
    """Add an account, or change the role and password of one; its sessions end."""
    from acsnet.server.identity import Role

    accounts = open_accounts()
    accounts.put(name, Role[role.upper()], ask_password())
    say(f"{name} may log in as {role}")


@app.command(name="list")
def list_accounts() -> None:
    """List all accounts with their roles."""
    table = grid("name", "role")
    for account in open_accounts().all().values():
        table.add_row(account.name, account.role.word)
    out.print(table)


@app.command()
def remove(name: Name) -> None:
    """Remove an account; its sessions end."""
    open_accounts().remove(name)
    say(f"{name} may no longer log in")

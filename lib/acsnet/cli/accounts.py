"""`acsnet accounts`: who may log in to the server, with which role."""

import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from acsnet.cli.common import grid, out

if TYPE_CHECKING:
    from acsnet.server.auth.accounts import Accounts

app = typer.Typer(
    help="Accounts for the login of the server. Research use only.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="Of the account; it signs what is drawn and reviewed.")]


class RoleName(str, Enum):
    """Each may do what those before it may."""

    annotator = "annotator"
    reviewer = "reviewer"
    admin = "admin"


def open_accounts() -> "Accounts":
    """The accounts of the settings."""
    from acsnet.server.auth.accounts import Accounts
    from acsnet.settings import read_settings

    return Accounts(read_settings().accounts_file)


def ask_password() -> str:
    """Typed twice without being shown, or the first line of what is piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


@app.command()
def add(
    name: Name, role: Annotated[RoleName, typer.Option(help="What the person may do.")]
) -> None:
    """Add an account, or give one another role and password; its sessions end."""
    from acsnet.server.identity import Role

    accounts = open_accounts()
    accounts.put(name, Role[role.value.upper()], ask_password())
    out.print(f"{name} may log in as {role.value}", highlight=False)


@app.command(name="list")
def list_accounts() -> None:
    """All accounts."""
    table = grid("name", "role")
    for account in open_accounts().all().values():
        table.add_row(account.name, account.role.word)
    out.print(table)


@app.command()
def remove(name: Name) -> None:
    """Remove an account; its sessions end."""
    open_accounts().remove(name)
    out.print(f"{name} may no longer log in", highlight=False)

"""`acsnet backup` and `restore`: the state of a server, saved and put back."""

import os
from pathlib import Path
from typing import Annotated

import typer

from acsnet.cli.common import StudiesOption, err, say

State = Annotated[
    Path | None, typer.Option(help="State folder; by default that of `acsnet serve`.")
]


def backup(
    studies: StudiesOption,
    output: Annotated[Path, typer.Option(help="File to write; its name must end with .tar.gz.")],
    state: State = None,
) -> None:
    """Save labels, versions, models and audit log; the server may run. Contains patient data."""
    from acsnet.server.state.backup import write_backup
    from acsnet.server.state.restore import file_digest

    _choose(state)
    summary = write_backup(output, studies=studies)
    for name in summary.left_out:
        err.print(f"[yellow]warning:[/yellow] {name} is damaged and is not in the backup")
    say(f"{output}: {summary.files} files, {summary.size / 1e6:.1f} MB")
    say(f"SHA-256, keep it in another place: {file_digest(output)}")


def restore(
    file: Annotated[Path, typer.Argument(help="File that `acsnet backup` wrote.")],
    studies: StudiesOption,
    state: State = None,
    sha256: Annotated[
        str,
        typer.Option(
            help="Checksum that `acsnet backup` printed, to check that it is the same file."
        ),
    ] = "",
) -> None:
    """Restore a backup into a state folder that is empty or does not exist."""
    from acsnet.server.state.paths import state_folder
    from acsnet.server.state.restore import restore_backup

    _choose(state)
    summary = restore_backup(file, studies=studies, sha256=sha256)
    for name in summary.left_out:
        err.print(f"[yellow]warning:[/yellow] {name} was damaged and is not in the backup")
    say(f"{state_folder()}: {summary.files} files, all as backed up")


def _choose(state: Path | None) -> None:
    if state is not None:
        os.environ["ACSNET_STATE"] = str(state.resolve())

"""What the commands share: the two consoles, errors, how they stop, types of options, tables."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from acsnet.errors import BY_OPTIONS, IN_FOLDERS, AcsnetError, Choosing, how_to_install, worded
from acsnet.files.reasons import reason_of

FAILED = 1
REFUSED = 2
INTERRUPTED, TERMINATED = 130, 143
"""As a shell gives them, of what Ctrl-C and SIGTERM stop."""

STOPPING = (signal.SIGTERM, signal.SIGHUP) if os.name == "posix" else (signal.SIGTERM,)
"""Signals of a batch system or a service manager, and of a terminal that closes."""

_signalled = threading.Event()
"""No error of its own: where Ray waits, it raises a KeyboardInterrupt instead of any other."""

PIPE_WIDTH = 400
"""A file or another program that reads a table gets a row on one line."""

EXTRAS = {
    "train": ("filelock", "torch", "sklearn", "mlflow"),
    "dicom": ("highdicom", "pynetdicom", "dicomweb_client", "requests", "SimpleITK"),
    "report": ("trimesh",),
    "cohort": ("filelock", "pyarrow", "ray"),
    "server": (
        "anyio",
        "fastapi",
        "filelock",
        "jinja2",
        "jwt",
        "monailabel",
        "prometheus_client",
        "starlette",
        "uvicorn",
    ),
}
"""What brings the packages that not every installation has, as `import` names them."""

EXTRA_OF = {
    "cohort": "cohort",
    "train": "train",
    **dict.fromkeys(("accounts", "backup", "labels", "models", "restore", "serve"), "server"),
}
"""The extra of a command that needs all of it, whichever package is missed first."""

out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False, emoji=False)
err = Console(stderr=True, highlight=False, emoji=False)

TruthName = Literal["emidec", "acdc", "mnms", "mscmrseg", "myops", "acsnet"]
"""All conventions of label files; see `acsnet.label_conventions`."""

DeviceName = Literal["cpu", "cuda"]

PhaseOption = Annotated[
    int | None,
    typer.Option(
        help="Which image of each slice to use, from 1, if a series has several per slice."
    ),
]
SeriesOption = Annotated[
    list[str] | None,
    typer.Option(
        help="SeriesInstanceUID or number, if a folder has several series; repeat it to join them."
    ),
]
StudiesOption = Annotated[
    str,
    typer.Option(help="Folder of scans, or http(s)://... of a PACS, as given to `acsnet serve`."),
]
InputsArgument = Annotated[
    list[Path], typer.Argument(help="DICOM folders, or NIfTI, NRRD, MHA files.")
]
CaseFolderOption = Annotated[Path, typer.Option(help="Folder for one sub-folder per case.")]
SeriesFolderOption = Annotated[
    Path, typer.Option(help="Folder; OUTPUT/<study>/<series>/ for each series.")
]
TrainDataOption = Annotated[
    Path, typer.Option(help="Folder with splits.json and the data sets that it lists.")
]
DeviceOption = Annotated[DeviceName, typer.Option(help="cpu or cuda.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Also write every number to this JSON file.")
]


class Commands(TyperGroup):
    """Commands that print an error in one sentence and end with exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A pipe closed by its reader is not an error of the input.

        What Ctrl-C stops has cleaned up by then.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise _stopped() from None
        except (OSError, typer.Abort) as error:
            if _signalled.is_set():  # at a prompt, or what was still to be said has no terminal
                raise _stopped() from None
            if isinstance(error, BrokenPipeError | typer.Abort):
                raise
            raise _refused(reason_of(error)) from None
        except AcsnetError as error:
            raise _refused(worded(error, self._choosing(ctx))) from None
        except ModuleNotFoundError as error:
            raise refusal(_missing(error, ctx.invoked_subcommand or "")) from error

    def _choosing(self, ctx: typer.Context) -> Choosing:
        """How the command that was run lets its user choose an image or a series."""
        command = self.commands.get(ctx.invoked_subcommand or "")
        options = {parameter.name for parameter in command.params} if command else set()
        return BY_OPTIONS if "phase" in options else IN_FOLDERS


def _missing(error: ModuleNotFoundError, command: str) -> AcsnetError:
    """The sentence for a package that is not installed. Raises what is no package of an extra."""
    package = (error.name or "").partition(".")[0]
    extras = [extra for extra, packages in EXTRAS.items() if package in packages]
    if not extras:
        raise error
    if command in EXTRA_OF:
        extras = [EXTRA_OF[command]]
    return AcsnetError(
        f"this needs the package {package}, which is not installed: {how_to_install(*extras)}"
    )


def stop_on_signals() -> None:
    """From now on `STOPPING` stops this process as Ctrl-C does; not what is ignored, by `nohup`.

    A fork of it has nothing to clean up and dies of them.
    """
    for number in _heeded():
        signal.signal(number, _stop)
    if os.name == "posix":
        os.register_at_fork(after_in_child=_die_of_signals)


def _stop(*_: object) -> NoReturn:
    """Once: `timeout` says it twice, and what is cleaned up must not be cut short."""
    for number in _heeded():
        signal.signal(number, signal.SIG_IGN)
    _signalled.set()
    raise KeyboardInterrupt


def _stopped() -> typer.Exit:
    return typer.Exit(TERMINATED if _signalled.is_set() else INTERRUPTED)


def _heeded() -> list[signal.Signals]:
    return [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]


def _die_of_signals() -> None:
    for number in STOPPING:
        if signal.getsignal(number) is _stop:
            signal.signal(number, signal.SIG_DFL)


def refusal(error: Exception) -> typer.Exit:
    """Print the error; returns the exit for it."""
    return _refused(str(error))


def _refused(reason: str) -> typer.Exit:
    err.print(f"[red]error:[/red] {escape(reason)}", soft_wrap=True)
    return typer.Exit(REFUSED)


def say(text: str) -> None:
    """Print a line of results as it is, however long."""
    out.print(text, markup=False, soft_wrap=True)


def grid(*headings: str, whole: str = "") -> Table:
    """A table in which nothing is cut: what is too wide for the terminal goes on below.

    whole: the column that stays on one line as long as there is room, as it is there to be copied.
    """
    columns = (Column(name, overflow="fold", no_wrap=name == whole) for name in headings)
    return Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)

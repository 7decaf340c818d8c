"""What the commands share: the two consoles, errors, types of options, tables."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

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

PIPE_WIDTH = 400
"""A file or another program that reads a table gets a row on one line."""

EXTRAS = {
    "train": ("torch", "sklearn", "mlflow"),
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
TrainDataOption = Annotated[Path, typer.Option(help="Folder with emidec/, acdc/ and splits.json.")]
DeviceOption = Annotated[DeviceName, typer.Option(help="cpu or cuda.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Also write every number to this JSON file.")
]


class Commands(TyperGroup):
    """Commands that print an error in one sentence and end with exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A pipe closed by its reader is not an error of the input."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except AcsnetError as error:
            raise _refused(worded(error, self._choosing(ctx))) from None
        except OSError as error:
            raise _refused(reason_of(error)) from None
        except ModuleNotFoundError as error:
            raise refusal(_missing(error)) from error

    def _choosing(self, ctx: typer.Context) -> Choosing:
        """How the command that was run lets its user choose an image or a series."""
        command = self.commands.get(ctx.invoked_subcommand or "")
        options = {parameter.name for parameter in command.params} if command else set()
        return BY_OPTIONS if "phase" in options else IN_FOLDERS


def _missing(error: ModuleNotFoundError) -> AcsnetError:
    """The sentence for a package that is not installed. Raises what is no package of an extra."""
    package = (error.name or "").partition(".")[0]
    extras = [extra for extra, packages in EXTRAS.items() if package in packages]
    if not extras:
        raise error
    return AcsnetError(
        f"this needs the package {package}, which is not installed: {how_to_install(*extras)}"
    )


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

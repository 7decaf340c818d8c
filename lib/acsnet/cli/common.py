"""What the commands share: the two consoles, how a refusal is told, options of several."""

import sys
from enum import Enum
from typing import Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from typer.core import TyperGroup

from acsnet.errors import AcsnetError

FAILED = 1
REFUSED = 2
NOTICE = "Research use only. Not a medical device."

PIPE_WIDTH = 400
"""A file or another program that reads a table gets a row on one line."""

out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
err = Console(stderr=True)


class TruthName(str, Enum):
    """Conventions of expert label files; see `acsnet.label_conventions`."""

    emidec = "emidec"
    acdc = "acdc"
    acsnet = "acsnet"


class DeviceName(str, Enum):
    """What networks run on."""

    cpu = "cpu"
    cuda = "cuda"


class Commands(TyperGroup):
    """Commands whose refusals are told in one sentence, with exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. A reader that closed its end of a pipe is no refusal."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (AcsnetError, OSError) as error:
            raise refusal(error) from None


def refusal(error: Exception) -> typer.Exit:
    """Tell why, and how to exit."""
    err.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
    return typer.Exit(REFUSED)


def grid(*headings: str, whole: str = "") -> Table:
    """A table in which nothing is cut: what is too wide for the terminal goes on below.

    whole: the column that stays on one line as long as there is room, as it is there to be copied.
    """
    columns = (Column(name, overflow="fold", no_wrap=name == whole) for name in headings)
    return Table(*columns, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)

"""What the commands share: the two consoles, how a refusal is told, options of several."""

from enum import Enum

import typer
from rich.console import Console
from rich.markup import escape

FAILED = 1
REFUSED = 2
NOTICE = "Research use only. Not a medical device."

out = Console()
err = Console(stderr=True)


class TruthName(str, Enum):
    """Conventions of expert label files; see `acsnet.evaluate.truth`."""

    emidec = "emidec"
    acdc = "acdc"
    acsnet = "acsnet"


class DeviceName(str, Enum):
    """What networks run on."""

    cpu = "cpu"
    cuda = "cuda"


def refusal(error: Exception) -> typer.Exit:
    """Tell why, and how to exit."""
    err.print(f"[red]error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
    return typer.Exit(REFUSED)

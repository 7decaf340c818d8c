"""Progress of the steps of a training: a bar with the time left, and a line where none is seen."""

from collections.abc import Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def begin_step(what: str, *, console: Console) -> None:
    """Say that a step begins, where a file takes the output: a bar is written there at its end."""
    if not console.is_terminal:
        console.print(f"{what} ...")


def step(items: Iterable[Item], *, total: int, what: str, console: Console) -> Iterable[Item]:
    """The items, with a bar; total: how many there are."""
    begin_step(f"{what} of {total} scans", console=console)
    return track(items, total=total, description=what, console=console)

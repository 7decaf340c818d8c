"""The volumetric checks on expert stacks: slices lost, and what they do about errors put in.

Every slice that an expert drew belongs to the ventricle, so each one dropped is a loss. Errors of a
network are added to those stacks as areas and forms, one kind at a time. Printed, too: how much of
the smaller area two slices share that are neighbours, or would be if those between them were lost.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from acsnet.anatomy.measures import Form, measure
from acsnet.stages.roi import apex_is_first
from acsnet.stages.volumetric_checks import (
    MAX_BASAL_GROWTH,
    MAX_FALL,
    beside_apex,
    check_slice_areas,
)
from acsnet.train.data.case import POOL, WALL
from acsnet.train.data.lists import cases_of

OTHER_FALLS = (0.3, 0.5)


@dataclass(frozen=True)
class Stack:
    """Areas, and whether the wall is open, apex first; true: (slice,) what the expert drew."""

    area: np.ndarray
    is_open: np.ndarray
    true: np.ndarray


Check = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Areas and open walls -> (slice,) which slices are kept."""


def expert_masks(
    data: Path, data_set: str, part: str
) -> Iterator[tuple[np.ndarray, np.ndarray, tuple[float, float]]]:
    """Wall, ventricle, apex first, and spacing of each case of a list of `splits.json`."""
    names = json.loads((data / "splits.json").read_text())[data_set][part]
    for case in cases_of(data, data_set, names):
        tissue = case.tissue if apex_is_first(case.tissue >= POOL) else case.tissue[::-1]
        yield tissue >= WALL, tissue >= POOL, case.scan.spacing_mm[1:]


def stack_of(walls: np.ndarray, ventricle: np.ndarray, spacing_mm: tuple[float, float]) -> Stack:
    """The stack of a case's masks."""
    drawn = walls.any(axis=(1, 2))
    area = np.where(drawn, ventricle.sum(axis=(1, 2)) * np.prod(spacing_mm), 0.0)
    is_open = np.array([measure(wall, spacing_mm)[0] is Form.OPEN for wall in walls])
    return Stack(area, is_open, drawn)


def least_shared(ventricle: np.ndarray, apart: int) -> float:
    """Least share of the smaller area that two drawn slices have in common.

    ventricle: (slice, row, column); apart: 1 for neighbours. Infinite without two such slices.
    """
    drawn = ventricle[ventricle.any(axis=(1, 2))]
    low, high = drawn[:-apart], drawn[apart:]
    shared = (low & high).sum(axis=(1, 2))
    smaller = np.minimum(low.sum(axis=(1, 2)), high.sum(axis=(1, 2)))
    return float((shared / smaller).min(initial=np.inf))


def trimmed(stack: Stack) -> Stack:
    """Without the empty slices at either end."""
    low, *_, high = np.flatnonzero(stack.true)
    return Stack(*(a[low : high + 1] for a in (stack.area, stack.is_open, stack.true)))


def joined(stack: Stack, areas: list[float], *, where: int, is_open: bool = False) -> Stack:
    """With false slices put in before index `where`; an area of 0 is an empty slice."""
    return Stack(
        np.insert(stack.area, where, areas),
        np.insert(stack.is_open, where, [is_open] * len(areas)),
        np.insert(stack.true, where, [False] * len(areas)),
    )


def changed(stack: Stack, indices: slice, factor: float) -> Stack:
    """With the areas of some slices changed: one that the network missed, or drew too small."""
    area = stack.area.copy()
    area[indices] *= factor
    return Stack(area, stack.is_open & (area > 0), stack.true & (area > 0))


def errors(stack: Stack) -> dict[str, Stack]:
    """The stack with each kind of error."""
    end, last = len(stack.area), float(stack.area[-1])
    middle = slice(end // 2, end // 2 + 1)
    small = 0.3 * float(np.median(stack.area))
    return {
        "above the base: x 0.4": joined(stack, [0.4 * last], where=end),
        "above the base: x 1.8": joined(stack, [1.8 * last], where=end),
        "above the base: x 1.8, twice": joined(stack, [1.8 * last] * 2, where=end),
        "two open slices above": joined(stack, [0.95 * last, 0.9 * last], where=end, is_open=True),
        "below the apex: 30 % after an empty slice": joined(stack, [small, 0.0], where=0),
        "below the apex: 30 % adjacent": joined(stack, [small], where=0),
        "below the apex: 100 % adjacent": joined(stack, [small / 0.3], where=0),
        "a middle slice missed": changed(stack, middle, 0.0),
        "two middle slices missed": changed(stack, slice(middle.start, middle.stop + 1), 0.0),
        "a middle slice drawn at x 0.4": changed(stack, middle, 0.4),
    }


def as_printed(area: np.ndarray, is_open: np.ndarray) -> np.ndarray:
    """The formula word by word: i_C and i_D anywhere in the stack; the slice at the cut goes."""
    count = len(area)
    drawn = np.flatnonzero(area)
    falls = [k for k in range(1, count) if area[k] < (1 - MAX_FALL) * area[k - 1]]
    runs = np.split(np.arange(count), [*falls, drawn[-1] + 1])
    run = max((r[area[r] > 0] for r in runs), key=len)
    far = [k for k in run[:-1] + 1 if area[k] > (1 + MAX_BASAL_GROWTH) * area[k - 1]]
    i_m = run[-1]
    i_d = min([*far, *falls, count])
    i_c = min([*np.flatnonzero(is_open), count])
    cut = max(i_m, min(i_c + 1, i_d))
    index = np.arange(count)
    return (area > 0) & (index >= run[0]) & (index < cut)


def counts(stacks: list[Stack], check: Check) -> tuple[int, int, int, int]:
    """True slices lost, true slices, false slices dropped, false slices."""
    total = np.zeros(4, int)
    for stack in stacks:
        kept = check(stack.area, stack.is_open)
        false = ~stack.true & (stack.area > 0)
        # One open slice at the base is right: the first false one is, unless the expert drew one.
        if (false & stack.is_open).any() and not (stack.true & stack.is_open).any():
            false[np.flatnonzero(false & stack.is_open)[0]] = False
        total += [
            (stack.true & ~kept).sum(),
            stack.true.sum(),
            (false & ~kept).sum(),
            false.sum(),
        ]
    return tuple(total.tolist())


def share(part: int, whole: int) -> str:
    """In per cent; a dash where there is nothing to count."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def checks() -> dict[str, Check]:
    """The formula as printed, and `check_slice_areas` with its and with other falls of area."""

    def checked(fall: float) -> Check:
        return lambda *stack: check_slice_areas(*stack, max_fall=fall).ventricle

    return {
        "as printed": as_printed,
        **{f"fall {fall}": checked(fall) for fall in (MAX_FALL, *OTHER_FALLS)},
    }


def main() -> None:
    """Print a table of expert slices lost, and one of the errors, for every check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--list", choices=("train", "test"), default="train")
    args = parser.parse_args()
    masks = {name: list(expert_masks(args.data, name, args.list)) for name in ("emidec", "acdc")}
    stacks = {name: [stack_of(*each) for each in group] for name, group in masks.items()}
    ventricles = [ventricle for group in masks.values() for _, ventricle, _ in group]
    everything = [stack for group in stacks.values() for stack in group]
    console = Console(width=150)

    table = Table("check", *stacks, "all", title=f"expert slices lost, {args.list} lists")
    for name, check in checks().items():
        lost = [counts(group, check)[:2] for group in (*stacks.values(), everything)]
        cells = [f"{part} of {whole} ({share(part, whole)})" for part, whole in lost]
        table.add_row(name, *cells)
    console.print(table)
    lost = sum(len(beside_apex(ventricle)) for ventricle in ventricles)
    shared = [min(least_shared(each, apart) for each in ventricles) for apart in (1, 2, 3)]
    console.print(
        f"expert slices lost by their place: {lost}; least share of the smaller area, none, one "
        f"and two slices lost between: {', '.join(f'{share:.2f}' for share in shared)}"
    )

    title = f"errors put into {len(everything)} stacks: false slices dropped / true slices lost"
    table = Table("error", *checks(), title=title)
    wrong = [errors(trimmed(stack)) for stack in everything]
    for kind in wrong[0]:
        cells = []
        for check in checks().values():
            lost, true, dropped, false = counts([each[kind] for each in wrong], check)
            cells.append(f"{share(dropped, false)} / {share(lost, true)}")
        table.add_row(kind, *cells)
    console.print(table)


if __name__ == "__main__":
    main()

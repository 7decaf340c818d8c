"""How well the image alone tells the right ventricle's anterior insertion, on experts' walls.

EMIDEC, where nobody drew the right ventricle: how often it is found. ACDC at end-diastole: how far
it is from the end of the expert's right ventricle, too. Then, of those where it is found, whether
the brighter side of the ventricle is the inferior one: the headers of both sets lack the patient
axes, and all their images are shown as seen from the apex with the chest on top. Research use
only, not a medical device.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from acsnet.labels import LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.measure import measure_label_file
from acsnet.quantify.rv_insertion import (
    find_insertion,
    inferior_turn,
    sample_surroundings,
    septum_angle,
)

END_DIASTOLE = "_frame01"
SEEN_FROM_APEX = -1
"""Direction from anterior through septum to inferior in all images of both sets."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is found in a stack. error_deg: distance to the expert's, None where there is none;
    side: whether the brighter side is the inferior one, None where it is undecided.
    """

    found: bool
    error_deg: float | None
    side: bool | None


def found_in(folder: Path, case: str, *, truth: str) -> Found:
    """The insertion of one case of a data set."""
    image, labels = (folder / part / f"{case}.nii.gz" for part in ("images", "labels"))
    measured = measure_label_file(image, labels, truth=truth)
    wall = np.isin(measured.labels, MYOCARDIUM)
    around = sample_surroundings(
        measured.scan.pixels,
        np.isin(measured.labels, LEFT_VENTRICLE) & ~wall,
        wall,
        measured.labels == Label.LV_MYOCARDIUM,
        measured.scan.spacing_mm[1:],
    )
    automatic, _ = find_insertion(around, header_turn=SEEN_FROM_APEX)
    expert = measured.quantification.insertion
    error_deg = None
    if automatic is not None and expert is not None and expert.source == "drawn":
        away = np.angle(np.exp(1j * (automatic.angle - expert.angle)))
        error_deg = abs(float(np.rad2deg(away)))
    septum = septum_angle(around)
    brighter = None if septum is None else inferior_turn(around, septum[0])
    side = None if brighter is None else brighter == SEEN_FROM_APEX
    return Found(found=automatic is not None, error_deg=error_deg, side=side)


def row(stacks: list[Found]) -> list[str]:
    """The cells of a list: stacks, found, distances, sides."""
    errors = [stack.error_deg for stack in stacks if stack.error_deg is not None]
    cells = "-"
    if errors:
        cells = f"{np.median(errors):.0f}, {np.percentile(errors, 90):.0f}, {max(errors):.0f}"
    sides = Counter(stack.side for stack in stacks if stack.found)
    return [
        str(len(stacks)),
        str(sum(stack.found for stack in stacks)),
        cells,
        f"{sides[True]} right, {sides[False]} wrong, {sides[None]} undecided",
    ]


def main() -> None:
    """Print a row for each list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    lists = json.loads((args.data / "splits.json").read_text())
    table = Table("list", "stacks", "found", "degrees: median, 90 %, most", "brighter side")
    for part in ("train", "test"):
        for name, ending in (("emidec", ""), ("acdc", END_DIASTOLE)):
            cases = [case for case in lists[name][part] if case.endswith(ending)]
            stacks = [found_in(args.data / name, case, truth=name) for case in cases]
            table.add_row(f"{name} {part}", *row(stacks))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()

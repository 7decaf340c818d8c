"""How far measures of expert masks change with what should not matter, and whether it is told.

EMIDEC train list, patients with an infarct, the experts' masks. Each row is one change of scan or
mask; each cell the median change in percent, and in how many patients it is more than a tenth
without a warning that was not there before. In how many of the walls single bright points are
warned of where the signal is cut off is printed first; without --output, that is all.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.ndimage import affine_transform

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import crop_around
from acsnet.measure import measure_label_file, measure_labels
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.quantify.speckle import speckle_doubt, speckle_percent
from acsnet.scan import InputGrid, ShortAxisScan

MARGIN_MM = 35.0  # around the ventricle: as far as the right ventricle is looked for
LEAST_ML = 0.5  # changes are shares of at least this
MOST = 10.0
METHODS = ("fwhm_remote", "sd2", "sd5", "sd2_mean", "sd5_mean", "otsu")
MEASURES = {
    "scar_burden_percent": "burden",
    "core_scar_volume_ml": "core",
    "grey_zone_volume_ml": "grey zone",
    "scar_entropy_bits": "entropy",
    "scar_transmurality_percent": "depth",
}

CUT_OFF = (5, 10, 20, 40, 60, 80, 90, 97)
"""Percentiles of the healthy wall below which the signal is cut off."""

HEAD = """# How robust the measures are

Research use only, not a medical device.

The table shows how far the measures change when something changes that should not matter. It was
measured on the experts' masks of the {patients} infarcts of the EMIDEC train list (2026-11-30, 2
cores) with `python benchmarks/robustness_of_measures.py --data DATA --output docs/results`. Each
cell has the median change in percent, and the number of patients whose value changes by more than a
tenth without a new warning. Where scar is left out of the label map, burden, core and grey zone
must fall, because there is less scar. Resampling smooths the image. This changes thresholds that
count standard deviations of its noise, and voxels near the threshold between core scar and grey
zone: compare n-SD, core scar and grey zone only between scans of one resolution. Each scan whose
core scar or grey zone would change by more than a tenth says so (`acsnet.quantify.sampling`):
{sampling} of the scans. Such a change counts as warned of, in the scan as it is or in the
resampled one.

"""
CUT_OFF_HEAD = """
Below, the signal of the same walls is cut off below a percentile of the healthy wall, as in an
image whose nulled wall is 0: how many get the warning of single bright points
(`acsnet.quantify.speckle`), what percentage such points are in the worst of them, and how many get
it if 1 % of their voxels are hot, too. The command without `--output` prints this table alone.

"""


@dataclass(frozen=True)
class Case:
    """Scan and (slice, row, column) labels, apex first; given: what a person adds."""

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    given: Given = NOTHING

    @property
    def scar(self) -> NDArray[np.bool_]:
        """Mask of the enhancement."""
        return np.isin(self.labels, ENHANCEMENT)

    @property
    def wall(self) -> NDArray[np.bool_]:
        """Mask of the whole wall."""
        return np.isin(self.labels, MYOCARDIUM)


@dataclass(frozen=True)
class Change:
    """Change of a measure in percent; silent: without a new warning."""

    percent: float
    silent: bool


Changes = dict[str, list[dict[str, Change | None]]]


def main() -> None:
    """Print the table of cut-off signal, and write OUTPUT/robustness_of_measures.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())["emidec"]["train"]
    cases = [case for name in track(names) if (case := _read(args.data, name)).scar.any()]
    cut_off = _cut_off_table(cases)
    Console().print(cut_off, soft_wrap=True)
    if args.output is None:
        return
    args.output.mkdir(parents=True, exist_ok=True)
    changes: Changes = {name: [] for name in CHANGES}
    warned: dict[str, int] = dict.fromkeys(CHANGES, 0)
    depends = 0
    for case in track(cases):
        before, notes = _numbers(case)
        depends += any(map(is_sampling_doubt, notes))
        for change, apply in CHANGES.items():
            after, later = _numbers(apply(case))
            new = {note for note in later if not is_sampling_doubt(note)} - set(notes)
            sampling = " ".join(filter(is_sampling_doubt, (*notes, *later)))
            warned[change] += bool(new)
            changes[change].append(
                {
                    key: _change(value, after[key], silent=not new and key not in sampling)
                    for key, value in before.items()
                }
            )
    head = HEAD.format(patients=len(cases), sampling=depends)
    page = head + _table(changes, warned) + CUT_OFF_HEAD + cut_off
    (args.output / "robustness_of_measures.md").write_text(page)


def _read(data: Path, name: str) -> Case:
    folder, file = data / "emidec", f"{name}.nii.gz"
    measured = measure_label_file(
        folder / "images" / file, folder / "labels" / file, truth="emidec"
    )
    scan, labels = measured.scan, measured.labels
    rows, columns = crop_around(labels > 0, scan.spacing_mm[1:], margin_mm=MARGIN_MM)
    return _on_own_grid(scan, scan.pixels[:, rows, columns], labels[:, rows, columns])


def _on_own_grid(
    scan: ShortAxisScan,
    pixels: NDArray[np.float32],
    labels: NDArray[np.uint8],
    *,
    scale: float = 1.0,
) -> Case:
    """A case whose file would hold the stack as it is; scale: of the distance of the pixels."""
    affine = np.eye(4)
    affine[:3, :3] = (scan.grid.steps_mm * np.array([1.0, scale, scale])[:, None])[::-1].T
    slices, rows, columns = pixels.shape
    grid = InputGrid(shape=(columns, rows, slices), affine=affine, axes=(2, 1, 0))
    own = replace(scan, pixels=pixels, grid=grid, signal=None, windows=None, warnings=())
    return Case(own, labels)


def _numbers(case: Case) -> tuple[dict[str, float | None], tuple[str, ...]]:
    drawn = case.labels.copy()
    drawn[np.isin(drawn, (Label.GREY_ZONE, Label.CORE_SCAR))] = Label.CORE_SCAR
    measured = measure_labels(
        case.scan, case.scan.grid.to_input(drawn), scar_method="remote", given=case.given
    )
    features: dict[str, Any] = measured.features_dict()
    numbers = {words: features[key] for key, words in MEASURES.items()}
    volumes = {row["method"]: row["scar_volume_ml"] for row in features["methods"]}
    return {**numbers, **{name: volumes[name] for name in METHODS}}, measured.warnings


def _change(before: float | None, after: float | None, *, silent: bool) -> Change | None:
    if before is None or after is None:
        return None
    percent = 100.0 * (after - before) / max(abs(before), LEAST_ML)
    return Change(percent, silent)


def _hot(share: float) -> Callable[[Case], Case]:
    """Make a share of the wall's voxels, at least one, three times as bright as all others."""

    def apply(case: Case) -> Case:
        pixels, wall = case.scan.pixels.copy(), np.argwhere(case.wall)
        if share == 0:
            wall = np.argwhere(case.scar)
        count = max(round(share * len(wall)), 1)
        chosen = np.random.default_rng(1).permutation(len(wall))[:count]
        pixels[tuple(wall[chosen].T)] = 3 * pixels.max()
        return replace(case, scan=replace(case.scan, pixels=pixels))

    return apply


def _resampled(scale: float) -> Callable[[Case], Case]:
    """Sample pixels anew, `scale` times as far apart; labels by nearest neighbour."""

    def apply(case: Case) -> Case:
        matrix = np.array([1.0, scale, scale])
        pixels = affine_transform(case.scan.pixels, matrix, order=1, mode="nearest")
        labels = affine_transform(case.labels, matrix, order=0, mode="constant")
        return _on_own_grid(case.scan, pixels, labels, scale=scale)

    return apply


def _half_missed(case: Case) -> Case:
    """Leave the scar out of every other slice that has some; with one slice, of none."""
    labels, scar = case.labels.copy(), case.scar
    for k in np.flatnonzero(scar.any(axis=(1, 2)))[1::2]:
        labels[k][scar[k]] = Label.LV_MYOCARDIUM
    return replace(case, labels=labels)


def _darker(case: Case) -> Case:
    """Mirror the signal of the scar at the median of the other wall."""
    pixels, scar = case.scan.pixels.copy(), case.scar
    middle = np.median(pixels[case.wall & ~scar])
    pixels[scar] = 2 * middle - pixels[scar]
    return replace(case, scan=replace(case.scan, pixels=pixels))


def _basal_remote(case: Case) -> Case:
    """Give the basal half of the wall outside the scar as remote region."""
    remote = case.wall & ~case.scar
    slices = np.flatnonzero(remote.any(axis=(1, 2)))
    remote[: slices[len(slices) // 2]] = False
    return replace(case, given=Given(remote=case.scan.grid.to_input(remote)))


CHANGES: dict[str, Callable[[Case], Case]] = {
    "one hot voxel in the scar": _hot(0.0),
    "1 % hot voxels": _hot(0.01),
    "1.5 % hot voxels": _hot(0.015),
    "resampled, pixels 1 % larger": _resampled(1.01),
    "resampled, pixels 1 % smaller": _resampled(0.99),
    "scar missed in every other slice": _half_missed,
    "scar darker than the wall": _darker,
    "remote region of the basal half": _basal_remote,
}


def _table(changes: Changes, warned: dict[str, int]) -> str:
    keys = (*MEASURES.values(), *METHODS)
    lines = ["| change | warned | " + " | ".join(keys) + " |", "|---" * (len(keys) + 2) + "|"]
    for name, patients in changes.items():
        cells = [f"{warned[name]} of {len(patients)}"]
        for key in keys:
            values = [change for patient in patients if (change := patient[key]) is not None]
            silent = sum(change.silent and abs(change.percent) > MOST for change in values)
            none = f" ({len(patients) - len(values)} not defined)"
            middle = np.median([change.percent for change in values]) if values else np.nan
            text = f"{middle:+.1f}, {silent}" if values else "not defined"
            cells.append(text + none * (0 < len(values) < len(patients)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cut_off(case: Case, percentile: float) -> Case:
    """Cut the signal off below a percentile of the wall outside the scar."""
    lowest = np.percentile(case.scan.pixels[case.wall & ~case.scar], percentile)
    return replace(case, scan=replace(case.scan, pixels=np.maximum(case.scan.pixels, lowest)))


def _cut_off_table(cases: list[Case]) -> str:
    rows: dict[str, list[str]] = {"percentile": [], "warned": [], "worst": [], "warned, hot": []}
    for percentile in CUT_OFF:
        cut = [_cut_off(case, percentile) for case in cases]
        plain, hot = (
            sum(bool(speckle_doubt(case.scan.pixels, case.wall)) for case in some)
            for some in (cut, list(map(_hot(0.01), cut)))
        )
        worst = max(speckle_percent(case.scan.pixels, case.wall) for case in cut)
        column = (
            str(percentile),
            f"{plain} of {len(cut)}",
            f"{worst:.2f} %",
            f"{hot} of {len(cut)}",
        )
        for row, cell in zip(rows.values(), column, strict=True):
            row.append(cell)
    head, *lines = (f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())
    return "\n".join([head, "|---" * (len(CUT_OFF) + 1) + "|", *lines]) + "\n"


if __name__ == "__main__":
    main()

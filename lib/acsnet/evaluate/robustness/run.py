"""The command `acsnet evaluate --stress`: a labelled set, clean and under every change."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from acsnet.errors import InputError
from acsnet.evaluate.robustness import intensity as signal
from acsnet.evaluate.robustness import spatial as geometry
from acsnet.evaluate.robustness.labelled_scans import case_names, common_names, read_labelled
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.evaluate.robustness.table import (
    CLEAN,
    SCORED,
    CaseRun,
    StressReport,
    print_report,
    summarise,
)
from acsnet.label_conventions import CONVENTIONS, ENH, MYO, region_masks
from acsnet.masks import slice_dice
from acsnet.pipeline import Pipeline
from acsnet.quantify.volumes import burden_percent
from acsnet.scan import ShortAxisScan
from acsnet.storage import write_json

Change = Callable[[LabelledScan], LabelledScan]

Segment = Callable[[ShortAxisScan], NDArray[np.uint8]]
"""A scan -> label map of `Label` values on the scan's input grid."""

IN_HEADER = "in header"
CHANGES: Mapping[str, Change] = {
    **{
        f"spacing {mm} mm": partial(geometry.resampled, spacing_mm=mm)
        for mm in (0.7, 1.0, 1.8, 2.4)
    },
    **{
        f"{change} {name}, {header}": partial(
            geometry.reoriented, orientation=plane, in_header=header == IN_HEADER
        )
        for change, planes in (
            ("turned", geometry.QUARTER_TURNS),
            ("mirrored", geometry.MIRRORS),
        )
        for header in (IN_HEADER, "not told")
        for name, plane in planes.items()
    },
    "slices reversed": geometry.slices_reversed,
    "intensity x 0.01": partial(signal.rescaled, scale=0.01),
    "intensity x 1000": partial(signal.rescaled, scale=1000.0),
    "intensity - 500": partial(signal.rescaled, offset=-500.0),
    "signed, zero at median": signal.signed,
    "gamma 0.5": partial(signal.gamma, power=0.5),
    "gamma 2": partial(signal.gamma, power=2.0),
    "bias field, ramp 40 %": signal.bias_ramp,
    "bias field, waves 40 %": signal.bias_waves,
    **{f"noise {100 * s:.0f} %": partial(signal.rician_noise, share=s) for s in (0.02, 0.05, 0.1)},
    "field of view halved": geometry.half_field_of_view,
    "field of view doubled": geometry.double_field_of_view,
    "slices of 5 mm": geometry.thin_slices,
    "dark wall": signal.dark_wall,
    **{
        f"wall at {100 * share:.0f} % of blood": partial(signal.inversion_time, wall_of_pool=share)
        for share in (0.15, 0.5, 0.85)
    },
    **{
        f"scar at {100 * share:.0f} % of contrast": partial(signal.scar_level, of_contrast=share)
        for share in (0.6, 1.0, 2.0)  # about the 5th, 40th and 95th percentile of true infarcts
    },
}
"""Every change by its name in the table."""


def run_stress(
    *,
    images: Path,
    labels: Path,
    truth: str,
    cases: str | None = None,
    json_path: Path | None = None,
    changes: Mapping[str, Change] = CHANGES,
    console: Console | None = None,
) -> StressReport:
    """Segment every case clean and under each change; print what each change costs.

    images: `<case>.nii.gz` or DICOM folders `<case>`; labels: `<case>.nii.gz`; truth: a name in
    `CONVENTIONS`; cases: names with commas between, or @FILE with one a line; all that have both by
    default. Raises InputError or GeometryError for a case that cannot be read, WeightsError.
    """
    if json_path is not None and not json_path.parent.is_dir():
        msg = f"{json_path} cannot be written: {json_path.parent} is not a folder"
        raise InputError(msg)
    names = case_names(cases) if cases is not None else common_names(images, labels)
    patients = [read_labelled(name, images=images, labels=labels, truth=truth) for name in names]
    pipeline = Pipeline.load()
    runs = stress(patients, lambda scan: pipeline(scan).label_map(), changes, truth=truth)
    report = summarise(runs, truth)
    if json_path is not None:
        write_json(json_path, report.to_dict())
    print_report(report, console or Console(emoji=False))
    return report


def stress(
    patients: Sequence[LabelledScan],
    segment: Segment,
    changes: Mapping[str, Change],
    *,
    truth: str,
    console: Console | None = None,
) -> dict[str, list[CaseRun]]:
    """Every patient clean and under every change: name of the change -> its runs.

    console: where progress appears, standard error by default.
    """
    runs: dict[str, list[CaseRun]] = {CLEAN: [], **{name: [] for name in changes}}
    regions = [region for region in SCORED if region in CONVENTIONS[truth].regions]
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    shown = console or Console(stderr=True, emoji=False)
    with Progress(*columns, TimeElapsedColumn(), console=shown, transient=True) as progress:
        task = progress.add_task("", total=len(patients) * len(runs))
        for patient in patients:
            for name in runs:
                progress.update(task, description=f"{patient.scan.name}, {name}")
                changed = changes[name](patient) if name in changes else patient
                runs[name].append(score(changed, segment, regions))
                progress.advance(task)
    return runs


def score(case: LabelledScan, segment: Segment, regions: Sequence[str]) -> CaseRun:
    """Dice of one scan on its own grid; whatever `segment` raises becomes the run's error."""
    name = case.scan.name
    try:
        predicted = case.scan.grid.from_input(segment(case.scan))
    except Exception as error:  # noqa: BLE001 - any crash is a finding of this suite
        return CaseRun(case=name, dice={}, error=f"{type(error).__name__}: {error}")
    drawn = region_masks(predicted, "acsnet", source=name)
    expert = region_masks(case.labels, "acsnet", source=name)
    dice: dict[str, float | None] = {}
    for region in regions:
        slices = expert[region].any(axis=(1, 2))
        scores = slice_dice(drawn[region], expert[region])[slices]
        dice[region] = float(scores.mean()) if len(scores) else None
    wall, scar = (float(drawn[region].sum()) for region in (MYO, ENH))
    burden = burden_percent(scar, wall) if ENH in regions else None
    return CaseRun(case=name, dice=dice, burden_percent=burden)

"""Set the limits of the anatomical checks from expert walls, and list what fails them.

Paper, "Stage 3": the checks, not their limits. Not from the paper: every expert wall of the train
lists, as drawn and at a fine and a coarse pixel size, so that the limits hold at any; for each
measure the values that nearly all walls stay within, widened by a margin, for other sites draw
otherwise.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.ndimage import affine_transform

from acsnet.anatomy.checks import Limit, Limits, limits_to_dict
from acsnet.anatomy.measures import MEASURE_NAMES, Form, Measures, measure
from acsnet.errors import AcsnetError, InputError
from acsnet.storage import write_json
from acsnet.train.data.case import WALL, TrainingCase
from acsnet.train.samples.walls import expert_cases, wall_lists

PIXELS_MM = (None, 0.7, 2.4)
"""Pixel sizes of the walls: as drawn, and the finest and coarsest of common scans."""

TAIL_PERCENT = 0.1
"""Share of the walls that may lie beyond each limit before it is widened."""

MARGIN = 0.1
"""Part of its value by which a limit is widened."""

SIZES = ("wall_area_mm2", "outer_radius_mm", "cavity_radius_mm", "cap_radius_mm")
SIZE_MARGIN = 0.3
"""The same for sizes: the mm of these data sets are nominal, and hearts elsewhere are others."""

MIN_PASS = 0.99

FIXED: dict[str, Limit] = {
    "objects": Limit(low=1, high=1),
    "holes": Limit(low=0, high=0),
    "border_pixels": Limit(low=0, high=0),
    "opening_deg": Limit(low=0, high=180),
}
"""Not calibrated: topology, and an opening of half a circle, for these lists hold few "C"."""

LOW_ONLY = ("outer_circularity", "cavity_circularity")
HIGH_ONLY = ("outer_concavity_mm", "cavity_concavity_mm", "thickness_variation")

UNBOUNDED = 1e6
"""Stands for no upper limit: JSON knows no infinity."""


@dataclass(frozen=True, kw_only=True)
class ExpertWall:
    """The measures of one expert wall at one pixel size (None: as drawn); slice: as in the scan."""

    source: str
    case: str
    slice: int
    pixel_mm: float | None
    form: Form
    measures: Measures

    def outside(self, limits: Limits) -> list[str]:
        """Names of the measures that are not within their limits."""
        return [n for n in MEASURE_NAMES if getattr(self.measures, n) not in limits[n]]


def resampled(
    wall: NDArray[np.bool_], spacing_mm: tuple[float, float], pixel_mm: float
) -> NDArray[np.bool_]:
    """(row, column) mask on pixels of `pixel_mm`, over the same field of view."""
    shape = np.maximum(1, np.rint(np.array(wall.shape) * spacing_mm / pixel_mm)).astype(int)
    step = pixel_mm / np.asarray(spacing_mm)
    out: NDArray[np.bool_] = (
        affine_transform(wall.astype(np.float32), step, (step - 1) / 2, tuple(shape), order=1) > 0.5
    )
    return out


def measured_walls(case: TrainingCase) -> list[ExpertWall]:
    """Every wall of a case at every pixel size."""
    out = []
    spacing_mm = case.scan.spacing_mm[1:]
    for k, wall in enumerate(case.tissue >= WALL):
        for mm in PIXELS_MM if wall.any() else ():
            mask = wall if mm is None else resampled(wall, spacing_mm, mm)
            form, measures = measure(mask, spacing_mm if mm is None else (mm, mm))
            if form is not Form.EMPTY:
                out.append(
                    ExpertWall(
                        source=case.source,
                        case=case.scan.name,
                        slice=k,
                        pixel_mm=mm,
                        form=form,
                        measures=measures,
                    )
                )
    return out


def fit_limits(walls: Sequence[ExpertWall]) -> Limits:
    """A limit for each measure. Raises AcsnetError where a measure was never taken."""
    limits = dict(FIXED)
    for name in MEASURE_NAMES:
        if name in FIXED:
            continue
        values = np.array([getattr(wall.measures, name) for wall in walls], float)
        values = values[~np.isnan(values)]
        if not len(values):
            msg = f"no expert wall has the measure {name}: there is nothing to calibrate it on"
            raise AcsnetError(msg)
        low, high = np.percentile(values, (TAIL_PERCENT, 100.0 - TAIL_PERCENT))
        margin = SIZE_MARGIN if name in SIZES else MARGIN
        limits[name] = Limit(
            low=0.0 if name in HIGH_ONLY else float(np.floor(low * (1 - margin) * 100) / 100),
            high=UNBOUNDED if name in LOW_ONLY else float(np.ceil(high * (1 + margin) * 100) / 100),
        )
    return limits


def pass_share(walls: Sequence[ExpertWall], limits: Limits) -> float:
    """Share of the walls within all limits; 1 where there are none."""
    return float(np.mean([not wall.outside(limits) for wall in walls])) if walls else 1.0


def write_limits(
    limits: Limits, walls: Sequence[ExpertWall], path: Path, *, data_sets: Iterable[str]
) -> None:
    """The file that `acsnet.anatomy.checks.read_limits` reads, with what it was calibrated on."""
    content: dict[str, Any] = {
        "limits": limits_to_dict(limits),
        "calibrated_on": {
            "lists": f"{', '.join(data_sets)}: train",
            "walls": sum(wall.pixel_mm is None for wall in walls),
            "pass_share": {
                _pixel(mm): round(pass_share([w for w in walls if w.pixel_mm == mm], limits), 4)
                for mm in PIXELS_MM
            },
            "tail_percent": TAIL_PERCENT,
            "margin": MARGIN,
            "margin_of_sizes": SIZE_MARGIN,
        },
    }
    write_json(path, content)


def print_report(walls: Sequence[ExpertWall], limits: Limits, *, console: Console) -> None:
    """What the experts drew against the limits, what fails by how much, and the share passing."""
    table = Table("measure", "low", "high", "0.1 %", "median", "99.9 %", "fail", title="Limits")
    for name in MEASURE_NAMES:
        values = np.array([getattr(w.measures, name) for w in walls if w.pixel_mm is None], float)
        known = values[~np.isnan(values)]
        shown = np.percentile(known, (0.1, 50, 99.9)) if len(known) else [np.nan] * 3
        fails = sum(value not in limits[name] for value in values)
        high = limits[name].high
        table.add_row(
            name,
            f"{limits[name].low:g}",
            "-" if high == UNBOUNDED else f"{high:g}",
            *(f"{value:.2f}" for value in shown),
            str(fails),
        )
    console.print(table)
    table = Table("wall", "pixels", "form", "measure", "value", "limit", title="Walls that fail")
    for wall in walls:
        for name in wall.outside(limits):
            limit = limits[name]
            value = getattr(wall.measures, name)
            table.add_row(
                f"{wall.case} slice {wall.slice + 1}",
                _pixel(wall.pixel_mm),
                wall.form.value,
                name,
                f"{value:.2f}",
                f">= {limit.low:g}" if value < limit.low else f"<= {limit.high:g}",
            )
    console.print(table)
    table = Table("walls", *(_pixel(mm) for mm in PIXELS_MM), title="Share that passes")
    for source in sorted({wall.source for wall in walls}):
        for form in (None, Form.RING, Form.OPEN, Form.CAP):
            chosen = [w for w in walls if w.source == source and form in (None, w.form)]
            cells = []
            for mm in PIXELS_MM:
                part = [w for w in chosen if w.pixel_mm == mm]
                cells.append(f"{pass_share(part, limits):.2%} of {len(part)}" if part else "-")
            table.add_row(f"{source}, {'all' if form is None else form.value}", *cells)
    console.print(table)


def _pixel(mm: float | None) -> str:
    return "as drawn" if mm is None else f"{mm:g} mm"


def calibrate(data: Path, path: Path, *, console: Console) -> None:
    """Fit the limits to the train lists of `data`, write them to `path` and print the report.

    Raises InputError as `training_lists` does or where `path` cannot be written, and AcsnetError,
    writing nothing, where fewer than 99 % of the walls pass as drawn.
    """
    if not path.parent.is_dir():
        msg = f"{path} cannot be written: {path.parent} is not a folder"
        raise InputError(msg)
    lists = wall_lists(data)
    cases = expert_cases(data, lists, console=console)
    walls = [wall for case in cases for wall in measured_walls(case)]
    limits = fit_limits(walls)
    print_report(walls, limits, console=console)
    share = pass_share([wall for wall in walls if wall.pixel_mm is None], limits)
    if share < MIN_PASS:
        msg = f"only {share:.2%} of the expert walls pass, which must be at least {MIN_PASS:.0%}"
        raise AcsnetError(msg)
    write_limits(limits, walls, path, data_sets=lists)
    console.print(f"limits are in {path}; a latent prior built with others is now refused")

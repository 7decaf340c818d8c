"""Anatomical checks of a wall mask: every measure must lie within its limits.

Paper, "Stage 3". Not from the paper, which does not print them: the limits, set so that at least
99 % of the expert walls of the training lists pass (`acsnet calibrate` writes `limits.json`). A
table of measures and one of limits, after Painchaud et al., doi:10.1007/978-3-030-32245-8_70.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as components

from acsnet.anatomy.measures import MEASURE_NAMES, Form, Measures, measure
from acsnet.errors import WeightsError
from acsnet.masks import TOUCHING
from acsnet.storage import DAMAGED

SHIPPED_LIMITS = Path(__file__).resolve().parent / "limits.json"

NOT_A_RING = "open_wall"  # failure of an open wall or a cap where a closed ring is required


@dataclass(frozen=True, kw_only=True)
class Limit:
    """The lowest and the highest allowed value of a measure."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return bool(np.isnan(value) or self.low <= value <= self.high)


Limits = Mapping[str, Limit]
"""A limit for each of `MEASURE_NAMES`."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Outcome of the checks of a mask; failures: names of the measures outside their limits."""

    form: Form
    measures: Measures
    failures: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether the mask passes all checks; an empty one does."""
        return not self.failures


def check(
    wall: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    limits: Limits,
    *,
    closed: bool = False,
) -> Verdict:
    """Check a (row, column) mask; an empty one is valid.

    spacing_mm: distance of rows, of columns; closed: the wall must be a ring, as between base and
    apex.
    """
    form, measures = measure(wall, spacing_mm)
    if form is Form.EMPTY:
        return Verdict(form=form, measures=measures, failures=())
    failures = [name for name in MEASURE_NAMES if getattr(measures, name) not in limits[name]]
    if closed and form is not Form.RING:
        failures.append(NOT_A_RING)
    return Verdict(form=form, measures=measures, failures=tuple(failures))


def check_ventricle(wall: NDArray[np.bool_], pool: NDArray[np.bool_]) -> tuple[str, ...]:
    """What is wrong with the wall and the blood pool of a slice together; nothing where both lack.

    wall, pool: (row, column). They share no pixel, the pool is in one part, and both together are
    one object that encloses nothing else. As in `measure`, pixels of the ventricle touch by edges
    or corners, those of the pool and of the background by edges only.
    """
    ventricle = wall | pool
    background = components(np.pad(~ventricle, 1, constant_values=True))[1]
    wrong = {
        "pool_in_wall": bool((wall & pool).any()),
        "pool_parts": components(pool)[1] > 1,
        "ventricle_objects": components(ventricle, TOUCHING)[1] > 1,
        "ventricle_holes": background > 1,
    }
    return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def limits_from_dict(table: Mapping[str, Any], *, source: str) -> Limits:
    """Limits from plain values. Raises WeightsError, naming `source`, unless each measure has one.

    The limits belong to the weights: the latent prior is valid for them alone.
    """
    try:
        limits = {
            name: Limit(low=float(low), high=float(high)) for name, (low, high) in table.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        msg = f"{source}: limits must be pairs of numbers, one for each measure"
        raise WeightsError(msg) from error
    if set(limits) != set(MEASURE_NAMES):
        wrong = ", ".join(sorted(set(limits) ^ set(MEASURE_NAMES)))
        msg = f"{source}: limits are missing or unknown: {wrong}"
        raise WeightsError(msg)
    for name, limit in limits.items():
        if not limit.low <= limit.high:
            msg = f"{source}: {name} must lie between two numbers, got {limit.low} to {limit.high}"
            raise WeightsError(msg)
    return limits


def limits_to_dict(limits: Limits) -> dict[str, list[float]]:
    """Limits as plain values, in the order of the measures."""
    return {name: [limits[name].low, limits[name].high] for name in MEASURE_NAMES}


def read_limits(path: Path = SHIPPED_LIMITS) -> Limits:
    """Read the limits of a file. Raises WeightsError when it is missing or broken."""
    try:
        table = json.loads(path.read_text())["limits"]
    except DAMAGED as error:
        msg = f"{path}: the limits of the anatomical checks are missing or broken"
        raise WeightsError(msg) from error
    return limits_from_dict(table, source=str(path))

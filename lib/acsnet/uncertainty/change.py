"""Change of a measure between two scans of one patient, and whether it is shown.

What matters to a change is how far two scans of an unchanged heart lie apart, not how far each lies
from an expert: most of that error is common to both and cancels. The half width of a change's
interval is factor x sqrt(mean^2 + (floor x size)^2), mean that of both values; factor and floor
come from repeats, scans of one heart that differ in noise, contrast, coil or pixels, so that
`change_level` of their changes lie within (`benchmarks/uncertainty.py`). No repeat there lies at
another place in the heart or comes from another scanner: slices that were planned anew may change
a measure by more. For values by one version of the networks; labels of a person have no such rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.quantify.volumes import MYOCARDIUM_G_PER_ML
from acsnet.uncertainty.intervals import size_of

MEASURES: Mapping[str, tuple[str, float]] = {
    "scar_burden_percent": ("scar_burden_percent", 1.0),
    "enhancement_volume_ml": ("enhancement_volume_ml", 1.0),
    "core_scar_volume_ml": ("core_scar_volume_ml", 1.0),
    "grey_zone_volume_ml": ("grey_zone_volume_ml", 1.0),
    "myocardium_mass_g": ("myocardium_volume_ml", MYOCARDIUM_G_PER_ML),
    "blood_pool_volume_ml": ("blood_pool_volume_ml", 1.0),
}
"""What is compared: of which calibrated measure it is a multiple, and how large a one."""


@dataclass(frozen=True, kw_only=True)
class ChangeRule:
    """Width of the interval of a change, as in the docstring of this module."""

    factor: float
    floor: float

    def half_width(
        self, mean: float | NDArray[np.float64], size: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Half width of the interval, in the unit of the measure."""
        return np.asarray(self.factor * np.hypot(mean, self.floor * np.asarray(size)))


@dataclass(frozen=True, kw_only=True)
class Change:
    """A measure of two scans; None where a scan has none.

    low, high: interval of the difference.
    """

    measure: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def shown(self) -> bool | None:
        """Whether a change is shown: the interval leaves out 0. None where that cannot be told."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, kw_only=True)
class SegmentChange:
    """Scar of one AHA segment in two scans, percent of its wall; None where unknown.

    It has no interval: none was calibrated for segments.
    """

    segment: int
    name: str
    before: float | None
    after: float | None
    class_before: str | None
    class_after: str | None


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, rules: Mapping[str, ChangeRule]
) -> tuple[Change, ...]:
    """Each of `MEASURES`; before, after: content of `features.json` of both scans."""
    return tuple(_change(name, before, after, rules) for name in MEASURES)


def segment_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[SegmentChange, ...]:
    """All 17 segments; before, after: content of `features.json` of both scans."""
    return tuple(
        SegmentChange(
            segment=first["segment"],
            name=first["name"],
            before=first["scar_percent"],
            after=second["scar_percent"],
            class_before=first["transmurality_class"],
            class_after=second["transmurality_class"],
        )
        for first, second in zip(before["segments"], after["segments"], strict=True)
    )


def half_width(
    measure: str, before: Mapping[str, float], after: Mapping[str, float], rule: ChangeRule
) -> float:
    """Half width of the interval of a calibrated measure's change."""
    mean = (before[measure] + after[measure]) / 2
    size = (size_of(measure, before) + size_of(measure, after)) / 2
    return float(rule.half_width(mean, size))


def _change(
    name: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    rules: Mapping[str, ChangeRule],
) -> Change:
    first, second = before[name], after[name]
    if first is None or second is None:
        return Change(
            measure=name, before=first, after=second, difference=None, low=None, high=None
        )
    measure, multiple = MEASURES[name]
    half = multiple * half_width(measure, before, after, rules[measure])
    difference = second - first
    return Change(
        measure=name,
        before=first,
        after=second,
        difference=difference,
        low=difference - half,
        high=difference + half,
    )

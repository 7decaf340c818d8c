"""Change of a measure between two scans of one patient, and whether it is shown.

What matters to a change is how far two scans of an unchanged heart lie apart, not how far each lies
from an expert: most of that error is common to both and cancels. The half width of a change's
interval is sqrt((floor x size)^2 + (unclear x U)^2 + (contrast x C)^2 + (wall_level x L)^2 +
(wall_volume x V)^2). U is how much of the wall is neither clearly scar nor clearly not
(`acsnet.uncertainty.doubt`), of both scans together in the unit of the measure: a noisy scan has
more of it. C and L are the measure times the difference in the contrast of the scar and in the
level of the wall (`acsnet.uncertainty.appearance`): after another dose, wait or inversion time more
of a scar, or less, stands out. V is the measure times the difference in the volume of the wall: a
slice that is drawn in one scan only takes its scar along. Of burden and volume only what is more
than between scans that look alike counts: scar that has grown has not quite the same contrast,
either. All this counts for measures of scar only.

The interval of burden and volume lies around the change of the scar at half signal
(`acsnet.uncertainty.half_signal`), of which networks draw a part, and reaches as far as the
difference of what is drawn: where the two disagree on the direction, no change is shown. Other
intervals lie around the difference. The constants come from repeats, scans of one heart that differ
in noise, contrast, coil or pixels (`benchmarks/uncertainty.py`). No repeat there lies at another
place in the heart or comes from another scanner: slices that were planned anew may change a measure
by more. The rules hold for one version of the networks, and not for labels of a person.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.quantify.volumes import MYOCARDIUM_G_PER_ML, burden_percent
from acsnet.uncertainty.appearance import Appearance, apart, unlike
from acsnet.uncertainty.intervals import PERCENT, SCAR, most_of, size_of

MEASURES: Mapping[str, tuple[str, float]] = {
    "scar_burden_percent": ("scar_burden_percent", 1.0),
    "enhancement_volume_ml": ("enhancement_volume_ml", 1.0),
    "core_scar_volume_ml": ("core_scar_volume_ml", 1.0),
    "grey_zone_volume_ml": ("grey_zone_volume_ml", 1.0),
    "myocardium_mass_g": ("myocardium_volume_ml", MYOCARDIUM_G_PER_ML),
    "blood_pool_volume_ml": ("blood_pool_volume_ml", 1.0),
}
"""What is compared: of which calibrated measure it is a multiple, and how large a one."""

ZONES = frozenset({"core_scar_volume_ml", "grey_zone_volume_ml"})
"""Measures that the signal splits: any difference in contrast moves them."""

SAME_WALL = 0.03
"""Logarithm of a ratio up to which two walls are of one volume."""

AT_HALF_SIGNAL = frozenset({"scar_burden_percent", "enhancement_volume_ml"})
"""Measures whose change is estimated at half signal."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What widens the interval of a change, in the unit of the measure: numbers, or (pair,) arrays.

    size: mean of both scans; unclear: of both together; contrast, wall_level, wall_volume: the
    measure times what lies between both.
    """

    size: float | NDArray[np.float64]
    unclear: float | NDArray[np.float64] = 0.0
    contrast: float | NDArray[np.float64] = 0.0
    wall_level: float | NDArray[np.float64] = 0.0
    wall_volume: float | NDArray[np.float64] = 0.0


@dataclass(frozen=True, kw_only=True)
class ChangeRule:
    """Width of the interval of a change, as in the docstring of this module."""

    floor: float
    unclear: float = 0.0
    contrast: float = 0.0
    wall_level: float = 0.0
    wall_volume: float = 0.0

    def half_width(self, spread: Spread) -> NDArray[np.float64]:
        """Half width of the interval."""
        return np.sqrt(
            (self.floor * np.asarray(spread.size)) ** 2
            + (self.unclear * np.asarray(spread.unclear)) ** 2
            + (self.contrast * np.asarray(spread.contrast)) ** 2
            + (self.wall_level * np.asarray(spread.wall_level)) ** 2
            + (self.wall_volume * np.asarray(spread.wall_volume)) ** 2
        )


@dataclass(frozen=True, kw_only=True)
class Change:
    """A measure of two scans; None where a scan has none.

    estimate: the change at half signal for measures that have one, else the difference; low, high:
    interval of the change, around the estimate.
    """

    measure: str
    before: float | None
    after: float | None
    difference: float | None
    estimate: float | None
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


@dataclass(frozen=True, kw_only=True)
class ScanMeasures:
    """What a change needs of one scan.

    features: content of `features.json`; unclear: percent of the wall that is unclear, None for
    labels of a person and for networks without intervals; appearance: how the scan shows the heart;
    half_signal_ml: volume of the scar at half signal, None where there is none.
    """

    features: Mapping[str, Any]
    unclear: float | None
    appearance: Appearance
    half_signal_ml: float | None

    def at_half_signal(self, measure: str) -> float | None:
        """A measure of the scar at half signal; None for those that have none."""
        if self.half_signal_ml is None or measure not in AT_HALF_SIGNAL:
            return None
        if measure == "enhancement_volume_ml":
            return self.half_signal_ml
        return burden_percent(self.half_signal_ml, self.features["myocardium_volume_ml"])


def changes(
    before: ScanMeasures, after: ScanMeasures, *, rules: Mapping[str, ChangeRule]
) -> tuple[Change, ...]:
    """Each of `MEASURES`, without intervals for labels of a person."""
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


def spread_of(measure: str, before: ScanMeasures, after: ScanMeasures) -> Spread | None:
    """What widens the interval of a calibrated measure.

    None where a scan lacks it, or has no wall: a heart that was not found is no change.
    """
    scans = (before, after)
    values = [scan.features[measure] for scan in scans]
    walls = [scan.features["myocardium_volume_ml"] for scan in scans]
    if before.unclear is None or after.unclear is None or None in values or not all(walls):
        return None
    sizes = [size_of(measure, scan.features) for scan in scans]
    size = float(np.mean(sizes))
    if measure not in SCAR:
        return Spread(size=size)
    value = float(np.mean(values))
    between = apart if measure in ZONES else unlike
    first, second = before.appearance, after.appearance
    return Spread(
        size=size,
        unclear=math.hypot(before.unclear * sizes[0] / PERCENT, after.unclear * sizes[1] / PERCENT),
        contrast=value * between(first.contrast, second.contrast),
        wall_level=value * between(first.wall_level, second.wall_level),
        wall_volume=value * max(apart(*walls) - SAME_WALL, 0.0),
    )


def estimate_of(measure: str, before: ScanMeasures, after: ScanMeasures) -> float | None:
    """Change of a calibrated measure, at half signal where it can be told; None where unknown."""
    for first, second in (
        (before.at_half_signal(measure), after.at_half_signal(measure)),
        (before.features[measure], after.features[measure]),
    ):
        if first is not None and second is not None:
            return second - first
    return None


def interval_of(
    measure: str, before: ScanMeasures, after: ScanMeasures, rule: ChangeRule
) -> tuple[float, float] | None:
    """Interval of the change of a calibrated measure; None where it cannot be told.

    No more than there was before can go, and a share has no more than 100 %.
    """
    spread = spread_of(measure, before, after)
    estimate = estimate_of(measure, before, after)
    if spread is None or estimate is None:
        return None
    difference = after.features[measure] - before.features[measure]
    half = float(rule.half_width(spread))
    low, high = min(estimate - half, difference), max(estimate + half, difference)
    starts = (before.features[measure], before.at_half_signal(measure))
    known = [start for start in starts if start is not None]
    # Of both, the wider bound, so that it leaves the difference inside; 0 stays on its side.
    return max(low, 0.0 - max(known)), min(high, max(most_of(measure) - min(known), 0.0))


def _change(
    name: str, before: ScanMeasures, after: ScanMeasures, rules: Mapping[str, ChangeRule]
) -> Change:
    first, second = before.features[name], after.features[name]
    measure, multiple = MEASURES[name]
    estimate = estimate_of(measure, before, after)
    interval = interval_of(measure, before, after, rules[measure])
    return Change(
        measure=name,
        before=first,
        after=second,
        difference=None if first is None or second is None else second - first,
        estimate=None if estimate is None else multiple * estimate,
        low=None if interval is None else multiple * interval[0],
        high=None if interval is None else multiple * interval[1],
    )

"""Change of a measure between two scans of one patient, and whether it is shown.

The interval of a difference from those of its two parts: square and add, to each side by itself
(Zou and Donner 2008, doi:10.1002/sim.3095), which suits intervals that are not symmetric. It takes
the errors of the two scans for independent. What both share, as a base that always ends too high,
cancels in the difference, so that the interval is rather too wide than too narrow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot
from typing import Any

MEASURES = (
    "scar_burden_percent",
    "enhancement_volume_ml",
    "core_scar_volume_ml",
    "grey_zone_volume_ml",
    "myocardium_mass_g",
    "blood_pool_volume_ml",
)
"""What has an interval where uncertainty was asked for."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A measure of two scans; None where a scan has none.

    low, high: interval of the difference; shown: whether the interval leaves out 0, None where
    there is no interval.
    """

    measure: str
    before: float | None
    after: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def shown(self) -> bool | None:
        """Whether a change is shown; None where that cannot be told."""
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


def difference_interval(
    before: float, after: float, *, of_before: tuple[float, float], of_after: tuple[float, float]
) -> tuple[float, float]:
    """Low and high end of after - before, from the intervals (low, high) of both."""
    difference = after - before
    down = hypot(after - of_after[0], of_before[1] - before)
    up = hypot(of_after[1] - after, before - of_before[0])
    return difference - down, difference + up


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Each of `MEASURES`; before, after: content of `features.json` of both scans."""
    return tuple(_change(name, before, after) for name in MEASURES)


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


def _change(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Change:
    first, second = before[name], after[name]
    if first is None or second is None:
        return Change(
            measure=name, before=first, after=second, difference=None, low=None, high=None
        )
    low = high = None
    parts = [(scan["intervals"] or {}).get(name) for scan in (before, after)]
    if all(parts):
        of_before, of_after = ((part["low"], part["high"]) for part in parts if part)
        low, high = difference_interval(first, second, of_before=of_before, of_after=of_after)
    return Change(
        measure=name, before=first, after=second, difference=second - first, low=low, high=high
    )

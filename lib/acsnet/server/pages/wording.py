"""Measurements and doubts in the words of the case page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MEASURES = (
    ("Scar burden", "scar_burden_percent", "% of the myocardium", 1),
    ("Core scar burden", "core_scar_burden_percent", "% of the myocardium", 1),
    ("Enhancement", "enhancement_volume_ml", "ml", 1),
    ("Core scar", "core_scar_volume_ml", "ml", 1),
    ("Grey zone", "grey_zone_volume_ml", "ml", 1),
    ("Microvascular obstruction", "microvascular_obstruction_volume_ml", "ml", 1),
    ("Myocardium", "myocardium_volume_ml", "ml", 1),
    ("Myocardial mass", "myocardium_mass_g", "g", 1),
    ("Blood pool", "blood_pool_volume_ml", "ml", 1),
    ("Left ventricle", "lv_volume_ml", "ml", 1),
    ("Slices with left ventricle", "lv_slices", "", 0),
    ("Slices with enhancement", "enhancement_slices", "", 0),
)
"""Name, key in the features, unit, decimals."""

UNKNOWN = "not known"


class MeasureRow(NamedTuple):
    """One line of the table: a value for each label map."""

    name: str
    values: list[str]
    unit: str


def measure_rows(features: Sequence[Mapping[str, Any]]) -> list[MeasureRow]:
    """The table of measurements of several label maps of one scan."""
    return [
        MeasureRow(name, [_number(one.get(key), decimals) for one in features], unit)
        for name, key, unit, decimals in MEASURES
    ]


def slices_to_look_at(features: Mapping[str, Any]) -> list[str]:
    """What the anatomical checks doubted, a line a slice, numbered as in the file."""
    lines = []
    for slice_ in (features.get("anatomy") or {}).get("slices", []):
        parts = [f"failed {', '.join(slice_['failed_checks'])}"] if slice_["failed_checks"] else []
        if slice_["dropped"]:
            parts.append(f"dropped: {slice_['dropped']}")
        elif slice_["failed_checks"]:
            parts.append(str(slice_["action"]))
        if slice_["needs_a_look"]:
            parts.append("moved far: needs a look")
        if parts:
            lines.append(f"Slice {slice_['slice']}: {'; '.join(parts)}")
    return lines


def has_segments(features: Mapping[str, Any]) -> bool:
    """Whether there is a bullseye to draw; measures of an earlier release have none."""
    return any(one["scar_percent"] is not None for one in features.get("segments", ()))


def _number(value: Any, decimals: int) -> str:
    return UNKNOWN if value is None else f"{float(value):.{decimals}f}"

"""The numbers of `features.json` as text for reports and pages: names, units, rounding."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from math import floor, log10
from typing import Any, NamedTuple

from acsnet.quantify.features_document import SCAR_KEYS
from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.scan import NO_SIGNAL, is_unfit

UNKNOWN, NO_SCAR, NONE = "not known", "no scar", "\N{EN DASH}"
NOT_ASSESSED = "not assessed"
HALF_UP = Context(prec=400, rounding=ROUND_HALF_UP)  # digits enough for any float

MEASURES = (
    ("Scar burden", "scar_burden_percent", "% of myocardium", 1),
    ("Core scar burden", "core_scar_burden_percent", "% of myocardium", 1),
    ("Grey zone burden", "grey_zone_burden_percent", "% of myocardium", 1),
    ("Scar (enhancement)", "enhancement_volume_ml", "ml", 1),
    ("Scar mass", "enhancement_mass_g", "g", 1),
    ("Core scar", "core_scar_volume_ml", "ml", 1),
    ("Grey zone", "grey_zone_volume_ml", "ml", 1),
    ("Microvascular obstruction", "microvascular_obstruction_volume_ml", "ml", 1),
    ("Myocardium", "myocardium_volume_ml", "ml", 1),
    ("Myocardial mass", "myocardium_mass_g", "g", 1),
    ("Myocardial mass index", "myocardium_mass_index_g_m2", "g/m\N{SUPERSCRIPT TWO}", 1),
    ("Scar mass index", "enhancement_mass_index_g_m2", "g/m\N{SUPERSCRIPT TWO}", 1),
    ("LV cavity (blood pool)", "blood_pool_volume_ml", "ml", 1),
    ("LV cavity and wall", "lv_volume_ml", "ml", 1),
    ("Depth of the scar, share of the wall", "scar_transmurality_percent", "%", 0),
    ("Largest transmurality", "transmurality_max_percent", "%", 0),
    ("Endocardium over scar", "scar_endocardial_percent", "% of its area", 1),
    ("Scar islands", "scar_islands", "", 0),
    ("Entropy of the scar", "scar_entropy_bits", "bits", 2),
    ("Border of core and grey zone", "core_grey_interface_cm2", "cm\N{SUPERSCRIPT TWO}", 1),
    ("Slices with scar", "enhancement_slices", "", 0),
)
"""Name, key in the features, unit, decimals."""

_ON_PAGES = frozenset(
    [
        "scar_burden_percent",
        "core_scar_burden_percent",
        "enhancement_volume_ml",
        "core_scar_volume_ml",
        "grey_zone_volume_ml",
        "microvascular_obstruction_volume_ml",
        "myocardium_volume_ml",
        "myocardium_mass_g",
        "blood_pool_volume_ml",
        "lv_volume_ml",
        "enhancement_slices",
    ]
)
PAGE_MEASURES = (
    *(row for row in MEASURES if row[1] in _ON_PAGES),
    ("Slices with left ventricle", "lv_slices", "", 0),
)
"""Those that the page of a case shows."""

METHODS = {
    "drawn": "as segmented",
    "fwhm_remote": "FWHM, from remote wall",
    "fwhm_half_max": "FWHM, from 0",
    "otsu": "Otsu",
    **{f"sd{n}": f"remote + {n} SD, robust" for n in range(2, 7)},
    **{f"sd{n}_mean": f"remote + {n} SD, as published" for n in range(2, 7)},
}


class MeasureLine(NamedTuple):
    """One line of the table of measures."""

    name: str
    value: str
    interval: str
    unit: str


def measure_lines(features: Mapping[str, Any]) -> list[MeasureLine]:
    """The table of measures; indexed values are left out without height and weight.

    Where scar was not assessed, as on cine, the first line says so and the others are left out.
    """
    intervals = features.get("intervals") or {}
    assessed = not scar_was_not_looked_for(features)
    absent = absent_scar(features)
    lines = [
        MeasureLine(
            name,
            number(features[key], decimals, absent),
            interval_words(intervals.get(key), decimals),
            "" if features[key] is None else unit,
        )
        for name, key, unit, decimals in MEASURES
        if features[key] is not None
        or ("_index_" not in key and (assessed or key not in SCAR_KEYS))
    ]
    return lines if assessed else [MeasureLine(MEASURES[0][0], NOT_ASSESSED, "", ""), *lines]


def scar_was_not_looked_for(features: Mapping[str, Any]) -> bool:
    """Whether there is a wall in which nobody looked for scar, as on cine.

    features: of any release, whole or in part.
    """
    known = "enhancement_volume_ml" in features and bool(features.get("myocardium_volume_ml"))
    return known and features["enhancement_volume_ml"] is None


def has_scar_number(features: Mapping[str, Any]) -> bool:
    """Whether there is a number of scar: not without a wall, nor where nobody looked for scar."""
    return features["enhancement_volume_ml"] is not None


def absent_scar(features: Mapping[str, Any]) -> str:
    """What stands for a number of scar that is None: that a wall has none, else that it is unknown.

    A scan in which no wall was found has no number, and is none without scar.
    """
    has_none = features["enhancement_volume_ml"] == 0 and features["myocardium_volume_ml"]
    return NO_SCAR if has_none else UNKNOWN


def interval_sentences(features: Mapping[str, Any]) -> list[str]:
    """The interval of each measure that has one, in words."""
    known = features.get("intervals") or {}
    return [
        f"{name}: {100 * known[key]['level']:.0f} % interval "
        f"{interval_words(known[key], decimals)} {unit}"
        for name, key, unit, decimals in MEASURES
        if key in known
    ]


def method_lines(features: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Scar by each method: name, threshold, scar ml, burden %, core ml, grey zone ml."""
    decimals = signal_decimals(row["threshold"] for row in features["methods"])
    keys = ("scar_volume_ml", "scar_burden_percent", "core_volume_ml", "grey_zone_volume_ml")
    return [
        (
            METHODS[row["method"]],
            number(row["threshold"], decimals, "" if row["method"] == "drawn" else NONE),
            *(number(row[key], 1, NONE) for key in keys),
        )
        for row in features["methods"]
    ]


def territory_lines(features: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Scar by coronary artery: name, segments, scar ml, scar %."""
    return [
        (
            row["territory"],
            ", ".join(map(str, row["segments"])),
            number(row["scar_volume_ml"], 1),
            number(row["scar_percent"], 1),
        )
        for row in features["territories"]
    ]


def doubt_sentences(features: Mapping[str, Any]) -> list[str]:
    """All warnings and quality flags, as `ordered_doubts` orders them."""
    flags = (flag["message"] for flag in features.get("quality") or ())
    return ordered_doubts((*features["warnings"], *flags))


def ordered_doubts(warnings: Iterable[str]) -> list[str]:
    """Warnings, each once, in the order in which a person should read them.

    First that the scan is not one to tell scar from, last which voxels hold no signal, and after
    all that core scar and grey zone depend on the pixels: it is so in most scans.
    """
    return sorted(
        dict.fromkeys(warnings),
        key=lambda words: (
            not is_unfit(words),
            is_sampling_doubt(words),
            NO_SIGNAL in words,
        ),
    )


class MeasureRow(NamedTuple):
    """One measure of several label maps of a scan."""

    name: str
    values: list[str]
    unit: str


def measure_rows(features: Sequence[Mapping[str, Any]]) -> list[MeasureRow]:
    """The table of measurements of several label maps of one scan."""

    def absent(document: Mapping[str, Any], key: str) -> str:
        return NOT_ASSESSED if key in SCAR_KEYS and scar_was_not_looked_for(document) else UNKNOWN

    return [
        MeasureRow(
            name,
            [number(document.get(key), decimals, absent(document, key)) for document in features],
            unit,
        )
        for name, key, unit, decimals in PAGE_MEASURES
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
            parts.append("moved far: please check")
        if parts:
            lines.append(f"Slice {slice_['slice']}: {'; '.join(parts)}")
    return lines


def has_segments(features: Mapping[str, Any]) -> bool:
    """Whether there is scar by segment to show; measures of an earlier release have none."""
    return any(segment["scar_percent"] is not None for segment in features.get("segments", ()))


def signal_decimals(signals: Iterable[float | None]) -> int:
    """Decimals that give the largest of some signals four digits, whatever the scan's scale."""
    largest = max((abs(signal) for signal in signals if signal is not None), default=0.0)
    return max(3 - floor(log10(largest)), 0) if largest else 0


def number(value: float | None, decimals: int, absent: str = UNKNOWN) -> str:
    """A number as text, rounded half up as classes of transmurality are; `absent` for None."""
    if value is None:
        return absent
    return f"{Decimal(float(value)).quantize(Decimal(1).scaleb(-decimals), context=HALF_UP):zf}"


def signed(value: float, decimals: int) -> str:
    """A change as text, rounded as numbers are, with its sign; 0 has none."""
    words = number(value, decimals)
    return f"+{words}" if float(words) > 0.0 else words


def interval_words(interval: Mapping[str, float] | None, decimals: int) -> str:
    """The ends of an interval; empty for None."""
    if interval is None:
        return ""
    return f"{number(interval['low'], decimals)} to {number(interval['high'], decimals)}"

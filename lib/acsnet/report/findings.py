"""What the first page of a report says, in the order of SCMR's standard report.

SCMR guidelines for reporting CMR examinations 2021, doi:10.1186/s12968-021-00827-z: location,
distribution, extent and interpretation of late gadolinium enhancement, volumes and masses with
their indices. Reference values: Petersen et al. 2017, doi:10.1186/s12968-017-0327-9, UK Biobank,
45 to 74 years, cine at end-diastole with papillary muscles in the cavity, as here. There are none
for the cavity: a scan of late enhancement is not taken at end-diastole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from acsnet.quantify.aha_segments import LIKELY_VIABLE
from acsnet.quantify.features_document import SCAR_KEYS
from acsnet.quantify.scar_methods import FROM_REMOTE
from acsnet.report.wording import (
    METHODS,
    NONE,
    absent_scar,
    has_scar_number,
    interval_words,
    number,
)
from acsnet.scan import is_fit
from acsnet.stages.label_doubts import NO_SCAR_DRAWN

SQUARED = "\N{SUPERSCRIPT TWO}"
MASS_INDEX = {"M": (53, 9), "F": (42, 7)}
"""Mean and standard deviation of the myocardial mass index, g/m2, by sex."""
TRACE_PERCENT = 1.0
"""Share of a segment's wall below which scar is a trace, where its transmurality is no more."""
REFERENCE_NOTE = (
    "Reference: mean \N{PLUS-MINUS SIGN} SD of the UK Biobank, 45 to 74 years, end-diastolic cine "
    "(doi:10.1186/s12968-017-0327-9)."
)


@dataclass(frozen=True, kw_only=True)
class Headline:
    """The scar that a report leads with; note: why there is no number, empty where there is one.

    method: in words; burden_percent, mass_g, volume_ml: None where there is no number.
    """

    method: str
    burden_percent: float | None = None
    mass_g: float | None = None
    volume_ml: float | None = None
    note: str = ""


class SizeRow(NamedTuple):
    """A volume or mass: name, value, interval, index by body surface area, its reference."""

    name: str
    value: str
    interval: str
    per_m2: str
    reference: str


class SegmentRow(NamedTuple):
    """An AHA segment: number and name, scar %, mean transmurality %, its class, scar's pattern."""

    name: str
    scar: str
    transmurality: str
    class_: str
    pattern: str


def headline(features: Mapping[str, Any], method: str) -> Headline:
    """The scar by one method of `acsnet.quantify.scar_methods`."""
    words = METHODS[method]
    if method in FROM_REMOTE and features["remote"]["source"] == "given":
        words += ", remote region placed by a person"
    if not has_scar_number(features):
        return Headline(method=words, note=_unassessed_words(features))
    row = next((row for row in features["methods"] if row["method"] == method), None)
    if row is None or row["scar_volume_ml"] is None:
        note = "there is no myocardium" if row is None else row["note"]
        return Headline(method=words, note=note)
    return Headline(
        method=words,
        burden_percent=row["scar_burden_percent"],
        mass_g=row["scar_mass_g"],
        volume_ml=row["scar_volume_ml"],
    )


def _unassessed_words(features: Mapping[str, Any]) -> str:
    """Why there is no number of scar at all."""
    if not features["myocardium_volume_ml"]:
        return "there is no myocardium"
    if not is_fit(features["warnings"]):
        return "not assessed, because this is not a short-axis scan of late gadolinium enhancement"
    return "not assessed: these labels hold no scar"


def statements(features: Mapping[str, Any]) -> list[str]:
    """Findings in sentences: where the scar is, its pattern, what is viable, obstruction.

    None where scar was not assessed, or where there is no wall.
    """
    if not has_scar_number(features) or not features["myocardium_volume_ml"]:
        return []
    if features["enhancement_volume_ml"] == 0:
        if NO_SCAR_DRAWN in features["warnings"]:
            return ["No scar is drawn in these labels."]
        return ["No late gadolinium enhancement."]
    return [
        _location(features),
        _pattern(features),
        *_viability(features),
        _obstruction(features),
    ]


def segment_rows(features: Mapping[str, Any]) -> list[SegmentRow]:
    """The 17 segments; a dash where the stack has none or nothing is known."""
    return [
        SegmentRow(
            name=f"{part['segment']} {part['name']}",
            scar=number(part["scar_percent"], 0, NONE),
            transmurality=number(part["transmurality_mean_percent"], 0, NONE),
            class_=part["transmurality_class"] or NONE,
            pattern=part["pattern"] or NONE,
        )
        for part in features["segments"]
    ]


def size_rows(features: Mapping[str, Any], *, sex: str) -> list[SizeRow]:
    """Volumes and masses with their indices; sex: M or F as in DICOM, else unknown."""
    absent = absent_scar(features)
    rows = (
        ("LV cavity volume", "blood_pool_volume_ml", "ml", "blood_pool_volume_index_ml_m2"),
        ("LV myocardial mass", "myocardium_mass_g", "g", "myocardium_mass_index_g_m2"),
        ("Scar mass", "enhancement_mass_g", "g", "enhancement_mass_index_g_m2"),
        ("Core scar mass", "core_scar_mass_g", "g", ""),
        ("Grey zone mass", "grey_zone_mass_g", "g", ""),
        ("Microvascular obstruction", "microvascular_obstruction_volume_ml", "ml", ""),
    )
    intervals = features.get("intervals") or {}
    return [
        SizeRow(
            name=name,
            value=_with_unit(features[key], unit, absent),
            interval=interval_words(intervals.get(key), 1),
            per_m2=_index(features, index, f"{unit}/m{SQUARED}"),
            reference=_reference(index, sex) if _index(features, index, "") else "",
        )
        for name, key, unit, index in rows
        if has_scar_number(features) or key not in SCAR_KEYS
    ]


def _location(features: Mapping[str, Any]) -> str:
    if features["segment_model"] is None:
        return "Late gadolinium enhancement is present; its segments are not known."
    scarred = [part for part in features["segments"] if part["scar_volume_ml"]]
    # By the share of their wall: what reads first is what is most of it.
    scarred.sort(key=lambda part: -part["scar_percent"])
    named = [part for part in scarred if not _is_trace(part)]
    names = ", ".join(map(_with_share, named))
    traces = len(scarred) - len(named)
    rest = f"; traces in {_count(traces, 'more segment')}" if traces else ""
    if not named:
        return f"Traces of late gadolinium enhancement in {_count(traces, 'segment')}."
    return f"Late gadolinium enhancement in {_count(len(named), 'segment')}: {names}{rest}."


def _is_trace(part: Mapping[str, Any]) -> bool:
    """Whether a segment has next to no scar; its share tells where its depth does not."""
    return part["transmurality_class"] in (None, "0") and part["scar_percent"] < TRACE_PERCENT


def _with_share(part: Mapping[str, Any]) -> str:
    """The name of a segment with scar, and the share of its wall where no depth stands for it."""
    if part["transmurality_class"] not in (None, "0"):
        return _called(part)
    return f"{part['name']} ({part['segment']}, {number(part['scar_percent'], 0)} % of its wall)"


def _called(part: Mapping[str, Any]) -> str:
    return f"{part['name']} ({part['segment']})"


def _pattern(features: Mapping[str, Any]) -> str:
    name, shares = features["scar_pattern"], features["scar_pattern_percent"]
    if name is None:
        return "Pattern: not known, no radial chord of the wall meets the scar."
    parts = ", ".join(
        f"{pattern} {number(share, 0)} %"
        for pattern, share in sorted(shares.items(), key=lambda item: -item[1])
        if share >= 0.5
    )
    doubt = "" if features["scar_pattern_certain"] else " Uncertain: a pixel would change it."
    unseen = [
        _called(part)
        for part in features["segments"]
        if part["scar_volume_ml"] and not _is_trace(part) and part["pattern"] is None
    ]
    rest = f"; not judged: {', '.join(unseen)}" if unseen else ""
    return f"Pattern: {name} ({parts} of the scar{rest}).{doubt}"


def _viability(features: Mapping[str, Any]) -> list[str]:
    if features["segment_model"] is None:
        return []
    present = [part for part in features["segments"] if part["scar_percent"] is not None]
    known = [part for part in present if part["transmurality_class"]]
    if not known:
        return ["Viability: not known, no radial chord crosses the wall."]
    lost = [part for part in known if part["transmurality_class"] not in LIKELY_VIABLE]
    # The class is of the mean over a segment: scar through its whole wall may take a part of it.
    through = [
        part
        for part in known
        if part not in lost and part["pattern"] == "transmural" and not _is_trace(part)
    ]
    unknown = [part for part in present if not part["transmurality_class"]]
    named = ((", of which transmural in part", through), ("; not", lost))
    beyond = "".join(
        f"{words}: {', '.join(map(_called, parts))}"
        for words, parts in (*named, ("; not judged", unknown))
        if parts
    )
    return [
        "Likely viable by the mean transmurality of the segment (at most 50 %): "
        f"{features['viable_segments']} of {_count(len(known), 'segment')}{beyond}."
    ]


def _obstruction(features: Mapping[str, Any]) -> str:
    volume = features["microvascular_obstruction_volume_ml"]
    if volume is None:
        return "Microvascular obstruction: not known."
    size = "none found" if volume == 0 else _with_unit(volume, "ml", "")
    return f"Microvascular obstruction: {size}."


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _with_unit(value: float | None, unit: str, absent: str) -> str:
    return absent if value is None else f"{number(value, 1)} {unit}"


def _index(features: Mapping[str, Any], key: str, unit: str) -> str:
    value = features[key] if key else None
    return _with_unit(value, unit, "")


def _reference(index: str, sex: str) -> str:
    if index != "myocardium_mass_index_g_m2":
        return ""
    known = {sex: MASS_INDEX[sex]} if sex in MASS_INDEX else MASS_INDEX
    words = {"M": "men", "F": "women"}
    return ", ".join(
        f"{words[key]} {mean} \N{PLUS-MINUS SIGN} {sd}" for key, (mean, sd) in known.items()
    )

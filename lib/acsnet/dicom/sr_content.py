"""Content of a structured report: codes, units, groups, and what a report says beside numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from acsnet import __version__
from acsnet.dicom.provenance import MAKER
from acsnet.quantify.aha_segments import viable_count
from acsnet.quantify.body_size import BodyNumbers
from acsnet.quantify.quantification import Quantification
from acsnet.quantify.scar_methods import MethodRow
from acsnet.quantify.scar_shape.pattern import ScarPattern

VOLUME = Code("118565006", "SCT", "Volume")
MASS = Code("118538004", "SCT", "Mass")
OWN_SCHEME = "99ACSNET"
MILLILITRE = Code("mL", "UCUM", "milliliter")
GRAM = Code("g", "UCUM", "gram")
PERCENT = Code("%", "UCUM", "percent")
GRAM_BY_AREA = Code("g/m2", "UCUM", "gram per square meter")
MILLILITRE_BY_AREA = Code("mL/m2", "UCUM", "milliliter per square meter")
COUNT = Code("1", "UCUM", "no units")
INDICATION = Code("121109", "DCM", "Indications for Procedure")
PATTERN = Code("scar_pattern", OWN_SCHEME, "Pattern of the enhancement by its depth in the wall")
CERTAINTY = Code("pattern_certain", OWN_SCHEME, "Whether a pixel would change the pattern")
STATUS = Code("status", OWN_SCHEME, "Status of the segmentation")
DRAWN_BY = Code("drawn_by", OWN_SCHEME, "Segmentation drawn by")
ACCEPTED = Code("accepted_at", OWN_SCHEME, "Segmentation accepted at")
CLASS = Code("transmural_class", OWN_SCHEME, "Class of mean transmurality, percent")
WALL_PART = Code("wall_part", OWN_SCHEME, "Part of the wall that was measured")
WHOLE_WALL, NOT_ENHANCED = "whole wall", "not enhanced"
AS_DRAWN = Code("drawn", OWN_SCHEME, "Scar as segmented")

Value = tuple[Code, float | None, Code]


@dataclass(frozen=True, kw_only=True)
class Clinical:
    """What a report says beside volumes; None and empty for what is not known.

    body: sizes by body surface area; pattern: of all scar; viable_segments: how many are likely
    viable; headline: the scar method that the report leads with, None for what was segmented;
    remote_given: whether a person placed the remote region;
    intervals: of the measures, a sentence each; indication, comment: of the reader; status,
    drawn_by: in words; accepted: when.
    """

    body: BodyNumbers | None = None
    pattern: ScarPattern | None = None
    viable_segments: int | None = None
    headline: MethodRow | None = None
    remote_given: bool = False
    intervals: tuple[str, ...] = ()
    indication: str = ""
    comment: str = ""
    status: str = ""
    drawn_by: str = ""
    accepted: datetime | None = None


VOLUMES_ONLY = Clinical()


def clinical_of(quantification: Quantification, *, method: str) -> Clinical:
    """What the report of these measures says of them; method: the scar method it leads with."""
    rows = (row for row in quantification.methods if row.method == method != "drawn")
    return Clinical(
        body=quantification.body,
        pattern=quantification.pattern,
        viable_segments=viable_count(quantification.segments),
        headline=next(rows, None),
        remote_given=quantification.remote.source == "given",
    )


def method_code(method: str) -> Code:
    """A scar method of `acsnet.quantify.scar_methods` as a code."""
    return Code(method, OWN_SCHEME, f"Scar by the threshold {method}")


def tracking(name: str) -> TrackingIdentifier:
    """The name of a group, with a new UID."""
    return TrackingIdentifier(uid=generate_uid(prefix=None), identifier=name)


def measurements(*values: Value, method: Code | None = None) -> list[Measurement]:
    """The values that are not None; -0 becomes 0. method: of each, where others are possible."""
    algorithm = AlgorithmIdentification(name=MAKER, version=__version__)
    return [
        Measurement(
            name=name,
            value=round(value, 4) or 0.0,
            unit=unit,
            method=method,
            algorithm_id=algorithm,
        )
        for name, value, unit in values
        if value is not None
    ]


def pattern_shares(pattern: ScarPattern | None) -> list[Value]:
    """The share of the scar with each pattern; none where no slice tells."""
    shares = {} if pattern is None else pattern.scar_pattern_percent or {}
    return [
        (Code(name, OWN_SCHEME, f"Share of the enhancement: {name}"), share, PERCENT)
        for name, share in shares.items()
    ]


def pattern_words(pattern: ScarPattern | None) -> list[tuple[Code, str | None]]:
    """The pattern, and whether it is certain."""
    if pattern is None or pattern.scar_pattern is None:
        return []
    certain = "certain" if pattern.scar_pattern_certain else "uncertain"
    return [(PATTERN, pattern.scar_pattern), (CERTAINTY, certain)]


def evaluations(*named: tuple[Code, str | None]) -> list[QualitativeEvaluation]:
    """The words that are not None, as codes of our own that mean themselves."""
    return [
        QualitativeEvaluation(name=name, value=Code(word, OWN_SCHEME, word))
        for name, word in named
        if word is not None
    ]


def texts(clinical: Clinical) -> list[TextContentItem]:
    """Who drew and accepted it and when, indication, body size, intervals, the reader's comment."""
    said = []
    if clinical.status:
        said.append((STATUS, clinical.status))
    if clinical.drawn_by:
        said.append((DRAWN_BY, clinical.drawn_by))
    if clinical.accepted is not None:
        said.append((ACCEPTED, clinical.accepted.isoformat(sep=" ", timespec="minutes")))
    if clinical.indication.strip():
        said.append((INDICATION, clinical.indication.strip()))
    body = clinical.body
    if body is not None and body.body_surface_area_m2 is not None:
        size = (
            f"height {body.height_cm:g} cm, weight {body.weight_kg:g} kg, body surface area "
            f"{body.body_surface_area_m2:.2f} m2 (Mosteller)"
        )
        said.append((codes.DCM.Comment, size))
    said += [(codes.DCM.Comment, words) for words in clinical.intervals]
    if clinical.comment.strip():
        said.append((codes.DCM.Comment, f"Reader: {clinical.comment.strip()}"))
    return [
        TextContentItem(name=name, value=text, relationship_type=RelationshipTypeValues.CONTAINS)
        for name, text in said
    ]


def region_group(
    name: str,
    finding: Code,
    site: Code | None,
    headers: Sequence[Dataset],
    *values: Value,
    words: Sequence[tuple[Code, str | None]] = (),
    method: Code | None = None,
) -> MeasurementsAndQualitativeEvaluations:
    """Measurements and words of a region, linked to the images it was measured on.

    method: of the measurements, where others are possible.
    """
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(name),
        finding_type=finding,
        finding_sites=None if site is None else [FindingSite(site)],
        measurements=measurements(*values, method=method),
        qualitative_evaluations=evaluations(*words),
        source_images=[
            SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)
            for header in headers
        ],
    )

"""What report and SR of a label map say beside its measures: who read it, and what they entered.

The same for the pages of a case and for what is stored in a PACS.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from acsnet.annotations.label_versions import by_networks
from acsnet.annotations.marks import NOT_USED, given_of, is_replaced, measure_marked
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.dicom.sr_content import Clinical, clinical_of
from acsnet.measure import MEASURES
from acsnet.pacs.archive import Companions
from acsnet.quantify.features import Features
from acsnet.quantify.features_document import SCHEMA
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.report.patient import subject_of
from acsnet.report.pdf import report_pdf
from acsnet.report.reading import Reading
from acsnet.report.wording import interval_sentences
from acsnet.result import Measured
from acsnet.server.state.paths import DETAILS
from acsnet.settings import read_settings

OF_THE_NETWORKS = ("intervals", "slice_uncertainty", "anatomy", "quality", "seconds")
"""Keys of `features.json` that only the run of the networks can tell, beside their weights."""

OF_THE_LABELS = tuple(sorted(MEASURES - {"warnings"}))
"""Keys that nothing a reader enters changes, among them the threshold that split the scar."""

GIVEN = "given"
"""Among the measures that are kept of a label map: what was entered when it was measured."""

KEPT_OF = range(4, SCHEMA + 1)
"""Versions of `features.json` in which these keys mean what they mean now."""


def entered(store: Path, image: str, *, scan: str) -> tuple[ReadingDetails, tuple[str, ...]]:
    """What a reader entered for a case, and why what is on record of it is not used.

    store: the server's own folder of these studies; scan: `StudyStore.drawn_state_now`.
    """
    saved, faults = DetailsStore(store / DETAILS).read(image, scan=scan)
    return (ReadingDetails() if saved is None else saved.details), faults


def given_for(store: Path, image: str, *, scan: str) -> Given:
    """What of it changes measures; `entered` says what `store` and `scan` are."""
    details, _ = entered(store, image, scan=scan)
    return given_of(details)


def with_given(measured: Measured, given: Given) -> Measured:
    """What the networks drew, measured with what a reader entered.

    Intervals stay, and doubts but those that what was entered may change.
    """
    if given == NOTHING or not measured.labels.any():
        return measured
    again = measure_marked(measured.scan, measured.label_map(), given=given)
    notes = (note for note in again.warnings if note.startswith(NOT_USED))
    return replace(
        measured,
        quantification=replace(again.quantification, features=measured.features),
        warnings=_renewed(measured.warnings, (*again.quantification.warnings, *notes)),
        given=given,
    )


def kept_features(measured: Measured) -> dict[str, Any]:
    """The content of `features.json` as it is kept of a label map: with what it was measured with.

    By that it is told whether these measures hold when something else is entered.
    """
    return {**measured.features_dict(), GIVEN: plain_given(measured.given)}


def plain_given(given: Given) -> dict[str, Any]:
    """What a reader entered that changes measures, as JSON has it."""
    marks = (given.rv_insertion_by_slice, given.remote_by_slice)
    insertion, remote = (
        None if points is None else {str(number): list(point) for number, point in points.items()}
        for points in marks
    )
    return {
        "height_cm": given.height_cm,
        "weight_kg": given.weight_kg,
        "rv_insertion": insertion,
        "remote_region": remote,
    }


def warnings_with(noted: Sequence[str], measured: Measured) -> tuple[str, ...]:
    """The warnings of a label map that was measured again, those noted before first.

    Of what depends on what a reader entered, only what holds now: the insertion that was missing
    may have been given since, and a mark that could not be used may be usable. Of earlier versions,
    only what this one does not say otherwise.
    """
    return _renewed(noted, measured.warnings)


def features_with(noted: Mapping[str, Any], measured: Measured) -> dict[str, Any]:
    """The content of `features.json` of a label map that was measured again.

    noted: on record; what belongs to the label map itself stays, the weights of the networks that
    drew it as well, but for measures of versions other than `KEPT_OF`.
    """
    again = kept_features(measured)
    if noted.get("schema") not in KEPT_OF:
        return again
    kept = {key: noted[key] for key in (*OF_THE_NETWORKS, *OF_THE_LABELS) if key in noted}
    weights = noted["software"]["weights_sha256"]
    return {**again, **kept, "software": {**again["software"], "weights_sha256": weights}}


def _renewed(noted: Iterable[str], now: Iterable[str]) -> tuple[str, ...]:
    """Warnings noted before, but those that were measured and may be others, then those of now."""
    before = (note for note in noted if not is_replaced(note))
    return tuple(dict.fromkeys((*before, *now)))


def reading_of(
    details: ReadingDetails,
    *,
    reviewed: bool,
    author: str,
    reviewer: str,
    at: datetime | None,
    comment: str,
    withdrawn_by: str | None = None,
    replaced: bool = False,
) -> Reading:
    """The reading of one label map.

    Args:
        details: entered for its case.
        reviewed: whether somebody accepted it.
        author: who drew it, the networks among them.
        reviewer: who accepted it, where that is somebody else.
        at: when it was saved or accepted.
        comment: what was said of it.
        withdrawn_by: who took it out of use, empty if unknown; None where nobody did.
        replaced: whether a newer label map holds in its place.
    """
    comments = dict.fromkeys(text for text in (details.comment, comment) if text)
    return Reading(
        reviewed=reviewed,
        author="" if by_networks(author) else author,
        reviewer=reviewer,
        read=at,
        indication=details.indication,
        comment="\n".join(comments),
        withdrawn_by=withdrawn_by,
        replaced=replaced,
    )


def clinical_with(measured: Measured, reading: Reading, *, features: Mapping[str, Any]) -> Clinical:
    """What the SR says beside volumes, led by the method that the site chose.

    features: those of the report, whose intervals may be on record only.
    """
    method = read_settings().report.method
    return replace(
        clinical_of(measured.quantification, method=method),
        intervals=tuple(interval_sentences(features)),
        indication=reading.indication,
        comment=reading.comment,
        status=reading.status,
        drawn_by=reading.drawn_by,
        accepted=reading.read if reading.reviewed else None,
    )


def reported_features(measured: Measured, features: Mapping[str, Any]) -> Features:
    """The measures of the SR, the same as in the report.

    features: those of the report; measured anew, a draft of the networks has no threshold.
    """
    of_labels = {name: features[name] for name in OF_THE_LABELS}
    return Features(**of_labels, warnings=measured.warnings)


def companions_of(
    measured: Measured, *, features: Mapping[str, Any], reading: Reading
) -> Companions:
    """What lies in the PACS beside the SEG of a label map.

    features: those that are kept of it; reading: who drew and read it.
    """
    method = read_settings().report.method
    return Companions(
        features=reported_features(measured, features),
        segments=measured.quantification.segments,
        reader=reading.reader,
        clinical=clinical_with(measured, reading, features=features),
        pdf=lambda header: report_pdf(
            measured, subject_of(header), reading=reading, method=method, features=features
        ),
    )

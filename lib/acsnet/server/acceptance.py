"""Acceptance of a label map by a reader: checked, measured as it holds now, and stored."""

from collections.abc import Callable, Sequence

from acsnet.annotations.acceptance import check_kept
from acsnet.annotations.label_versions import by_networks
from acsnet.errors import InputError
from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.server.datastores.label_records import REVIEWED, accepted_since
from acsnet.server.datastores.label_reports import features_with, given_for
from acsnet.server.datastores.protocol import LabelRecord, NewLabel, StudyStore, find_record
from acsnet.server.errors import UnshownError
from acsnet.server.measures_now import known_now, measured_anew, opened
from acsnet.server.web.shown_versions import digest_of


def accept_version(
    store: StudyStore,
    image: str,
    version: str,
    *,
    saved: str,
    by: str,
    comment: str,
    warnings_shown: Sequence[str],
    looked_at: Callable[[str, str], bool],
) -> tuple[LabelRecord, LabelRecord]:
    """Make a label map the reviewed one of its case.

    Args:
        store: with the case.
        image: id of the case.
        version: id or tag of the label map; a draft of the networks becomes a version of its own.
        saved: when the one that was looked at was saved; empty where nobody says.
        by: the reader.
        comment: what the reader says of it.
        warnings_shown: the warnings that the reader was shown, or their digest.
        looked_at: whether a version of a case was opened, by the ids of both.

    Returns:
        The label map as it was, and the reviewed one; that one twice if it was reviewed before.

    Raises:
        UnknownError: there is no such label map.
        ReplacedError: it has been drawn anew since it was looked at, or the scan was replaced.
        UnshownError: it has other warnings than those shown, among them that somebody else has
            accepted a label map since it was saved; or it is an old one not looked at.
        InputError: it was withdrawn, or drawn on an earlier state of the scan.
        AcceptedError: somebody accepted it before, or this reader with another comment; or this
            reader did, and a newer one holds.
    """
    records = store.label_records(image)
    record = find_record(records, version, saved=saved)
    if record.state == "reviewed":
        return _checked(records, record, record, by=by, comment=comment)
    if record.state == "withdrawn" or not record.current:
        why = "was withdrawn" if record.current else "was drawn on an earlier state of the scan"
        msg = f"this label map {why}: draw it again"
        raise InputError(msg)
    if not (record.tag or looked_at(image, record.id)):
        msg = "open this older label map and look at it before you accept it"
        raise UnshownError(msg)
    drawn_on = store.state_to_label(image)
    file, record = opened(store, image, record)
    is_drawn = not by_networks(record.author)
    known = known_now(store, image, record) if is_drawn else None
    measured = None
    if known is None:
        given = given_for(store.folder, image, scan=store.drawn_state_now(image))
        measured = measured_anew(store, image, record, file, given=given)
        warnings = measured.warnings
    else:
        warnings = tuple(known["warnings"])
    read = {*warnings_shown, *(warnings if digest_of(warnings) in warnings_shown else ())}
    warnings = (*accepted_since(store.label_records(image), record, besides=by), *warnings)
    digest = digest_of(warnings)
    to_show = {warning for warning in warnings if not is_sampling_doubt(warning)}
    if digest not in warnings_shown and not to_show <= read:
        msg = "this label map has warnings: look at them before you accept it"
        raise UnshownError(msg, warnings=warnings, digest=digest)
    if measured is None or is_drawn:
        kept = store.review(image, record.id, by=by, comment=comment)
        return _checked(records, record, kept, by=by, comment=comment)
    label = NewLabel(
        measured=measured,
        features=features_with(record.features, measured),
        drawn_on=drawn_on,
        author=record.author,
        state="reviewed",
        tag=REVIEWED,
        model=record.model,
        reviewer=by,
        comment=comment,
    )
    kept = store.keep_label(image, label)
    return _checked(records, record, kept, by=by, comment=comment)


def _checked(
    records: Sequence[LabelRecord], before: LabelRecord, kept: LabelRecord, *, by: str, comment: str
) -> tuple[LabelRecord, LabelRecord]:
    """What `accept_version` returns; records: as they were. Raises as `check_kept`."""
    check_kept(
        reviewer=kept.reviewer or kept.author,
        at=kept.read,
        kept_comment=kept.comment,
        is_replaced=kept.is_replaced and kept.current,
        by=by,
        comment=comment,
    )
    return next((record for record in records if record.id == kept.id), before), kept

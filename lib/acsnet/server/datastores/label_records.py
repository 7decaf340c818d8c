"""Versions in a folder and segmentations in a PACS as `LabelRecord`s, and which holds under a tag.

A version is what a person saved; a tag is the name under which MONAI Label fetches one of them:

    constant       tag          what it holds
    MODEL_DRAFT    "original"   the model's draft
    READER_DRAFT   "draft"      the newest that a person saved and nobody has reviewed
    REVIEWED       "final"      the newest that a reviewer accepted

Another tag is a client's own.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import DefaultLabelTag

from acsnet.annotations.label_versions import Version, by_networks, last_reviewed
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.pacs.annotations import Annotation
from acsnet.pacs.worklist import Entry
from acsnet.quantify.features_document import without_scar
from acsnet.scan import is_fit
from acsnet.server.datastores.protocol import LabelRecord, find_record, record_under_tag
from acsnet.server.datastores.seg_decisions import SegDecision
from acsnet.server.errors import ReplacedError
from acsnet.storage import write_json

MODEL_DRAFT, REVIEWED = str(DefaultLabelTag.ORIGINAL.value), str(DefaultLabelTag.FINAL.value)
"""MONAI Label's own tags."""

READER_DRAFT = "draft"

LONG_AGO = datetime.fromtimestamp(0, timezone.utc)


def held(versions: Sequence[Version]) -> dict[str, Version]:
    """Tag -> the version that holds under it; versions: of one image, newest first.

    A person's draft holds until something newer is reviewed, under whichever tag. Other tags are a
    client's own.
    """
    used = [version for version in versions if version.state != "withdrawn"]
    held = {version.tag: version for version in reversed(used) if version.tag != REVIEWED}
    if reviewed := last_reviewed(used):
        held[REVIEWED] = reviewed
    finals = (item for item in used if item.tag == REVIEWED or item.state == "reviewed")
    newest = next(finals, None)
    if newest is not None and newest.state == "draft":
        held[READER_DRAFT] = newest
    return held


def record_of_version(
    version: Version, *, tag: str = "", current: bool = False, seg_refused: str | None = None
) -> LabelRecord:
    """The record of what a person saved in a folder; see `LabelRecord`."""
    return LabelRecord(
        id=version.id,
        tag=tag,
        state=version.state,
        author=version.author,
        reviewer=version.reviewer,
        saved=version.saved.astimezone(),
        reviewed=None if version.reviewed is None else version.reviewed.astimezone(),
        model=version.model,
        features=version.features,
        current=current,
        seg_refused=seg_refused,
        comment=version.comment,
        withdrawn_by=version.withdrawn_by,
    )


def reviewed_of(
    version: Version, label: Path, *, image: Path, patient: str, study: str
) -> Reviewed:
    """A reviewed version as what a network may be trained on; label: its file, verified."""
    return Reviewed(
        name=version.image,
        patient=patient,
        image=image,
        label=label,
        at=0.0 if version.reviewed is None else version.reviewed.timestamp(),
        unchanged=by_networks(version.author),
        study=study,
    )


def record_of_info(info: Mapping[str, Any], tag: str, *, current: bool) -> LabelRecord:
    """The record of a label map without a version on the disk, such as the model's draft.

    info: as MONAI Label keeps it, with any of `version`, `user`, `client_id`, `state`, `reviewer`,
    `ts`, `model`, `features` and `seg_refused`.
    """
    seconds = info.get("ts")
    return LabelRecord(
        id=str(info.get("version") or ""),
        tag=tag,
        state=str(info.get("state") or {MODEL_DRAFT: "draft", REVIEWED: "reviewed"}.get(tag, tag)),
        author=str(info.get("user") or info.get("client_id") or ""),
        reviewer=str(info.get("reviewer") or ""),
        saved=datetime.fromtimestamp(seconds, timezone.utc).astimezone() if seconds else None,
        model=str(info.get("model") or ""),
        features=info.get("features") or {},
        current=current,
        seg_refused=info.get("seg_refused"),
    )


def is_drawn_on(info: Mapping[str, Any], scan: str) -> bool:
    """Whether a label map that is noted so is of the scan with this fingerprint.

    One of which that is not noted, as earlier releases left it, counts as such.
    """
    return bool(info.get("scan", scan) == scan)


def accepted_since(
    records: Sequence[LabelRecord], record: LabelRecord, *, besides: str = ""
) -> tuple[str, ...]:
    """What to know before one accepts a draft: somebody has accepted a label map since.

    records: of its scan; record: the draft; besides: the person whose own acceptance is no news.
    Empty where nobody has since it was saved, or only this very draft of the networks.
    """
    valid = record_under_tag(records, REVIEWED)
    if valid is None or valid.read is None or valid.read <= (record.saved or LONG_AGO):
        return ()
    if record.tag == MODEL_DRAFT and by_networks(valid.author):
        return ()
    reviewer = valid.reviewer or valid.author
    if reviewer and reviewer == besides:
        return ()
    when = f"{valid.read.astimezone():%Y-%m-%d %H:%M %Z}"
    return (
        f"{reviewer or 'somebody'} accepted a label map of this case on {when}, after this one was "
        "saved: compare the two before you accept this one, which would take its place",
    )


def record_to_withdraw(
    records: Sequence[LabelRecord], version: str, *, saved: str, state: str
) -> LabelRecord:
    """The label map that is to be withdrawn, as long as it is the one that a person was shown.

    records, version, saved: as of `find_record`. state: in which the person was shown it, empty for
    any; what is withdrawn already is given in any case. Raises UnknownError and ReplacedError.
    """
    record = find_record(records, version, saved=saved)
    if state in ("", record.state) or record.state == "withdrawn":
        return record
    now = f"is {record.state} now"
    if record.state == "reviewed":
        at = record.reviewed
        when = "" if at is None else f" on {at.astimezone():%Y-%m-%d %H:%M %Z}"
        who = record.reviewer or record.author or "somebody"
        now = f"was accepted by {who}{when} since you opened it"
    msg = f"this label map {now}: open the case again"
    raise ReplacedError(msg)


def records_of_folder(
    infos: Mapping[str, Mapping[str, Any]], versions: Sequence[Version], *, scan: str
) -> tuple[LabelRecord, ...]:
    """All label maps of one scan of a folder, newest first.

    infos: tag -> what MONAI Label keeps of the label map that is shown under it; versions: all
    that people saved; scan: fingerprint of the files of the scan now.
    """
    by_id = {version.id: version for version in versions}
    records = []
    for tag, info in infos.items():
        current = is_drawn_on(info, scan)
        version = by_id.get(info.get("version", ""))
        if version is None:
            records.append(record_of_info(info, tag, current=current))
        else:
            refused = info.get("seg_refused")
            records.append(
                record_of_version(version, tag=tag, current=current, seg_refused=refused)
            )
    shown = {record.id for record in records}
    records += [
        record_of_version(version, current=version.scan == scan)
        for version in versions
        if version.id not in shown
    ]
    return tuple(sorted(records, key=lambda record: record.saved or LONG_AGO, reverse=True))


def record_of_seg(
    annotation: Annotation,
    *,
    tag: str = "",
    features: Mapping[str, Any],
    decision: SegDecision | None = None,
) -> LabelRecord:
    """The record of a SEG in a PACS; it refers to its images, and images never change.

    A label map that is accepted is stored as a new SEG, so that its time is that of the review.
    """
    said = decision or SegDecision(instance=annotation.instance)
    return LabelRecord(
        id=annotation.instance,
        tag=tag,
        state=annotation.state,
        author=said.author or annotation.author,
        reviewer=said.reviewer,
        saved=annotation.made_at,
        reviewed=annotation.made_at if annotation.state == "reviewed" else None,
        model=str(features.get(MODEL_VERSION) or ""),
        features=features,
        comment=said.comment,
        withdrawn_by=said.withdrawn_by,
    )


def features_on(features: Mapping[str, Any], warnings: Sequence[str]) -> Mapping[str, Any]:
    """Measures as noted, without scar on a scan that is no short-axis LGE.

    Earlier releases noted scar there. warnings: what the reader of the scan noticed.
    """
    return features if is_fit(warnings) else without_scar(features)


MODEL_VERSION = "model_version"
"""Among the measures of a SEG: the version of the model, which the SEG itself does not tell."""


class KeptMeasures:
    """Measures of SEGs by SOPInstanceUID, so that pages need not read a SEG: it never changes.

    change: held while what is kept is replaced; hold it to keep what follows from what is known.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.change = threading.RLock()

    def keep(self, instance: str, features: Mapping[str, Any]) -> None:
        """Keep the measures of a SEG."""
        with self.change:
            write_json(self._folder / f"{instance}.json", features, private=True)

    def of(self, instance: str) -> dict[str, Any]:
        """The measures of a SEG; empty while nobody has read it.

        Where they are damaged, they go with the copy of the SEG, and are made again with it.
        """
        known = self._read(instance)
        if known is None:
            with self.change:
                known = self._read(instance)
                if known is None:  # nobody has made them again meanwhile
                    for made in self._folder.glob(f"{instance}[.-]*"):
                        made.unlink(missing_ok=True)
        return known or {}

    def _read(self, instance: str) -> dict[str, Any] | None:
        """As `of`; None where they are damaged."""
        try:
            text = (self._folder / f"{instance}.json").read_text(encoding="utf-8")
            return dict(json.loads(text))
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError):
            return None


def tagged(entry: Entry) -> dict[str, Annotation]:
    """Tag -> the SEG that holds under it."""
    newest = entry.drawn[0] if entry.drawn else None
    holding = {
        REVIEWED: entry.newest("reviewed"),
        MODEL_DRAFT: entry.model_draft,
        READER_DRAFT: newest if newest is not None and newest.state == "draft" else None,
    }
    return {tag: annotation for tag, annotation in holding.items() if annotation is not None}

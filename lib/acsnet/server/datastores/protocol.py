"""What a store of scans and labels offers the rest of the server: a folder and a PACS alike."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.provenance import State
from acsnet.errors import InputError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.io.series import Series
from acsnet.result import Measured
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.errors import ReplacedError, UnknownError

SHOWN_TAGS = (
    "Modality",
    "StudyDate",
    "StudyTime",
    "PatientID",
    "PatientName",
    "SeriesDescription",
    "StudyInstanceUID",
    "SeriesInstanceUID",
)
"""What clients and our own pages show of a series."""

EARLIER = "this label map was drawn on an earlier state of the scan: draw it again"

REPLACED = (
    "the scan's files were replaced or changed while the label map was saved: open the scan again "
    "and draw on it as it is now"
)


@dataclass(frozen=True, kw_only=True)
class NewLabel:
    """A label map that comes in, checked, and measured with what was entered for its case.

    features: content of `features.json`, to be kept. drawn_on: `StudyStore.state_to_label` before
    the scan was read. tag: what the client calls it. model: version of the model whose draft it
    began from, empty for none; None where only the store can tell, by the draft that is there now.
    reviewer, comment: of one who took over a draft of the networks as it is.
    """

    measured: Measured
    features: Mapping[str, Any]
    drawn_on: str
    author: str
    state: State
    tag: str
    model: str | None = None
    reviewer: str = ""
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class LabelRecord:
    """One label map of a scan.

    id: of the version, in a PACS the SOPInstanceUID of the SEG; empty for the model's draft in a
    folder. tag: what it is fetched by, empty for one that a newer one has replaced. state: draft,
    reviewed or withdrawn. author, reviewer: empty if unknown. saved: None if unknown. reviewed:
    when it was accepted, None if nobody did or it is unknown. model: version of the model that drew
    it, or whose draft the author began from; empty for none.
    features: as measured when it came in, or empty. current: whether the files of the scan are
    still those it was drawn on. seg_refused: why it could not be written as DICOM SEG.
    missing: what could not be stored beside it when it was saved, and why. comment: what was said
    with the last decision on it. withdrawn_by: empty where nobody did.
    """

    id: str
    tag: str
    state: str
    author: str
    reviewer: str = ""
    saved: datetime | None
    reviewed: datetime | None = None
    model: str = ""
    features: Mapping[str, Any]
    current: bool = True
    seg_refused: str | None = None
    missing: tuple[str, ...] = ()
    comment: str = ""
    withdrawn_by: str = ""

    @property
    def name(self) -> str:
        """What it is asked for by: its id, or the tag where it has none."""
        return self.id or self.tag

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know before using the numbers."""
        noted = tuple(self.features.get("warnings", ()))
        return noted if self.current else (EARLIER, *noted)

    @property
    def is_replaced(self) -> bool:
        """Whether a newer label map holds in its place."""
        return not self.tag and self.state != "withdrawn"

    @property
    def moment(self) -> str:
        """When it was saved, to the second, as ISO 8601 has it; empty where nobody knows."""
        return "" if self.saved is None else self.saved.isoformat(timespec="seconds")

    @property
    def read(self) -> datetime | None:
        """When it got its state: of a reviewed one when it was accepted, if known; else saved."""
        return (self.reviewed or self.saved) if self.state == "reviewed" else self.saved

    def to_info(self) -> dict[str, Any]:
        """As MONAI Label's record of a label, where `user` is the author and `ts` the time.

        To the fraction of a second, which tells whether a draft is older than what a person saved.
        The model's draft in a folder has no `version`.
        """
        return {
            **({"version": self.id} if self.id else {}),
            "state": self.state,
            "user": self.author,
            "ts": 0 if self.saved is None else self.saved.timestamp(),
            "model": self.model,
            "reviewer": self.reviewer,
            "comment": self.comment,
            "features": dict(self.features),
        }


def record_under_tag(records: Sequence[LabelRecord], tag: str) -> LabelRecord | None:
    """The label map of the scan as it is that is fetched by a tag; None where there is none."""
    return next((record for record in records if record.tag == tag and record.current), None)


def each_once(records: Sequence[LabelRecord]) -> list[LabelRecord]:
    """What was saved, each version once: one may be fetched by several tags. In their order."""
    return list({record.id: record for record in records if record.id}.values())


def check_current(record: LabelRecord) -> None:
    """Raises InputError for a label map that was drawn on an earlier state of the scan."""
    if not record.current:
        raise InputError(EARLIER)


def find_record(records: Sequence[LabelRecord], version: str, *, saved: str = "") -> LabelRecord:
    """The label map with an id or, where none has it, under a tag.

    Args:
        records: of a scan.
        version: the id or tag.
        saved: `LabelRecord.moment` of the one that a person was shown; empty for whichever it is.

    Raises:
        UnknownError: there is none.
        ReplacedError: there is another one by that tag now.
    """
    for record in records:
        if version and version == record.id:
            return record
    held = record_under_tag(records, version) if version else None
    if held is None:
        msg = f"there is no label map {version!r} of this case"
        raise UnknownError(msg)
    if saved and saved != held.moment:
        msg = "this label map has been drawn anew since you opened it: open the case again"
        raise ReplacedError(msg)
    return held


class StudyStore(Protocol):
    """Scans by id, and the label maps that people and the model drew on them.

    scores: file with the history of scores; folder: the server's own of these scans.
    """

    scores: Path
    folder: Path

    def __hash__(self) -> int:
        """By identity: two stores are never the same."""

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""

    def fault(self) -> str:
        """Why the list of scans is old or not complete; empty where it is neither."""

    def close(self) -> None:
        """Stop what runs in the background."""

    def series(self) -> list[Series]:
        """DICOM series whose files are on this machine."""

    def list_images(self) -> list[str]:
        """Ids of all scans, those that are refused among them."""

    def get_labeled_images(self) -> list[str]:
        """Ids of the scans with a reviewed label."""

    def get_unlabeled_images(self) -> list[str]:
        """Ids of the scans that wait for a person; none that are refused."""

    def get_image_uri(self, image_id: str) -> str:
        """Path of a scan's file or folder; empty for no such id."""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Tags of a scan, and who was offered it."""

    def image_notes(self, image_id: str) -> dict[str, Any]:
        """What the store keeps of a scan beside its labels, such as to whom it was offered."""

    def revision(self, image_id: str) -> Hashable:
        """What changes when anything that is shown of a scan does; None where that is not known."""

    def generation(self) -> Hashable:
        """What changes when the revision of any scan does; None where that is not known."""

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Add to what is known of a scan."""

    def image_fingerprint(self, image_id: str) -> str:
        """What changes when the files of a scan do; empty where that is not known."""

    def drawn_state_now(self, image_id: str) -> str:
        """The state of a scan's files that what people drew on it or entered for it names.

        A copy with other times has the same. Empty in a PACS, whose images never change.
        """

    def state_to_keep(self, image_id: str) -> str:
        """As `drawn_state_now`, for what is kept of it now: what the files hold is noted."""

    def state_to_label(self, image_id: str) -> str:
        """The state of a scan's files, to be taken before it is read for a label map.

        Before its images are fetched from a PACS, too, where it changes when the stack gets other
        images. Empty for no such id. Raises AcsnetError where the scan cannot be measured.
        """

    def verdict(self, image_id: str) -> Verdict:
        """Whether a scan can be measured, as far as is known now."""

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Take a client's scan. Raises InputError where the store takes none."""

    def remove_image(self, image_id: str) -> None:
        """Remove a scan that a client sent. Raises InputError for any other."""

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Tags of the label maps of the scan as it is, each with the id of the label."""

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """NIfTI file of the label map of the scan as it is under a tag; empty for none.

        Raises AcsnetError for one not readable.
        """

    def seg_file(self, image_id: str, label_tag: str) -> Path | None:
        """DICOM SEG of a label map on this machine; None where there is none."""

    def label_records(self, image_id: str) -> tuple[LabelRecord, ...]:
        """All label maps of a scan, newest first."""

    def version_uri(self, image_id: str, record: LabelRecord, *, earlier: bool = False) -> str:
        """NIfTI file of any version. Raises AcsnetError for one not readable.

        earlier: whether it may be one that was drawn on an earlier state of the scan, to be looked
        at and not used. Raises InputError for such a one otherwise.
        """

    def keep_label(self, image_id: str, label: NewLabel) -> LabelRecord:
        """Store a person's label map, checked and measured by `label_intake.accept_label`.

        Raises ReplacedError where the scan is no longer the one it was drawn on.
        """

    def keep_draft(self, image_id: str, measured: Measured, model: str) -> None:
        """Store what a version of the model drew; it never counts as a label.

        measured: with what was entered for the scan, see `label_reports.with_given`.
        """

    def review(self, image_id: str, version: str, *, by: str, comment: str = "") -> LabelRecord:
        """Say that a version is reviewed. Raises InputError for one that is not there."""

    def withdraw(
        self,
        image_id: str,
        version: str,
        *,
        by: str,
        reason: str = "",
        saved: str = "",
        state: str = "",
    ) -> LabelRecord:
        """Take a version, by its id or tag, out of use; it is kept.

        saved, state: of the one that a person was shown, and errors: see `record_to_withdraw`.
        """

    def reviewed(self, *, anew: bool = False) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan.

        anew: for a training that begins, which must not miss what scans have got meanwhile.
        """

    def drawn_by(self, image_id: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs, on the grid of the image."""


def require_case(store: StudyStore, image: str) -> None:
    """Raises UnknownError for a scan that the store does not list."""
    if image not in store.list_images():
        msg = f"there is no case {image!r}"
        raise UnknownError(msg)


def scan_to_label(store: StudyStore, image_id: str) -> tuple[str, str]:
    """Path of a scan that a label map is drawn on, and the state of its files before.

    Raises InputError for no such id, and AcsnetError where the scan cannot be measured.
    """
    drawn_on = store.state_to_label(image_id)
    path = store.get_image_uri(image_id)
    if not path:
        msg = f"there is no image {image_id!r}"
        raise InputError(msg)
    return path, drawn_on


def check_same_files(store: StudyStore, image_id: str, drawn_on: str) -> None:
    """Raises ReplacedError where a scan's files are others than those a label map was drawn on."""
    if store.state_to_label(image_id) != drawn_on:
        raise ReplacedError(REPLACED)

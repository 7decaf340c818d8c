"""A PACS as a MONAI Label datastore: images are its LGE series, labels are SEGs in it.

MONAI Label's own DICOMweb datastore builds volumes from broken series, counts the model's drafts
as labels and overwrites; nothing of it is used.
"""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, InputError, PacsError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.pacs.annotations import Annotation
from acsnet.pacs.archive import Archive
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.worklist import Entry
from acsnet.result import Measured
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.label_records import (
    MODEL_DRAFT,
    READER_DRAFT,
    REVIEWED,
    record_to_withdraw,
    tagged,
)
from acsnet.server.datastores.pacs_interface import PacsInterface
from acsnet.server.datastores.pacs_labels import PacsLabels, state_of_images
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.datastores.protocol import (
    SHOWN_TAGS,
    LabelRecord,
    NewLabel,
    check_same_files,
    record_under_tag,
)
from acsnet.server.datastores.seg_decisions import Missing, complete, unrecorded
from acsnet.server.state.paths import SCORES, UNSENT, private_folder
from acsnet.server.web.request_checks import SCAN_SUFFIXES

logger = logging.getLogger(__name__)


class DicomWebDatastore(PacsInterface):
    """The scans of a PACS; an image id, and that of its label, is a SeriesInstanceUID.

    store: the server's own folder, with `images/<id>/` and `labels/`, which can be fetched again,
    and what is in no PACS: reports that it did not take, decisions, details. Each save is a new SEG
    in the PACS: the newest reviewed one is the label, and drafts, segmentations of other software
    and what others saved before stay as they are.
    """

    def __init__(self, settings: PacsSettings, *, store: Path) -> None:
        self.folder = private_folder(store)
        self.scores = store / SCORES
        cache = private_folder(store / "images")
        self._archive = Archive(settings, cache=cache, unsent=store / UNSENT)
        self._labels = PacsLabels(self._archive, store)
        self._name = settings.url
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="labels")
        self._change = threading.Lock()
        self._records: dict[str, dict[str, Any]] = {}
        self._unkept: dict[str, str] = {}
        if missing := unrecorded(store):
            self._reader.submit(self._complete_log, missing)

    def name(self) -> str:
        """Address of the PACS."""
        return self._name

    def refresh(self) -> None:
        """Search the PACS anew, and read in the background what people stored in it meanwhile."""
        self._archive.worklist.invalidate()
        self._reader.submit(self._read_labels)

    def close(self) -> None:
        """Stop what runs in the background."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._archive.close()

    def fault(self) -> str:
        """Why the work list is old, as the PACS does not answer, or cut; empty where it is not."""
        return self._archive.worklist.fault

    def entries(self) -> dict[str, Entry]:
        """The work list as it is now, by image id."""
        return self._labels.entries()

    def image_fingerprint(self, image_id: str) -> str:
        """What changes when the stack of a series gets other images; empty until it is known."""
        entry = self.entries().get(image_id)
        return "" if entry is None else state_of_images(entry)

    def state_to_label(self, image_id: str) -> str:
        """As `image_fingerprint`, once the series has been checked. Raises as `get_image_uri`."""
        return state_of_images(self._archive.entry(image_id)) if self._is_listed(image_id) else ""

    def verdict(self, image_id: str) -> Verdict:
        """Whether a scan can be measured, as far as is known now."""
        entry = self.entries().get(image_id)
        if entry is None:
            return Verdict(reason="it is not in the PACS")
        choice = () if entry.choice is None else (entry.choice.statement,)
        unkept = self._unkept.get(image_id)
        faults = () if unkept is None else (f"its draft could not be stored: {unkept}",)
        return Verdict(
            reason=entry.known.reason,
            warnings=(*entry.known.warnings, *choice, *faults, *self._archive.missing(entry)),
            checked=entry.examination is not None,
        )

    def list_images(self) -> list[str]:
        """Ids of all scans, those that are refused among them."""
        return list(self.entries())

    def get_labeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans with a label, by default a final one."""
        return [
            uid
            for uid, entry in self.entries().items()
            if entry.known.reason is None and (label_tag or REVIEWED) in tagged(entry)
        ]

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans that wait for a person: not refused, and one for each scan."""
        return [
            uid
            for uid, entry in self.entries().items()
            if not entry.drawn
            and not entry.is_rejected
            and self.verdict(uid).is_offered
            and (entry.choice is None or entry.choice.preferred)
        ]

    def get_image_uri(self, image_id: str) -> str:
        """Folder of a scan's images, fetched where they are not here yet; empty for no such id.

        Raises AcsnetError with the reason for a scan that cannot be measured.
        """
        return str(self._archive.fetch(image_id)) if self._is_listed(image_id) else ""

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """Tags of a series and its place in the work list; no path, see `StudiesDatastore`."""
        entry = self.entries().get(image_id)
        return {} if entry is None else self._info(entry)

    def image_notes(self, image_id: str) -> dict[str, Any]:
        """Who was shown it in this run."""
        return self._records.get(image_id, {})

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Remember for this run who was shown what."""
        with self._change:
            self._records[image_id] = {**self._records.get(image_id, {}), **info}

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Tag -> label id."""
        return dict.fromkeys(self._labels_of(image_id), image_id)

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """NIfTI file of the SEG that holds, on the grid of its image; empty where there is none.

        Raises AcsnetError where the SEG cannot be read as our labels.
        """
        annotation = self._labels_of(label_id).get(label_tag)
        return "" if annotation is None else str(self._labels.file(label_id, annotation))

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """As clients get it: the record of the label that holds, with all versions."""
        records = self.label_records(label_id)
        record = record_under_tag(records, label_tag)
        versions = [record.to_info() for record in records]
        return {} if record is None else {**record.to_info(), "versions": versions}

    def label_records(self, image_id: str) -> tuple[LabelRecord, ...]:
        """All segmentations of a scan, newest first; measures of those that were read."""
        entry = self.entries().get(image_id)
        return () if entry is None else self._labels.records(entry)

    def version_uri(self, image_id: str, record: LabelRecord, *, earlier: bool = False) -> str:
        """NIfTI file of any version; none is of an earlier state, as images never change.

        Raises AcsnetError for one not readable.
        """
        return str(self._labels.file_of(image_id, record.id))

    def review(self, image_id: str, version: str, *, by: str, comment: str = "") -> LabelRecord:
        """As `PacsLabels.review`."""
        return self._labels.review(image_id, version, by=by, comment=comment)

    def reviewed(self, *, anew: bool = False) -> list[Reviewed]:
        """As `PacsLabels.reviewed`, of all scans."""
        return self._labels.reviewed(self.entries().values(), anew=anew)

    def drawn_by(self, image_id: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs, on the grid of the image."""
        return self._labels.drawn_by(image_id)

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """As `accept_file`: MONAI Label's way in is no other."""
        accept_file(self, image_id, Path(label_filename), tag=label_tag, info=label_info)
        return image_id

    def keep_label(self, image_id: str, label: NewLabel) -> LabelRecord:
        """Store a person's label map as a new SEG, and its measures.

        Raises InputError for any tag but `final` and `draft`: a SEG has no tags.
        """
        if label.tag not in (REVIEWED, READER_DRAFT):
            msg = f"a label in a PACS must be saved with tag 'final' or 'draft', got {label.tag!r}"
            raise InputError(msg)
        check_same_files(self, image_id, label.drawn_on)
        model = label.model
        if model is None:
            draft = record_under_tag(self.label_records(image_id), MODEL_DRAFT)
            model = "" if draft is None else draft.model
        return self._labels.store(
            image_id,
            label.measured,
            features=label.features,
            author=label.author,
            state=label.state,
            model=model,
            reviewer=label.reviewer,
            comment=label.comment,
        )

    def keep_draft(self, image_id: str, measured: Measured, model: str) -> None:
        """Store what the model drew; a PACS that will not have it keeps nobody from the result."""
        try:
            self._labels.store_draft(image_id, measured, model)
            self._unkept.pop(image_id, None)
        except AcsnetError as error:
            logger.warning("a draft could not be stored: %s", error)
            self._unkept[image_id] = str(error)

    def datalist(self) -> list[dict[str, Any]]:
        """Images with their reviewed labels."""
        return [{"image": str(case.image), "label": str(case.label)} for case in self.reviewed()]

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""
        tags = {
            tag: len(self.get_labeled_images(tag)) for tag in (REVIEWED, READER_DRAFT, MODEL_DRAFT)
        }
        return {
            "total": len(self.entries()),
            "completed": tags[REVIEWED],
            "label_tags": {tag: count for tag, count in tags.items() if count},
        }

    def json(self) -> dict[str, Any]:
        """Images and their labels as clients list them."""
        return {
            "name": self.name(),
            "description": self.description(),
            "objects": {
                uid: {
                    "image": {"ext": SCAN_SUFFIXES[0], "info": self._info(entry)},
                    "labels": {
                        record.tag: {"ext": SCAN_SUFFIXES[0], "info": record.to_info()}
                        for record in self._labels.records(entry)
                        if record.tag
                    },
                }
                for uid, entry in self.entries().items()
            },
        }

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
        """Take a SEG out of use; it stays in the PACS, and this server notes the decision."""
        records = self.label_records(image_id)
        record = record_to_withdraw(records, version, saved=saved, state=state)
        return self._labels.withdraw(image_id, record, by=by, reason=reason)

    def shows(self, study: str, series: str) -> bool:
        """Whether viewers may see a series: of the work list, or made from one that is."""
        return self._archive.worklist.shows(study, series)

    @property
    def service(self) -> DicomWeb:
        """The DICOMweb service of the PACS."""
        return self._archive.pacs

    def _read_labels(self) -> None:
        """Check and measure the reviewed labels of the scans whose images are here."""
        try:
            entries = self.entries().values()
        except PacsError as error:
            logger.warning("labels are read another time: %s", error)
            return
        folder = self._archive.worklist.folder
        self._labels.reviewed(entry for entry in entries if folder(entry.uid).is_dir())

    def _complete_log(self, missing: Missing) -> None:
        """Add the lines of the audit log that were missing at the start, of SEGs in the PACS."""
        try:
            images = {
                seg.instance: uid
                for uid, entry in self.entries().items()
                for seg in entry.annotations
            }
            count = complete(missing, images)
        except (PacsError, OSError) as error:
            logger.warning("the audit log is completed at another start: %s", error)
            return
        if count:
            logger.warning("lines that were missing in the audit log are added: %d", count)

    def note_save(self, instance: str, *, user: str, image: str) -> None:
        """Note that a SEG which a viewer sends is about to be stored."""
        self._labels.saves.add(instance, user=user, image=image)

    def _is_listed(self, image_id: str) -> bool:
        return image_id in self.entries() or self._archive.worklist.entry(image_id) is not None

    def _labels_of(self, image_id: str) -> dict[str, Annotation]:
        entry = self.entries().get(image_id)
        return {} if entry is None else tagged(entry)

    def _info(self, entry: Entry) -> dict[str, Any]:
        tags = {tag: entry.text(tag) for tag in SHOWN_TAGS}
        if entry.known.part is not None:
            tags["SeriesDescription"] = f"{tags['SeriesDescription']} ({entry.known.part})".strip()
        return {
            **self._records.get(entry.uid, {}),
            **tags,
            "name": f"{entry.uid}{SCAN_SUFFIXES[0]}",
            "state": entry.state,
        }

"""Scans of a studies folder that is never written to, with labels and records kept beside it."""

import hashlib
import logging
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from monailabel.datastore.local import DataModel
from numpy.typing import NDArray

from acsnet import __version__
from acsnet.annotations.label_versions import Version, VersionStore, by_author, last_reviewed
from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning.training_request import Reviewed
from acsnet.io.label_map import read_labels
from acsnet.result import Measured
from acsnet.server.datastores.folder_scans import LARGE, FolderScans
from acsnet.server.datastores.label_intake import accept_file, author_of
from acsnet.server.datastores.label_records import (
    MODEL_DRAFT,
    READER_DRAFT,
    REVIEWED,
    features_on,
    held,
    record_of_version,
    record_to_withdraw,
    records_of_folder,
    reviewed_of,
)
from acsnet.server.datastores.label_reports import kept_features
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.datastores.protocol import (
    LabelRecord,
    NewLabel,
    check_current,
    check_same_files,
    each_once,
)
from acsnet.server.datastores.seg_files import label_file, without_seg
from acsnet.server.state.paths import VERSIONS, private_folder
from acsnet.server.web.request_checks import SCAN_SUFFIXES
from acsnet.storage import write_bytes

logger = logging.getLogger(__name__)


class StudiesDatastore(FolderScans):
    """A MONAI Label datastore over links to the scans in a studies folder.

    studies: the folder with `.nii.gz` and `.nii` files, and DICOM series anywhere below it, each
    an image called by its SeriesInstanceUID. store: the server's own folder for it, with `images/`
    (links), `uploads/` (scans of clients), `series/`, `versions/` (all that people ever saved),
    `labels/<tag>/` (what holds now), `seg/<tag>/` and the record file. The studies folder is looked
    at again whenever a client asks what there is; one with more than `LARGE` scans in the
    background, and what a look found of their files holds until the next.
    """

    def __init__(self, *, studies: Path, store: Path, large: int = LARGE) -> None:
        began = time.monotonic()
        self._versions = VersionStore(store / VERSIONS)
        self._looked_at: dict[str, list[Version]] = {}
        super().__init__(studies=studies, store=store, large=large)
        self._take_up()
        self._rest(began)

    def _verdict_now(self, image_id: str) -> Verdict:
        """As of the scan, and which files of its labels are damaged."""
        verdict = super()._verdict_now(image_id)
        damaged = self._versions.damaged(image_id)
        notes = (f"{name} of its labels is damaged: see docs/operations.md" for name in damaged)
        return replace(verdict, warnings=(*verdict.warnings, *notes)) if damaged else verdict

    def get_unlabeled_images(
        self, label_tag: str | None = None, labels: list[str] | None = None
    ) -> list[str]:
        """Ids of the scans that wait for a person: none refused, rejected, cine or long-axis.

        What was drawn on an earlier state of a scan does not count, nor its rejection.
        """
        self.refresh()
        return [
            image
            for image in self.list_images()
            if not {REVIEWED, READER_DRAFT} & (tags := self.get_labels_by_image_id(image)).keys()
            and (tags or not self._on_scan(image))
            and self.verdict(image).is_offered
        ]

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]
    ) -> str:
        """As `accept_file`: MONAI Label's way in is no other."""
        accept_file(self, image_id, Path(label_filename), tag=label_tag, info=label_info)
        return image_id

    def state_to_label(self, image_id: str) -> str:
        """As `state_to_keep`; empty for no such id."""
        return self.state_to_keep(image_id) if self.get_image_uri(image_id) else ""

    def keep_label(self, image_id: str, label: NewLabel) -> LabelRecord:
        """Keep what a person drew as a new version, and show what holds now under each tag.

        What holds is a NIfTI file in `labels/<tag>/`, of a series also a DICOM SEG.
        """
        with self._change, label_file(label.measured) as file:
            check_same_files(self, image_id, label.drawn_on)
            scan, model = label.drawn_on, label.model
            if model is None:
                draft = super().get_label_info(image_id, MODEL_DRAFT)
                model = draft.get("model", "") if draft.get("scan") == scan else ""
            version = self._versions.add(
                image_id,
                file,
                author=label.author,
                model=model,
                scan=scan,
                tag=REVIEWED if label.tag == READER_DRAFT else label.tag,
                features=label.features,
                state=label.state,
                by=label.reviewer,
                comment=label.comment,
            )
            return self._shown(image_id, version.id)

    def keep_draft(self, image_id: str, measured: Measured, model: str) -> None:
        """Keep what a version of the model drew: shown to readers, and never counted as a label."""
        record = LabelRecord(
            id="",
            tag=MODEL_DRAFT,
            state="draft",
            author=f"ACSNet {__version__}",
            saved=datetime.now(timezone.utc),
            model=model,
            features=kept_features(measured),
        )
        with self._change, label_file(measured) as file:
            self._show(image_id, file, record, scan=self.state_to_keep(image_id))

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """As clients get it: the record of a label map, with all versions, newest first."""
        info = super().get_label_info(label_id, label_tag)
        versions = [record.to_info() for record in each_once(self.label_records(label_id))]
        return {**info, "versions": versions} if info else {}

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """NIfTI file of the label map under a tag, as it was kept; empty where there is none.

        One that was damaged since is shown anew from its version. Raises InputError where that is
        damaged, too, and for a draft of the model, which is gone then.
        """
        if label_tag not in self.get_labels_by_image_id(label_id):
            return ""
        if not self._is_label_whole(label_id, label_tag):
            with self._change:
                if not self._is_label_whole(label_id, label_tag):  # no new one meanwhile
                    self._mend_label(label_id, label_tag)
        return str(super().get_label_uri(label_id, label_tag))

    def _mend_label(self, image: str, tag: str) -> None:
        is_draft = "version" not in self._noted(image).get(tag, {})
        self._hide(image, tag)
        if is_draft:
            msg = "the draft of the model was damaged on the disk: segment the scan again"
            raise InputError(msg)
        self._show_versions(image)

    def label_records(self, image_id: str) -> tuple[LabelRecord, ...]:
        """All label maps of a scan, newest first; of the model only the newest draft is kept."""
        noted, versions = self._noted(image_id), self._versions.versions(image_id)
        records = records_of_folder(noted, versions, scan=self._drawn_state(image_id))
        warnings = self.verdict(image_id).warnings
        return tuple(
            replace(record, features=features_on(record.features, warnings)) for record in records
        )

    def version_uri(self, image_id: str, record: LabelRecord, *, earlier: bool = False) -> str:
        """NIfTI file of any version; see `StudyStore`.

        What a person saved has a file of its own, whatever is shown under its tag meanwhile. Where
        that is damaged, the copy that is shown serves.
        """
        if not earlier:
            check_current(record)
        if not record.id:
            return self.get_label_uri(image_id, record.tag)
        try:
            return str(self._versions.version(image_id, record.id).verified())
        except (OSError, InputError):
            path = self.get_label_uri(image_id, record.tag)
            if self._noted(image_id).get(record.tag, {}).get("version") != record.id:
                raise
            return path

    def review(self, image_id: str, version: str, *, by: str, comment: str = "") -> LabelRecord:
        """Say that a version is reviewed. Raises InputError for one that is not there."""
        with self._change:
            self._versions.mark(image_id, version, "reviewed", by=by, comment=comment)
            return self._shown(image_id, version)

    def reviewed(self, *, anew: bool = False) -> list[Reviewed]:
        """What a network may be trained on: the newest reviewed label of each scan as it is now.

        Left out are labels of an earlier scan or of no LGE, and those altered on the disk.
        """
        reviewed = []
        for versions in self._versions.all():
            image = versions[0].image
            path = self.get_image_uri(image)
            version = last_reviewed(self._on_scan(image, now=True)) if path else None
            if version is None or not self.verdict(image).is_lge(version.features):
                continue
            try:
                label = version.verified()
            except (OSError, InputError) as error:
                logger.warning("a reviewed label is left out: %s", type(error).__name__)
                continue
            whose = {"patient": self._links.patient(image), "study": self._links.study(image)}
            reviewed.append(reviewed_of(version, label, image=Path(path), **whose))
        return reviewed

    def datalist(self, full_path: bool = True) -> list[dict[str, Any]]:
        """Images with their reviewed labels."""
        return [{"image": str(case.image), "label": str(case.label)} for case in self.reviewed()]

    def drawn_by(self, image_id: str) -> dict[str, NDArray[np.uint8]]:
        """Author -> the newest label map of theirs on the scan as it is now, on the file's grid."""
        newest = by_author(self._on_scan(image_id, now=True))
        return {author: read_labels(version.verified()) for author, version in newest.items()}

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """As `withdraw`, where nobody says who does it."""
        self.withdraw(label_id, label_tag, by=author_of({}))

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
        """Take a version out of use; it is kept, as withdrawn, a draft of the model, too."""
        with self._change:
            records = self.label_records(image_id)
            record = record_to_withdraw(records, version, saved=saved, state=state)
            if record.id:
                kept = self._versions.mark(image_id, record.id, "withdrawn", by=by, comment=reason)
            else:
                kept = self._versions.add(
                    image_id,
                    Path(self.get_label_uri(image_id, record.tag)),
                    author=record.author,
                    model=record.model,
                    scan=self._noted(image_id).get(record.tag, {}).get("scan", ""),
                    tag=record.tag,
                    features=record.features,
                    state="withdrawn",
                    by=by,
                    comment=reason,
                )
            if record.tag:
                self._hide(image_id, record.tag)
            return self._shown(image_id, kept.id)

    def _on_scan(self, image: str, *, now: bool = False) -> list[Version]:
        """Versions drawn on a scan as it was at the last look, or is now; newest first."""
        state = self.drawn_state_now(image) if now else self._drawn_state(image)
        versions = self._versions.versions(image) if state else []
        return [version for version in versions if version.scan == state]

    def _show_all(self) -> None:
        """Take up what another process, or a run that was cut short, left to be shown."""
        for versions in self._versions.all():
            image = versions[0].image
            if image not in self._datastore.objects:
                continue
            if self._looked_at.get(image) != versions:
                self._looked_at[image] = versions
                self._changed(image)
            try:
                with self._change:
                    self._show_versions(image)
            except (OSError, AcsnetError) as error:
                logger.warning("a label cannot be shown: %s", type(error).__name__)
            except Exception:  # whatever it is, it costs this image alone
                logger.exception("a label cannot be shown")

    def _show_versions(self, image: str) -> None:
        """Bring what is shown of one image up to date with the versions drawn on it as it is.

        While it cannot be read, all stays.
        """
        if not self._drawn_state(image):
            return
        wanted, noted = held(self._on_scan(image)), self._noted(image)
        for tag, info in noted.items():
            if tag not in wanted and "version" in info:
                self._hide(image, tag)
        for tag, version in wanted.items():
            if noted.get(tag, {}).get("version") != version.id:
                record = record_of_version(version, tag=tag)
                self._show(image, version.verified(), record, scan=version.scan)

    def _shown(self, image: str, version: str) -> LabelRecord:
        """Bring what is shown of an image up to date, and give the record of one version.

        The version is kept, whatever becomes of that: the next look tries again.
        """
        missing: tuple[str, ...] = ()
        try:
            self._show_versions(image)
        except OSError as error:
            logger.exception("a label is kept and cannot be shown yet")
            missing = (f"the label map is stored, but cannot be shown yet: {error.strerror}",)
        self._changed(image)
        record = next(kept for kept in self.label_records(image) if kept.id == version)
        return replace(record, missing=(*missing, *without_seg(record)))

    def _show(self, image: str, labels: Path, record: LabelRecord, *, scan: str) -> None:
        """Show a label map, and its DICOM SEG, under its tag; it replaces the one before."""
        name, tag = f"{image}{SCAN_SUFFIXES[0]}", record.tag
        content = labels.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        info = {**record.to_info(), "scan": scan, "name": name, "sha256": digest}
        # As MONAI Label does, but in place whole or not at all. Files and record change together
        # for whoever holds the lock, such as a backup.
        with FileLock(self._lock_file):
            info |= self._write_seg(image, labels, record)
            folder = private_folder(Path(self._datastore.label_path(tag)))
            write_bytes(folder / name, content, private=True)
            self._datastore.objects[image].labels[tag] = DataModel(info=info, ext=SCAN_SUFFIXES[0])
            self._changed(image)
            self._keep_record(image)

"""The scans of a studies folder that is never written to: which there are, and in what state."""

import logging
import threading
import time
from abc import abstractmethod
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from filelock import FileLock

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.series import Series, SeriesFinder
from acsnet.server.datastores.folder_index import FolderIndex
from acsnet.server.datastores.folder_links import SERIES_SUFFIX, StudyLinks
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED, features_on
from acsnet.server.datastores.preflight import Preflight, Verdict, fingerprint
from acsnet.server.datastores.protocol import SHOWN_TAGS, LabelRecord, record_under_tag
from acsnet.server.datastores.scan_contents import ScanContents
from acsnet.server.datastores.seg_files import write_seg
from acsnet.server.datastores.uploads import check_same_scan, drop_upload, keep_upload
from acsnet.server.identity import logged_in
from acsnet.server.state.paths import CONTENTS, SCORES
from acsnet.server.web.request_checks import HEADER_SUFFIXES, SCAN_SUFFIXES
from acsnet.storage import sha256_of

logger = logging.getLogger(__name__)

VOLUME_SUFFIXES = (*(ending for ending in SCAN_SUFFIXES if ending != ".seg.nrrd"), *HEADER_SUFFIXES)

TAKEN = "taken.jsonl"
"""The file of the store with the scans that can be measured, as they were when they were read."""

LARGE = 500
"""Scans above which a folder is looked at in the background. Ours."""

RESTS = 9
"""Times as long as a look in the background took, before the next one."""


class FolderScans(FolderIndex):
    """The scans of a studies folder; see `acsnet.server.datastores.folder` for their labels."""

    def __init__(self, *, studies: Path, store: Path, large: int = LARGE) -> None:
        self._large = large
        self._change, self._look_alone = threading.RLock(), threading.Lock()
        self._count = threading.Lock()
        self._looker = ThreadPoolExecutor(1, thread_name_prefix="studies")
        self._looking: Future[None] | None = None
        self._next_look = 0.0
        self._states: dict[str, str] = {}
        self._clock = 0
        self._revisions: dict[str, int] = {}
        self._verdicts: dict[str, tuple[int, Verdict]] = {}
        self._links = StudyLinks(studies, store=store, change=self._change)
        self._links.refresh()
        self.folder, self.scores = store, store / SCORES
        self._segs = store / "seg"
        self._seg_finder = SeriesFinder(self._segs)
        self._contents = ScanContents(store / CONTENTS)
        self._preflight = Preflight(self._was_read, file=store / TAKEN)
        super().__init__(store, suffixes=(*VOLUME_SUFFIXES, SERIES_SUFFIX))

    @abstractmethod
    def _show_all(self) -> None:
        """Take up what another process, or a run that was cut short, left to be shown."""

    def refresh(self) -> None:
        """Take up scans that came or went since the last look."""
        if len(self._datastore.objects) <= self._large:
            self._look()
        elif time.monotonic() >= self._next_look and (
            self._looking is None or self._looking.done()
        ):
            self._looking = self._looker.submit(self._look)

    def _look(self) -> None:
        began = time.monotonic()
        with self._look_alone:
            self._links.refresh()
            with self._change:
                self._reconcile_datastore()
            self._take_up()
        self._rest(began)

    def _rest(self, began: float) -> None:
        """Leave a large folder alone for a while after a look that began then."""
        self._next_look = time.monotonic() + RESTS * (time.monotonic() - began)

    def _take_up(self) -> None:
        """Take up the state of the files of each scan, where there are many, and its labels."""
        images, before = self.list_images(), self._states
        large = len(images) > self._large
        self._states = {image: self._state_now(image) for image in images} if large else {}
        for image in before.keys() | self._states.keys():
            if before.get(image) != self._states.get(image):
                self._changed(image)
        self._show_all()
        for image in (image for image in images if self._noted(image) and self._drawn_state(image)):
            with self._change:
                for tag in self._noted(image).keys() - self.get_labels_by_image_id(image).keys():
                    self._seg_path(image, tag).unlink(missing_ok=True)  # of an earlier scan

    def status(self) -> dict[str, Any]:
        """Counts of scans and labels, as they are now."""
        self.refresh()
        return super().status()

    def expects_scans(self) -> bool:
        """Whether the studies folder had scans of which something was noted."""
        return self._has_record_beside(self._links.uploaded)

    def get_image_uri(self, image_id: str) -> str:
        """Path of a scan's file; empty for an id that is not in the store."""
        known = self._datastore.objects.get(image_id)
        return "" if known is None else self._links.path(f"{image_id}{known.image.ext}")

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """The record of a scan; for a series with its tags, and without a path.

        A client that finds a path opens it by itself, which for a series goes past the geometry
        gate; without one it asks for the image, see `acsnet.server.routes.labels`.
        """
        path, info = self.get_image_uri(image_id), self.image_notes(image_id)
        if image_id in self._links.uploaded:
            info["uploaded"] = True
        series = self._links.scans.get(image_id)
        if series is None or not Path(path).is_dir():
            # From elsewhere a path of this machine is none of theirs, and JSON is UTF-8.
            if path.endswith(HEADER_SUFFIXES):  # half of a scan
                return {**info, "name": f"{image_id}{SCAN_SUFFIXES[0]}"}
            show_path = bool(path) and logged_in() is None and path.isprintable()
            return {**info, "path": path} if show_path else info
        tags = {tag: series.text(tag) for tag in SHOWN_TAGS}
        if series.kind is not None:
            tags["SeriesDescription"] = f"{tags['SeriesDescription']} ({series.kind})".strip()
        if not series.files:
            tags["SeriesDescription"] = f"damaged files in {self._links.place(series)}"
        return {**info, **tags, "name": f"{image_id}{SCAN_SUFFIXES[0]}"}

    def image_notes(self, image_id: str) -> dict[str, Any]:
        """What the store keeps of a scan beside its labels, such as to whom it was offered."""
        known = self._datastore.objects.get(image_id)
        return {} if known is None else dict(known.image.info)

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Add to what is noted of a scan."""
        with self._change:
            super().update_image_info(image_id, info)
            self._keep_record(image_id)
            self._changed(image_id)

    def image_fingerprint(self, image_id: str) -> str:
        """What changes when the files of a scan do; empty where they cannot be read."""
        state = self._states.get(image_id)
        return self._state_now(image_id) if state is None else state

    def _state_now(self, image_id: str) -> str:
        try:
            return fingerprint(Path(self.get_image_uri(image_id)))
        except OSError:
            return ""

    def _drawn_state(self, image_id: str) -> str:
        """The state of its files that labels of the scan as it is name: the first that held it."""
        path, state = Path(self.get_image_uri(image_id)), self.image_fingerprint(image_id)
        return self._contents.first_state(image_id, path, state)

    def drawn_state_now(self, image_id: str) -> str:
        """As `_drawn_state`, at this moment."""
        path, state = Path(self.get_image_uri(image_id)), self._state_now(image_id)
        if image_id in self._states:
            self._states[image_id] = state
        return self._contents.first_state(image_id, path, state)

    def state_to_keep(self, image_id: str) -> str:
        """As `drawn_state_now`, for what is kept of it now: what the files hold is noted."""
        self._contents.note(image_id, Path(self.get_image_uri(image_id)))
        return self.drawn_state_now(image_id)

    def _was_read(self, image_id: str) -> None:
        if self._noted(image_id):  # labels that an earlier release kept
            self._contents.note(image_id, Path(self.get_image_uri(image_id)))
        self._changed(image_id)

    def verdict(self, image_id: str) -> Verdict:
        """Whether a scan can be measured, as far as is known now."""
        revision, known = self._revisions.get(image_id, 0), self._verdicts.get(image_id)
        if known is not None and known[0] == revision and image_id in self._states:
            return known[1]
        verdict = self._verdict_now(image_id)
        self._verdicts[image_id] = revision, verdict
        return verdict

    def _verdict_now(self, image_id: str) -> Verdict:
        path, state = self.get_image_uri(image_id), self.image_fingerprint(image_id)
        return self._links.judged(image_id, self._preflight.verdict(image_id, path, state))

    def revision(self, image_id: str) -> Hashable:
        """What changes when anything that is shown of a scan does."""
        return self._revisions.get(image_id, 0), self.image_fingerprint(image_id)

    def generation(self) -> Hashable:
        """What changes when the revision of any scan does; None in a small folder, whose files are
        looked at each time.
        """
        return self._clock if self._states else None

    def _changed(self, image_id: str) -> None:
        """Count a change of what is shown of a scan, once it has been made."""
        with self._count:
            self._clock += 1
            self._revisions[image_id] = self._clock

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """What is noted of a label map, its measures as they hold of the scan."""
        if label_tag not in self.get_labels_by_image_id(label_id):
            return {}
        return self._as_measured(label_id, self._noted(label_id).get(label_tag, {}))

    def json(self) -> dict[str, Any]:
        """Images and their labels as clients list them, as they are now."""
        self.refresh()
        listed: dict[str, Any] = super().json()
        for image, record in listed["objects"].items():
            tags = self.get_labels_by_image_id(image)
            record["labels"] = {tag: of for tag, of in record["labels"].items() if tag in tags}
            for label in record["labels"].values():
                label["info"] = self._as_measured(image, label["info"])
        return listed

    def _as_measured(self, image: str, info: dict[str, Any]) -> dict[str, Any]:
        if "features" not in info:
            return info
        return {**info, "features": features_on(info["features"], self.verdict(image).warnings)}

    @abstractmethod
    def label_records(self, image_id: str) -> tuple[LabelRecord, ...]:
        """All label maps of a scan, newest first."""

    def seg_file(self, image_id: str, label_tag: str) -> Path | None:
        """The DICOM SEG of a label map, as it was written; None where there is none.

        One that was damaged since is made anew, and so is another object.
        """
        if label_tag not in self.get_labels_by_image_id(image_id):
            return None
        file = self._seg_path(image_id, label_tag)
        is_whole = self._is_seg_whole(image_id, label_tag)
        if not is_whole:
            with self._change:
                labels = Path(self.get_label_uri(image_id, label_tag))
                record = record_under_tag(self.label_records(image_id), label_tag)
                if record is not None and not self._is_seg_whole(image_id, label_tag):
                    self._mend_seg(image_id, labels, record)
                is_whole = self._is_seg_whole(image_id, label_tag)
        return file if is_whole and file.is_file() else None

    def _seg_path(self, image: str, tag: str) -> Path:
        return self._segs / tag / f"{image}.dcm"

    def _write_seg(self, image: str, labels: Path, record: LabelRecord) -> dict[str, Any]:
        """Write the DICOM SEG of a label map; gives what its record says of that."""
        series, file = Path(self.get_image_uri(image)), self._seg_path(image, record.tag)
        if not series.is_dir() or record.tag not in (MODEL_DRAFT, READER_DRAFT, REVIEWED):
            return {}
        edited = MODEL_DRAFT in self.get_labels_by_image_id(image)
        refused = write_seg(file, series=series, labels=labels, record=record, edited=edited)
        return {"seg_refused": refused, "seg_sha256": sha256_of(file)}

    def _mend_seg(self, image: str, labels: Path, record: LabelRecord) -> None:
        with FileLock(self._lock_file):
            label = self._datastore.objects[image].labels[record.tag]
            label.info = {**label.info, **self._write_seg(image, labels, record)}
            self._changed(image)
            self._keep_record(image)

    def _hide(self, image: str, tag: str) -> None:
        with FileLock(self._lock_file):
            file = Path(self._datastore.label_path(tag)) / f"{image}{SCAN_SUFFIXES[0]}"
            file.unlink(missing_ok=True)
            self._seg_path(image, tag).unlink(missing_ok=True)
            self._datastore.objects[image].labels.pop(tag, None)
            self._changed(image)
            self._keep_record(image)

    def _is_seg_whole(self, image: str, tag: str) -> bool:
        """Whether a SEG is as the record of its label map says, which may be that there is none.

        It is not while both are replaced, which takes `_change`: hold it to be sure.
        """
        digest = self._noted(image).get(tag, {}).get("seg_sha256", "")
        return sha256_of(self._seg_path(image, tag)) == str(digest)

    def is_whole(self, file: Path) -> bool:
        """Whether a file of `series` is as it was written; a SEG that is not is made anew."""
        if not file.is_relative_to(self._segs):
            return True
        before = sha256_of(file)
        self.seg_file(file.stem, file.parent.name)
        return sha256_of(file) == before

    def series(self) -> list[Series]:
        """All DICOM series found at the last look, and the segmentations made from them."""
        for path in [path for series in self._seg_finder.find() for path in series.damaged]:
            try:
                self.seg_file(path.stem, path.parent.name)
            except (OSError, AcsnetError) as error:
                logger.warning("a segmentation cannot be made anew: %s", type(error).__name__)
        return [*self._links.series, *self._seg_finder.find()]

    def fault(self) -> str:
        """Nothing: a folder is there, or there is an error."""
        return ""

    def close(self) -> None:
        """Stop looking at scans."""
        self._looker.shutdown(wait=False, cancel_futures=True)
        self._preflight.close()

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Take a client's scan into the server's own folder; an id in use must be the same scan.

        Raises FileExistsError where the id already names another scan, InputError or
        GeometryError for a file that is no scan.
        """
        file = Path(image_filename)
        scan = read_scan(file)
        with self._change:
            if present := self.get_image_uri(image_id):
                check_same_scan(image_id, scan, Path(present))
            else:
                upload = keep_upload(image_id, file, uploads=self._links.uploads)
                self._links.add_upload(upload)
                self._reconcile_datastore()
        return image_id

    def remove_image(self, image_id: str) -> None:
        """Remove a scan that a client sent. Raises InputError for one of the studies folder."""
        drop_upload(image_id, self._links.uploaded, store=self.folder)
        with self._change:
            for tag in self._noted(image_id):  # versions of people stay, as drawn on that scan
                self._hide(image_id, tag)
            self._record_file(image_id).unlink(missing_ok=True)
        self._look()

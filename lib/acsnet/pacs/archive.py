"""The LGE scans of a PACS: fetch and read images, read labels, store results."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.dicom.header import MAY_BE_ABSENT, MAY_BE_EMPTY, UNCHANGED
from acsnet.dicom.provenance import AlgorithmType, State
from acsnet.dicom.seg_read import SegReading, read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.dicom.sr import make_sr
from acsnet.dicom.sr_content import VOLUMES_ONLY, Clinical
from acsnet.errors import IN_PACS, AcsnetError, InputError, PacsError, worded
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.io.dicom_files.folder import headers_at
from acsnet.io.dicom_stack.phases import PHASE_FILE
from acsnet.pacs.annotations import MODEL, OFFSET, Annotation, after_all, set_date
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.dicomweb.session import is_lost, status_of
from acsnet.pacs.download import download_images, keep_only
from acsnet.pacs.image_cache import ImageCache
from acsnet.pacs.unsent import Unsent
from acsnet.pacs.worklist import Entry, WorkList
from acsnet.quantify.aha_segments import Segment
from acsnet.quantify.features import Features
from acsnet.scan import ShortAxisScan
from acsnet.storage import write_text

PATIENT_AND_STUDY = (*UNCHANGED, *MAY_BE_EMPTY, *MAY_BE_ABSENT)
GONE = 404
GATEWAY_TIMEOUT = 504


@dataclass(frozen=True, kw_only=True)
class Companions:
    """What is stored beside a SEG: SR and report.

    features, segments, clinical: content of the SR; reader: who answers for it, as its observer;
    empty for whom the SEG names; pdf: makes the report from a header.
    """

    features: Features
    segments: tuple[Segment, ...]
    pdf: Callable[[Dataset], bytes]
    clinical: Clinical = VOLUMES_ONLY
    reader: str = ""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A SEG in the PACS.

    instance: its SOPInstanceUID; missing: what could not be stored beside it, and why; repeated:
    whether it was there before.
    """

    instance: str
    missing: tuple[str, ...] = ()
    repeated: bool = False


class Archive:
    """The LGE scans of one PACS. Methods raise PacsError where the service fails.

    cache: folder for fetched images, which may be removed at any time; unsent: folder for reports
    that the PACS did not take, which are nowhere else.
    """

    def __init__(self, settings: PacsSettings, *, cache: Path, unsent: Path) -> None:
        self.pacs = DicomWeb(settings)
        self.worklist = WorkList(self.pacs, settings, cache=cache)
        self._images = ImageCache()
        self._unsent = Unsent(self.pacs, unsent)
        self._fetching: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def close(self) -> None:
        """Stop background work."""
        self.worklist.close()

    def entry(self, uid: str) -> Entry:
        """A series that can be measured. Raises InputError with the reason if it cannot."""
        entry = self.worklist.entry(uid)
        if entry is None:
            msg = f"there is no series {uid!r} in the work list"
            raise InputError(msg)
        if entry.known.reason is not None:
            raise InputError(entry.known.reason)
        return entry

    def fetch(self, uid: str) -> Path:
        """Download the images of a series and check them once; returns their folder.

        Raises InputError or GeometryError for a series that cannot be measured; the work list then
        shows the reason.
        """
        return self.fetch_entry(self.entry(uid))

    def fetch_entry(self, entry: Entry) -> Path:
        """As `fetch`, of a scan that was examined, without asking whether it is another by now."""
        folder = self.worklist.folder(entry.uid)
        subject = "\\".join(entry.known.subject.values())
        with self._fetching[entry.uid], self._noting_faults(entry):
            self._images.remove_outdated(folder, subject=subject)
            images = dict(zip(entry.known.instances, entry.known.in_series, strict=True))
            fetched = download_images(self.pacs, study=entry.study, images=images, folder=folder)
            keep_only(entry.known.instances, folder)
            if entry.known.phase is not None:
                write_text(folder / PHASE_FILE, str(entry.known.phase))
            if fetched:
                self._images.note(folder, subject=subject)
                read_scan(folder)
        return folder

    def read(self, uid: str) -> tuple[ShortAxisScan, tuple[Dataset, ...]]:
        """A scan and the header of each slice, in the scan's order. Raises as `fetch` does."""
        return self.read_entry(self.entry(uid))

    def read_entry(self, entry: Entry) -> tuple[ShortAxisScan, tuple[Dataset, ...]]:
        """As `read`, as `fetch_entry` fetches it."""
        folder = self.fetch_entry(entry)
        with self._noting_faults(entry):
            scan = read_scan(folder)
        with quiet_pydicom():
            return scan, source_stack(scan, headers_at(folder))

    def label_map(self, annotation: Annotation, sources: Sequence[Dataset]) -> SegReading:
        """The labels of a SEG on the slices of its series. Raises as `read_seg` does."""
        with self._forgetting_what_is_gone(annotation.series):
            seg = self.pacs.instance(annotation.study, annotation.series, annotation.instance)
        return read_seg(seg, sources)

    def store_draft(
        self, uid: str, label_map: NDArray[np.uint8], companions: Companions, *, anew: bool = False
    ) -> Stored | None:
        """Store a draft by the model with its measures, unless the newest draft is identical.

        label_map: on the grid of the input; anew: also an identical one, for that one was rejected.
        Returns the SOPInstanceUID of the SEG, or None.
        """
        scan, sources = self.read(uid)
        labels = scan.grid.from_input(label_map)
        before = self.entry(uid).model_draft
        if (
            before is not None
            and not anew
            and np.array_equal(self.label_map(before, sources).labels, labels)
        ):
            self.send_again(before.instance)
            return None
        sources = self._as_told_now(uid, sources)
        return self._store(uid, labels, companions, sources, "draft", "AUTOMATIC", MODEL)

    def store_drawn(
        self,
        uid: str,
        label_map: NDArray[np.uint8],
        companions: Companions,
        *,
        author: str,
        state: State,
        unedited: bool = False,
        anew: bool = False,
        before_store: Callable[[str], None] = lambda instance: None,
    ) -> Stored:
        """Store a person's labels as a new SEG with its measures; nothing is overwritten.

        label_map: on the grid of the input; it counts as drawn by hand if there was no segmentation
        to edit; unedited: a draft of the model that the person takes over as it is; before_store:
        is told the SOPInstanceUID of the SEG. If the newest SEG says the same, a save was
        repeated, unless `anew`: that one is returned, and what was missing beside it is stored.
        Raises InputError if `author` is the model.
        """
        if author == MODEL:
            msg = f"{author!r} is reserved for the model: choose another name"
            raise InputError(msg)
        scan, sources = self.read(uid)
        labels = scan.grid.from_input(label_map)
        before = self.entry(uid).annotations
        if (
            before
            and not anew
            and (before[0].author, before[0].state) == (author, state)
            and np.array_equal(self.label_map(before[0], sources).labels, labels)
        ):
            instance = before[0].instance
            missing = self.send_again(instance)
            return Stored(instance=instance, missing=missing, repeated=True)
        by_hand: AlgorithmType = "SEMIAUTOMATIC" if before else "MANUAL"
        kind: AlgorithmType = "AUTOMATIC" if unedited else by_hand
        sources = self._as_told_now(uid, sources)
        return self._store(uid, labels, companions, sources, state, kind, author, before_store)

    def _store(
        self,
        uid: str,
        labels: NDArray[np.uint8],
        companions: Companions,
        sources: Sequence[Dataset],
        state: State,
        algorithm_type: AlgorithmType,
        creator: str,
        before_store: Callable[[str], None] = lambda instance: None,
    ) -> Stored:
        seg = make_seg(labels, sources, state=state, algorithm_type=algorithm_type, creator=creator)
        made_at = after_all(self.entry(uid).annotations)
        set_date(seg, made_at, offset=text_of(sources[0], OFFSET))
        report = make_sr(
            companions.features,
            seg,
            sources,
            segments=companions.segments,
            state=state,
            creator=companions.reader or creator,
            clinical=companions.clinical,
        )
        pages = make_pdf(companions.pdf(sources[0]), sources, state=state)
        instance = str(seg.SOPInstanceUID)
        reports = {"structured report": report, "report as PDF": pages}
        before_store(instance)
        self._unsent.keep(instance, reports)
        try:
            self.pacs.store(seg)
            missing = self._unsent.send(instance, reports)
        except PacsError as error:
            if not self._may_be_stored(instance, error):  # else it may lack its reports there
                self._unsent.forget(instance)
            raise
        finally:
            self.worklist.invalidate()
        return Stored(instance=instance, missing=missing)

    def _may_be_stored(self, seg: str, error: PacsError) -> bool:
        """Whether a SEG whose storage failed may be in the PACS, or be there in a while."""
        if not is_lost(error.__cause__):
            return False
        if status_of(error.__cause__) in (None, GATEWAY_TIMEOUT):  # it may still be at it
            return True
        try:
            return self.pacs.has_instance(seg)
        except PacsError:
            return True

    def _as_told_now(self, uid: str, sources: tuple[Dataset, ...]) -> tuple[Dataset, ...]:
        """The images of a scan, changed to patient and study as the PACS tells them at this moment.

        Those here are as they were fetched, and a patient may have been merged or corrected since.
        Raises InputError where an image is no longer there.
        """
        entry = self.entry(uid)
        headers = {
            text_of(header, "SOPInstanceUID"): header
            for series in dict.fromkeys(entry.known.in_series)
            for header in self.pacs.headers(entry.study, series)
        }
        names = [text_of(source, "SOPInstanceUID") for source in sources]
        if gone := sum(name not in headers for name in names):
            self.worklist.invalidate(uid)
            msg = f"{gone} of {len(names)} images are no longer in the PACS: look at the scan again"
            raise InputError(msg)
        with quiet_pydicom():
            for source, name in zip(sources, names, strict=True):
                for tag in PATIENT_AND_STUDY:
                    if tag in headers[name]:
                        source[tag] = headers[name][tag]
        return sources

    @contextmanager
    def _noting_faults(self, entry: Entry) -> Iterator[None]:
        """Let the work list know why images cannot be read, and keep none of them: they may have
        come damaged, or be replaced in the PACS.
        """
        try:
            with self._forgetting_what_is_gone(entry.uid):
                yield
        except PacsError:
            raise
        except AcsnetError as error:
            keep_only((), self.worklist.folder(entry.uid))
            self.worklist.refuse(entry, worded(error, IN_PACS))
            raise

    @contextmanager
    def _forgetting_what_is_gone(self, uid: str) -> Iterator[None]:
        """Forget what is known of a series where the PACS no longer has what is asked for."""
        try:
            yield
        except PacsError as error:
            if status_of(error.__cause__) == GONE:
                self.worklist.invalidate(uid)
            raise

    def send_again(self, instance: str) -> tuple[str, ...]:
        """Store what was missing beside a SEG; what could not be stored again, and why."""
        return self._unsent.send_again(instance)

    def missing(self, entry: Entry) -> tuple[str, ...]:
        """What is not in the PACS beside the newest SEG and the newest draft of a scan."""
        newest = dict.fromkeys(seg for seg in (entry.model_draft, *entry.annotations[:1]) if seg)
        return tuple(text for seg in newest for text in self._unsent.remarks(seg.instance))

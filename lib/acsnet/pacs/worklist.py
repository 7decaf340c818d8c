"""The LGE series of a PACS, each with its state: new, draft, reviewed, or refused and why.

Lists are kept for a few seconds and looked up again after a save; what was found out about a
series or a SEG is kept until its number of images changes.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset

from acsnet.errors import PacsError
from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.pacs.annotations import Annotation, annotation_of, newest_first
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.lge_series import lge_name
from acsnet.pacs.preflight import Examination, examine
from acsnet.pacs.psir import Choice, choose_among

logger = logging.getLogger(__name__)

IMAGE_MODALITIES = ("MR", "OT")
"""What is looked for; OT is how scans come back from converters, refused but not hidden."""

Key = tuple[str, str]
"""SeriesInstanceUID and number of images: what was found out holds while both stay."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One series of the work list.

    uid, study: SeriesInstanceUID and StudyInstanceUID; header: what the search told; called: the
    tag that says LGE; checked: False while nobody has looked at its headers; reason: why it is
    refused; instances: SOPInstanceUIDs of its stack; annotations: newest first.
    """

    uid: str
    study: str
    header: Dataset
    called: str
    checked: bool = False
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    choice: Choice | None = None
    annotations: tuple[Annotation, ...] = ()

    def text(self, tag: str) -> str:
        """A tag of the series, as the search gave it."""
        return text_of(self.header, tag)

    @property
    def state(self) -> Literal["new", "draft", "reviewed", "refused"]:
        """How far the series has come; a draft by the model is no label."""
        if self.reason is not None:
            return "refused"
        if self.newest("reviewed"):
            return "reviewed"
        return "draft" if self.newest("draft") else "new"

    def newest(self, state: Literal["draft", "reviewed"]) -> Annotation | None:
        """The SEG that holds among those of one state."""
        return next((one for one in self.annotations if one.state == state), None)

    @property
    def model_draft(self) -> Annotation | None:
        """What the model drew last."""
        return next((one for one in self.annotations if one.by_model), None)

    @property
    def drawn(self) -> tuple[Annotation, ...]:
        """What people drew, newest first."""
        return tuple(one for one in self.annotations if not one.by_model)


class WorkList:
    """The work list of one PACS. Methods raise PacsError where the service fails.

    cache: folder in which `cache/<SeriesInstanceUID>` holds the images once they are fetched.
    """

    def __init__(self, pacs: DicomWeb, settings: PacsSettings, *, cache: Path) -> None:
        self._pacs = pacs
        self._settings = settings
        self._cache = cache
        self._change = threading.RLock()
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="worklist")
        self._listed: tuple[float, list[Entry]] | None = None
        self._complete: dict[str, Entry] | None = None
        self._examined: dict[Key, Future[Examination]] = {}
        self._annotated: dict[Key, tuple[Annotation, ...]] = {}

    def folder(self, uid: str) -> Path:
        """Where the images of a listed series are kept."""
        return self._cache / uid

    def entries(self) -> dict[str, Entry]:
        """All series as they are now, by UID; what is new is examined in the background."""
        with self._change:
            now = time.monotonic()
            if self._listed is None or now - self._listed[0] > self._settings.cache_seconds:
                self._listed, self._complete = (now, self._search()), None
            if self._complete is not None:
                return self._complete
            entries = self._with_choices([self._entry(one) for one in self._listed[1]])
            if all(one.checked for one in entries.values()):
                self._complete = entries
            return entries

    def entry(self, uid: str) -> Entry | None:
        """One series, examined; None where it is not in the list."""
        while True:
            with self._change:
                listed = self.entries().get(uid)
                if listed is None or listed.checked:
                    return listed
                examination = self._examination(listed)
            wait([examination])
            if isinstance(error := examination.exception(), PacsError):
                raise error

    def invalidate(self, uid: str | None = None) -> None:
        """Search again at the next look; with `uid` examine that series again, too."""
        with self._change:
            self._listed = self._complete = None
            for key in [key for key in self._examined if key[0] == uid]:
                del self._examined[key]

    def close(self) -> None:
        """Stop examining."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _search(self) -> list[Entry]:
        """The candidates and the SEGs drawn on them, not examined."""
        keys = dict(self._settings.search)
        candidates: list[Entry] = []
        for modality in IMAGE_MODALITIES:
            found = self._pacs.search_series({**keys, "Modality": modality})
            candidates += filter(None, (self._candidate(header) for header in found))
        studies = {entry.study for entry in candidates}
        segs = [
            header
            for header in self._pacs.search_series({**keys, "Modality": "SEG"})
            if text_of(header, "StudyInstanceUID") in studies
        ]
        annotations = newest_first([one for header in segs for one in self._annotations(header)])
        return [
            replace(
                entry,
                annotations=tuple(one for one in annotations if entry.uid in one.of_series),
            )
            for entry in candidates
        ]

    def _candidate(self, header: Dataset) -> Entry | None:
        with quiet_pydicom():
            called = lge_name(header, self._settings.lge)
            uid = text_of(header, "SeriesInstanceUID")
            study = text_of(header, "StudyInstanceUID")
        if called is None or not (is_uid(uid) and is_uid(study)):
            return None
        return Entry(uid=uid, study=study, header=header, called=called)

    def _annotations(self, seg: Dataset) -> tuple[Annotation, ...]:
        """The SEGs of one series that are ours; none while they cannot be read."""
        key = _key(seg)
        if key not in self._annotated:
            try:
                headers = self._pacs.headers(text_of(seg, "StudyInstanceUID"), key[0])
            except PacsError as error:
                logger.warning("a segmentation is passed over: %s", error)
                return ()
            found = (annotation_of(header) for header in headers)
            self._annotated[key] = tuple(one for one in found if one is not None)
        return self._annotated[key]

    def _examination(self, entry: Entry) -> Future[Examination]:
        key = _key(entry.header)
        known = self._examined.get(key)
        if known is None or (known.done() and isinstance(known.exception(), PacsError)):
            known = self._workers.submit(
                examine,
                self._pacs,
                study=entry.study,
                series=entry.uid,
                folder=self.folder(entry.uid),
            )
            self._examined[key] = known
        return known

    def _entry(self, listed: Entry) -> Entry:
        """A listed series with what is known of it; a service that fails is asked again."""
        if (modality := listed.text("Modality")) != "MR":
            return replace(listed, checked=True, reason=f"Modality must be MR, got {modality}")
        examination = self._examination(listed)
        if not examination.done() or isinstance(examination.exception(), PacsError):
            return listed
        if (error := examination.exception()) is not None:
            logger.error("series %s could not be examined", listed.uid, exc_info=error)
            reason = "it could not be examined; the log says more"
            return replace(listed, checked=True, reason=reason)
        found = examination.result()
        return replace(
            listed,
            checked=True,
            reason=found.reason,
            warnings=found.warnings,
            instances=found.instances,
            choice=found.choice,
        )

    def _with_choices(self, entries: list[Entry]) -> dict[str, Entry]:
        """State for two reconstructions of one scan which of them is preferred."""
        taken = {
            entry.uid: self._examined[_key(entry.header)].result()
            for entry in entries
            if entry.instances
        }
        choices = choose_among(
            {uid: one.kind for uid, one in taken.items()},
            {uid: one.key for uid, one in taken.items()},
        )
        return {one.uid: replace(one, choice=choices.get(one.uid, one.choice)) for one in entries}


def _key(header: Dataset) -> Key:
    return text_of(header, "SeriesInstanceUID"), text_of(header, "NumberOfSeriesRelatedInstances")

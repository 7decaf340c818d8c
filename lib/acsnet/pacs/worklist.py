"""Work list of the LGE scans of a PACS, each with its state: new, draft, reviewed, refused.

Search results are cached for a few seconds and until a save; checks of a series or a SEG as
`acsnet.pacs.examinations` says.
"""

import logging
import math
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydicom.dataset import Dataset

from acsnet.errors import PacsError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.pacs.annotations import Annotation, is_derived, newest_first
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.dicomweb.search import NO_MATCH
from acsnet.pacs.dicomweb.session import status_of
from acsnet.pacs.examinations import Examinations, SegHeaders, is_of
from acsnet.pacs.lge_series import UID_TAGS, lge_series, possible_stacks
from acsnet.pacs.preflight import Examination, Image
from acsnet.pacs.psir import Choice, choose_among
from acsnet.pacs.shared_search import SharedSearch

logger = logging.getLogger(__name__)

IMAGE_MODALITIES = ("MR", "OT")  # OT, from converters, is listed but refused
EXAMINE_S = 30.0
"""How long the examination of a series is waited for. Ours."""

UNFINISHED_S = 0.5
"""How long a list holds with series that are not examined yet: a page asks for it often. Ours."""

NOTHING_KNOWN = Examination(reason=None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One scan of the work list.

    uid: SeriesInstanceUID, with more for other scans of the same series; study: StudyInstanceUID;
    header: from the search, with what only the images tell of the patient; examination: None until
    its headers were examined; parts: the series that it was joined from, if it was; together: what
    the search tells of the series that were examined with it; choice: between it and another
    reconstruction; annotations: newest first.
    """

    uid: str
    study: str
    header: Dataset
    examination: Examination | None = None
    parts: tuple[str, ...] = ()
    together: tuple[Dataset, ...] = ()
    choice: Choice | None = None
    annotations: tuple[Annotation, ...] = ()

    def text(self, tag: str) -> str:
        """A tag of the series, from its header."""
        return text_of(self.header, tag)

    @property
    def known(self) -> Examination:
        """Its examination; one that tells nothing while there is none."""
        return self.examination or NOTHING_KNOWN

    @property
    def series(self) -> tuple[str, ...]:
        """SeriesInstanceUIDs of all series that its images may lie in."""
        return self.parts or (self.text("SeriesInstanceUID"),)

    @property
    def is_counted(self) -> bool:
        """Whether the search tells how many images it has, and so when some were added."""
        return all(text_of(h, "NumberOfSeriesRelatedInstances") for h in self.examined_with)

    @property
    def examined_with(self) -> tuple[Dataset, ...]:
        """What the search tells of the series, or of all that are examined with it."""
        return self.together or (self.header,)

    @property
    def state(self) -> Literal["new", "draft", "reviewed", "refused"]:
        """Progress of the series."""
        if self.known.reason is not None:
            return "refused"
        if self.newest("reviewed"):
            return "reviewed"
        return "draft" if self.newest("draft") else "new"

    def newest(self, state: Literal["draft", "reviewed"]) -> Annotation | None:
        """The newest SEG of a state."""
        return next((seg for seg in self.annotations if seg.state == state), None)

    @property
    def model_draft(self) -> Annotation | None:
        """The newest draft by the model."""
        return next((seg for seg in self.annotations if seg.by_model), None)

    @property
    def drawn(self) -> tuple[Annotation, ...]:
        """Annotations by people, newest first."""
        used = (seg for seg in self.annotations if seg.state != "withdrawn")
        return tuple(seg for seg in used if not seg.by_model)

    @property
    def is_rejected(self) -> bool:
        """Whether all that was drawn on it was withdrawn."""
        states = {seg.state for seg in self.annotations}
        return states == {"withdrawn"}


def drawn_on(images: Collection[Image], entries: Sequence[Entry]) -> Entry:
    """Of scans of one series that which has most of the images that a SEG names.

    The first where it names none, or as many of each.
    """
    return max(entries, key=lambda entry: sum(image in entry.known.images for image in images))


class WorkList:
    """The work list of one PACS. Methods raise PacsError where the service fails.

    cache: folder of fetched images, in `cache/<id of the scan>`.
    """

    def __init__(self, pacs: DicomWeb, settings: PacsSettings, *, cache: Path) -> None:
        self._pacs = pacs
        self._settings = settings
        self._cache = cache
        self._change = threading.RLock()
        kept_s = settings.cache_seconds
        self._examinations = Examinations(pacs, kept_s=kept_s)
        self._segs = SegHeaders(pacs, kept_s=kept_s)
        self._listed = SharedSearch(self._search, kept_s=kept_s)
        self._left_out = ""
        self._made: tuple[list[Entry], dict[str, Entry], float] | None = None
        self._derived: dict[tuple[str, str], bool] = {}

    def folder(self, uid: str) -> Path:
        """Folder of the fetched images of a series."""
        return self._cache / uid

    def entries(self) -> dict[str, Entry]:
        """All scans by UID, as last found; new series are examined in the background."""
        listed = self._listed.result()
        with self._change:
            made_of, entries, until = self._made or ([], {}, 0.0)
            if made_of is listed and time.monotonic() < until:
                return entries
            entries = self._with_choices(
                [entry for series in listed for entry in self._scans(series)]
            )
            is_whole = all(entry.examination for entry in entries.values())
            until = math.inf if is_whole else time.monotonic() + UNFINISHED_S
            self._made = listed, entries, until
            return entries

    @property
    def fault(self) -> str:
        """Why the list is old, as the PACS does not answer, or not whole; empty where it is."""
        return self._listed.fault or self._left_out

    def entry(self, uid: str) -> Entry | None:
        """One scan, examined; None if it is not in the list.

        It is examined again if that was a while ago; if that fails, what is known holds.
        """
        is_new = False
        while True:
            entries = self.entries()
            listed = entries.get(uid) or _series_of(uid, entries)
            if listed is None:
                return None
            with self._change:
                examination = self._examinations.newer(listed.examined_with)
            if listed.examination and (is_new or examination is None or self._listed.has_failed):
                return listed
            try:
                self._wait_for(examination, uid)
            except PacsError:
                if not listed.examination:
                    raise
            is_new = True
            with self._change:
                self._made = None

    def _wait_for(self, examination: Future[dict[str, Examination]] | None, uid: str) -> None:
        """Raises PacsError where the service fails, or has not answered yet."""
        if examination is None:
            return
        if not wait([examination], EXAMINE_S).done:
            msg = f"{self._pacs.address}: series {uid} has not been checked yet: ask again later"
            raise PacsError(msg)
        if isinstance(error := examination.exception(), PacsError):
            raise error

    def shows(self, study: str, series: str) -> bool:
        """Whether a series is in the list, or was made from one that is: a SEG on it, a report.

        Everything else in the PACS is not this program's to show.
        """
        entries = self.entries().values()
        with self._change:
            of_study = [entry for entry in entries if entry.study == study]
            annotated = [
                annotation.series for entry in of_study for annotation in entry.annotations
            ]
            if series in annotated or any(series in entry.series for entry in of_study):
                return True
            shown = self._derived.get((study, series)) if of_study else False
        if shown is None:
            uids = {uid for entry in of_study for uid in entry.series}
            headers = self._pacs.headers(study, series)
            shown = bool(headers) and all(is_derived(header, uids) for header in headers)
            self._derived[study, series] = shown
        return shown

    def invalidate(self, uid: str | None = None) -> None:
        """Drop the cached search, and with `uid` what is known of that series of images or SEGs."""
        self._listed.invalidate()
        with self._change:
            self._made = None
            self._derived.clear()
            if uid is not None:
                self._examinations.forget(uid)
                self._segs.forget(uid)

    def refuse(self, scan: Entry, reason: str) -> None:
        """Refuse a scan as long as it has images whose pixels cannot be read, or for a while."""
        with self._change:
            self._made = None
            self._examinations.refuse(scan.uid, scan.known.instances, reason)

    def close(self) -> None:
        """Stop searching and examining."""
        self._listed.close()
        self._examinations.close()

    def _search(self) -> list[Entry]:
        """The candidates and the SEGs drawn on them, not examined."""
        left_out: list[str] = []

        def search(modality: str) -> list[Dataset]:
            keys = self._settings.search_for(modality)
            try:
                return self._pacs.search_series(keys, on_cut=left_out.append)
            except PacsError as error:
                # A wrong address has failed before, in the search for MR.
                if modality != "MR" and status_of(error.__cause__) == NO_MATCH:
                    return []
                raise

        candidates: list[Entry] = []
        for modality in IMAGE_MODALITIES:
            called, not_listed = lge_series(search(modality), self._settings.lge)
            left_out += not_listed
            candidates += map(_joined_candidate, possible_stacks(called))
        studies = {entry.study for entry in candidates}
        all_segs = search("SEG") if studies else []
        segs = [seg for seg in all_segs if text_of(seg, "StudyInstanceUID") in studies]
        annotations = newest_first(
            [seg for header in segs for seg in self._segs.annotations(header)]
        )
        self._left_out = "; ".join(left_out)
        return [
            replace(
                c,
                annotations=tuple(s for s in annotations if set(s.of_series) & set(c.series)),
            )
            for c in candidates
        ]

    def _scans(self, listed: Entry) -> list[Entry]:
        """The scans of a listed series with their examination, repeated if the service failed."""
        if (modality := listed.text("Modality")) != "MR":
            reason = f"Modality must be MR, got {modality}"
            return [replace(listed, examination=Examination(reason=reason))]
        examination = self._examinations.of(listed.examined_with)
        if not examination.done() or isinstance(examination.exception(), PacsError):
            return [listed]
        if (error := examination.exception()) is not None:
            logger.error("series %s could not be examined", listed.uid, exc_info=error)
            reason = "it could not be checked; the log has details"
            return [replace(listed, examination=Examination(reason=reason))]
        examined = examination.result()
        scans = [
            replace(
                entry,
                uid=uid,
                header=result.completed(entry.header),
                examination=result,
                annotations=(),
            )
            for uid, result in examined.items()
            for entry in [self._of_series(listed, uid, result, alone=len(examined) == 1)]
        ]
        drawn = [(seg, drawn_on(seg.of_images, scans).uid) for seg in listed.annotations]
        return [
            replace(scan, annotations=tuple(seg for seg, uid in drawn if uid == scan.uid))
            for scan in scans
        ]

    def _of_series(self, listed: Entry, uid: str, result: Examination, *, alone: bool) -> Entry:
        """The entry of a scan, called by its own series where several were examined together."""
        if alone or not listed.together:
            return listed
        own = next(
            (h for h in listed.together if is_of(uid, text_of(h, "SeriesInstanceUID"))),
            listed.header,
        )
        parts = tuple(dict.fromkeys(result.in_series))
        called = _candidate(own)
        return replace(called, parts=parts if len(parts) > 1 else (), together=listed.together)

    def _with_choices(self, entries: list[Entry]) -> dict[str, Entry]:
        """Entries by UID; of two reconstructions of one scan, one is marked as preferred."""
        choices = choose_among(
            {e.uid: e.known.kind for e in entries},
            {e.uid: e.known.key for e in entries if e.known.key is not None},
        )
        return {e.uid: replace(e, choice=e.known.choice or choices.get(e.uid)) for e in entries}


def _candidate(header: Dataset) -> Entry:
    with quiet_pydicom():
        study, uid = (text_of(header, tag) for tag in UID_TAGS)
    return Entry(uid=uid, study=study, header=header)


def _joined_candidate(parts: Sequence[Dataset]) -> Entry:
    """One series, or several that may be parts of one stack, called by the first of them."""
    entry = _candidate(parts[0])
    if len(parts) == 1:
        return entry
    with quiet_pydicom():
        series = tuple(text_of(part, "SeriesInstanceUID") for part in parts)
    return replace(entry, parts=series, together=tuple(parts))


def _series_of(uid: str, entries: Mapping[str, Entry]) -> Entry | None:
    """The series, not examined yet, that a scan may be one of several in; None for none."""
    unchecked = (entry for entry in entries.values() if entry.examination is None)
    return next((e for e in unchecked if any(is_of(uid, name) for name in e.series)), None)

"""What the headers of the series and SEGs of a PACS say, kept until they hold other images.

A search tells the number of images of a series, but not of every service. Where it does not, the
headers are read again: a scan that was seen when half of it was there must not stay half of it.
They are read again for those who measure, too: as many images may be others by now.
"""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from acsnet.errors import PacsError
from acsnet.io.dicom_files.dicom_file import text_of
from acsnet.pacs.annotations import Annotation, annotation_of
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.preflight import Examination, examine

logger = logging.getLogger(__name__)

SELDOM_S = 600.0
"""Headers that nobody waits for are read again at ages that double, then as often as this; so long
images are refused that could not be read, unless others come in their place. Ours."""

RETRY_S = 30.0
"""Headers that the service did not give are asked for again at ages that double, then as often as
this: soon after an outage they are there. Ours."""

Key = tuple[str, ...]
"""SeriesInstanceUIDs and numbers of images, of one series after another; empty for no number."""


@dataclass
class _Age:
    """When headers were asked for first and last, in seconds of the monotonic clock."""

    first: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)

    def is_due(self, key: Key, *, kept_s: float, waited_for: bool = False) -> bool:
        """Whether they are to be read again; for the list only where no number is told."""
        longest_s = 0.0 if waited_for else SELDOM_S
        return (waited_for or "" in key) and self.is_over(kept_s=kept_s, longest_s=longest_s)

    def is_over(self, *, kept_s: float, longest_s: float) -> bool:
        """Whether the age has come, which doubles up to `longest_s`."""
        usual_s = min(self.last - self.first, longest_s)
        return time.monotonic() - self.last >= max(kept_s, usual_s)


@dataclass(frozen=True, kw_only=True)
class _Refusal:
    """Why images could not be read, and since when, in seconds of the monotonic clock."""

    instances: tuple[str, ...]
    reason: str
    since: float = field(default_factory=time.monotonic)

    def of(self, examination: Examination) -> Examination:
        """What is known of a scan, refused where it has these images."""
        if examination.instances != self.instances or time.monotonic() - self.since >= SELDOM_S:
            return examination
        return Examination(reason=self.reason, part=examination.part, subject=examination.subject)


@dataclass
class _Known:
    """again: the same examination once more; what is known holds until that is done; tried: when
    it was begun first and last; refused: by scan, what its pixels showed.
    """

    examination: Future[dict[str, Examination]]
    again: Future[dict[str, Examination]] | None = None
    age: _Age = field(default_factory=_Age)
    tried: _Age = field(default_factory=_Age)
    refused: dict[str, _Refusal] = field(default_factory=dict)

    def take(self, examination: Future[dict[str, Examination]]) -> None:
        """Let an examination that is done hold, but for what is refused."""
        if self.refused and examination.exception() is None:
            scans = examination.result()
            examination = Future()
            examination.set_result(
                {
                    uid: self.refused[uid].of(scan) if uid in self.refused else scan
                    for uid, scan in scans.items()
                }
            )
        self.examination = examination


class Examinations:
    """Examinations of series in the background, two at a time. Not for several threads at once.

    headers: what a search tells of a series, or of all that may be parts of one stack with it.

    Args:
        pacs: where the series are.
        kept_s: how long one holds for those who measure, and where no number of images is told.
    """

    def __init__(self, pacs: DicomWeb, *, kept_s: float) -> None:
        self._pacs, self._kept_s = pacs, kept_s
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="worklist")
        self._known: dict[Key, _Known] = {}

    def of(self, headers: Sequence[Dataset]) -> Future[dict[str, Examination]]:
        """The examination; begun where there is none, it is old, or the service failed a while ago.

        A series that the service never gives must not be asked for at each look at the list.
        """
        key = _key(headers)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _Known(self._begun(headers))
        elif _has_failed(known.examination) and known.tried.is_over(
            kept_s=self._kept_s, longest_s=RETRY_S
        ):
            self._try_again(known, headers)
        if known.again is not None and known.again.done():
            if not _has_failed(known.again):
                known.take(known.again)
            known.again = None
        self._renew(known, headers)
        return known.examination

    def newer(self, headers: Sequence[Dataset]) -> Future[dict[str, Examination]] | None:
        """What is to be waited for by those who measure; None where what is known is not old."""
        known = self._known.get(_key(headers))
        if known is None:
            return None
        if _has_failed(known.examination):
            self._try_again(known, headers)
        if not known.examination.done():
            return known.examination
        self._renew(known, headers, waited_for=True)
        return known.again

    def forget(self, uid: str) -> None:
        """Examine the series of a scan anew."""
        for key in [key for key in self._known if any(is_of(uid, part) for part in key if part)]:
            del self._known[key]

    def refuse(self, uid: str, instances: tuple[str, ...], reason: str) -> None:
        """Refuse a scan as long as it has images whose pixels cannot be read, or for `SELDOM_S`."""
        for known in self._known.values():
            examination = known.examination
            if not examination.done() or examination.exception() is not None:
                continue
            scan = examination.result().get(uid)
            if scan is not None and scan.instances == instances:
                known.refused[uid] = _Refusal(instances=instances, reason=reason)
                known.take(examination)

    def close(self) -> None:
        """Stop examining."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _try_again(self, known: _Known, headers: Sequence[Dataset]) -> None:
        known.age = _Age()
        known.tried.last = known.age.last
        known.examination = self._begun(headers)

    def _renew(
        self, known: _Known, headers: Sequence[Dataset], *, waited_for: bool = False
    ) -> None:
        is_idle = known.again is None and known.examination.done()
        if is_idle and known.age.is_due(_key(headers), kept_s=self._kept_s, waited_for=waited_for):
            known.age.last = time.monotonic()
            known.again = self._begun(headers)

    def _begun(self, headers: Sequence[Dataset]) -> Future[dict[str, Examination]]:
        return self._workers.submit(
            examine,
            self._pacs,
            study=text_of(headers[0], "StudyInstanceUID"),
            parts=[text_of(header, "SeriesInstanceUID") for header in headers],
        )


class SegHeaders:
    """The annotations in the headers of SEGs.

    Args:
        pacs: where the SEGs are.
        kept_s: how long those of a series hold where its number of SEGs is not told.
    """

    def __init__(self, pacs: DicomWeb, *, kept_s: float) -> None:
        self._pacs, self._kept_s = pacs, kept_s
        self._known: dict[Key, tuple[tuple[Annotation, ...], _Age]] = {}

    def annotations(self, seg: Dataset) -> tuple[Annotation, ...]:
        """Those in a series from a search; while it cannot be read, those known or none."""
        key = _key([seg])
        annotations, age = self._known.get(key, ((), None))
        if age is not None and not age.is_due(key, kept_s=self._kept_s):
            return annotations
        asked = time.monotonic()
        try:
            headers = self._pacs.headers(text_of(seg, "StudyInstanceUID"), key[0])
        except PacsError as error:
            logger.warning("a segmentation is passed over: %s", error)
            return annotations
        annotations = tuple(filter(None, map(annotation_of, headers)))
        self._known[key] = annotations, _Age(asked if age is None else age.first, asked)
        return annotations

    def forget(self, series: str) -> None:
        """Read the headers of a series of SEGs anew."""
        for key in [key for key in self._known if key[0] == series]:
            del self._known[key]


def is_of(uid: str, series: str) -> bool:
    """Whether a scan may be one of a series, by its id."""
    return uid == series or uid.startswith(f"{series}-")


def _key(headers: Sequence[Dataset]) -> Key:
    tags = "SeriesInstanceUID", "NumberOfSeriesRelatedInstances"
    return tuple(text_of(header, tag) for header in headers for tag in tags)


def _has_failed(examination: Future[dict[str, Examination]]) -> bool:
    """Whether the service failed, which says nothing of the series."""
    return examination.done() and isinstance(examination.exception(), PacsError)

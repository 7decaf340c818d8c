"""Scores scans while nobody uses the networks, one at a time and at the lowest priority."""

import hashlib
import logging
import os
import sys
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from acsnet.errors import AcsnetError, PacsError
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.errors import StoppingError, VolumesError
from acsnet.server.inference.tasks import AcsnetTask
from acsnet.server.learning.begun_scans import BegunScans
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.settings import Pick

logger = logging.getLogger(__name__)

LOWEST_PRIORITY = 19
RETRY_SECONDS = 1.0


class IdleScorer:
    """A thread that keeps `settings.ahead` open scans scored, and as many reviewed ones.

    It works when it is woken and rests when all of them are done, so that an archive which nobody
    works on is left alone. A person who asks for a segmentation waits for one scan at most.
    notes: folder for `BegunScans`, by which a scan that fails is not begun again after a restart.
    """

    def __init__(
        self,
        book: ScoreBook,
        task: AcsnetTask,
        datastore: StudyStore,
        settings: Pick,
        *,
        notes: Path,
    ) -> None:
        self._book = book
        self._task = task
        self._datastore = datastore
        self._settings = settings
        self._begun = BegunScans(notes)
        self._put_off: set[tuple[str, str]] = set()
        self._at_hand: tuple[str, str] | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scorer", daemon=True)

    def start(self) -> None:
        """Begin with what there is."""
        self._thread.start()
        self.wake()

    def wake(self) -> None:
        """Look again: a scan was given out, segmented or reviewed."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the scan at hand, which is not waited for and not at fault."""
        self._stop.set()
        self._wake.set()
        if (scan := self._at_hand) is not None:
            self._begun.remove(*scan)

    def _run(self) -> None:
        if sys.platform == "linux":  # elsewhere this would be the priority of the whole process
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST_PRIORITY)
        while self._wake.wait() and not self._stop.is_set():
            self._wake.clear()
            try:
                self._work()
            except PacsError as error:
                logger.warning("scoring rests: %s", error)
            except Exception:  # whatever it is, the next wake tries again
                logger.exception("scans could not be scored")

    def _work(self) -> None:
        for reviewed in self._datastore.get_labeled_images():
            self._book.compare(reviewed)
        while not self._stop.is_set() and (image := self._next()) is not None:
            self._score(image)

    def _next(self) -> str | None:
        """The next scan to score; None where enough of them are."""
        groups = self._datastore.get_unlabeled_images(), self._datastore.get_labeled_images()
        for group in groups:
            scored, waiting = 0, []
            for image in in_chance_order(group):
                verdict = self._datastore.verdict(image)
                if verdict.reason is not None or not verdict.checked:
                    continue
                if self._book.scores(image) is not None:
                    scored += 1
                elif self._is_open(image):
                    waiting.append(image)
            if scored < self._settings.ahead and waiting:
                return waiting[0]
        return None

    def _is_open(self, image: str) -> bool:
        """Whether a scan as it is now may be begun."""
        scan = image, self._datastore.image_fingerprint(image)
        return scan not in self._put_off and not self._begun.holds(*scan)

    def _score(self, image: str) -> None:
        scan = image, self._datastore.image_fingerprint(image)
        self._begun.add(*scan)
        self._at_hand = scan
        try:
            path = Path(self._datastore.get_image_uri(image))
            while (result := self._task.when_idle(path, quiet_s=self._settings.quiet_s)) is None:
                if self._stop.wait(RETRY_SECONDS):
                    self._begun.remove(*scan)
                    return
            self._book.keep(image, result)
            self._book.compare(image)
            self._begun.remove(*scan)
        except PacsError:
            self._begun.remove(*scan)
            raise  # not the scan's fault: another time
        except (StoppingError, VolumesError, OSError) as error:
            logger.warning("a scan is scored another time: %s", type(error).__name__)
            self._put_off.add(scan)
            self._begun.remove(*scan)
        except (AcsnetError, MemoryError) as error:
            logger.warning("a scan could not be scored: %s", type(error).__name__)
        finally:
            self._at_hand = None


def in_chance_order(images: Iterable[str]) -> list[str]:
    """In an order that has nothing to do with names, and so with date or site; always the same."""
    return sorted(images, key=_chance)


@lru_cache(maxsize=100_000)
def _chance(image: str) -> bytes:
    return hashlib.sha256(image.encode()).digest()

"""Whether each scan can be measured: read in the background, once for each state of its files."""

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.phases import without_options
from acsnet.scan import is_fit
from acsnet.server.errors import printable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """reason: why the scan is refused, None where it is taken; warnings: what the reader noticed.

    checked is False while nobody has looked yet.
    """

    reason: str | None = None
    warnings: tuple[str, ...] = ()
    checked: bool = True

    @property
    def is_offered(self) -> bool:
        """Whether a reader should get it as the next one: no cine, no long axis, not refused."""
        return self.reason is None and is_fit(self.warnings)


def fingerprint(path: Path) -> str:
    """What changes when a scan's file, or a file of its folder, comes, goes or changes."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    digest = sha256()
    for file in files:
        status = file.stat()
        digest.update(os.fsencode(file.name))
        digest.update(f"/{status.st_size}/{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class Gate:
    """Reads scans one after another in a thread of its own and keeps what came of it.

    ended: told of each scan by its id once it was read.
    """

    def __init__(self, ended: Callable[[str], None]) -> None:
        self._ended = ended
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="gate")
        self._verdicts: dict[str, tuple[str, Future[tuple[str, ...]]]] = {}

    def verdict(self, image: str, path: str, state: str) -> Verdict:
        """What is known of the scan now; a scan that is new or has changed is queued.

        image: its id; state: its `fingerprint`, empty where its files cannot be read.
        """
        if not state:
            return Verdict(reason="its files cannot be read: they may be gone")
        known = self._verdicts.get(image)
        if known is None or known[0] != state:
            known = state, self._worker.submit(_read, Path(path))
            self._verdicts[image] = known
            known[1].add_done_callback(lambda _: self._ended(image))
        return _outcome(known[1]) if known[1].done() else Verdict(checked=False)

    def close(self) -> None:
        """Stop after the scan at hand."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _read(path: Path) -> tuple[str, ...]:
    """The warnings of a scan, read as inference reads it."""
    return read_scan(path).warnings


def _outcome(reading: Future[tuple[str, ...]]) -> Verdict:
    error = reading.exception()
    if error is None:
        return Verdict(warnings=reading.result())
    if isinstance(error, AcsnetError):
        return Verdict(reason=printable(without_options(str(error))))
    logger.error("a scan could not be read", exc_info=error)
    return Verdict(reason="its files cannot be read; the log says more")

"""Whether each scan can be measured: read in the background, once for each state of its files."""

import logging
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any

from acsnet import io
from acsnet.errors import ON_SERVER, AcsnetError, worded
from acsnet.io import read_scan
from acsnet.io.containers import parts_of
from acsnet.preprocess import check_image
from acsnet.scan import is_fit
from acsnet.server.errors import printable
from acsnet.storage import append_lines, read_lines

logger = logging.getLogger(__name__)

BATCH = 100
"""Verdicts that are written together, while there are more scans to read."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the preflight says of a scan.

    Attributes:
        reason: why it is refused; None where it is taken.
        warnings: what its reader noticed.
        checked: False while it has not been read yet.
    """

    reason: str | None = None
    warnings: tuple[str, ...] = ()
    checked: bool = True

    @property
    def is_offered(self) -> bool:
        """Whether a reader should get it as the next one: no cine, no long axis, not refused."""
        return self.reason is None and is_fit(self.warnings)

    def is_lge(self, measured: Mapping[str, Any]) -> bool:
        """Whether it is short-axis LGE: as it was read or, until then, as the measures of a label
        on it say.
        """
        return is_fit(self.warnings if self.checked else measured.get("warnings") or ())


def fingerprint(path: Path) -> str:
    """What changes when a scan's file, or a file of its folder, comes, goes or changes."""
    digest = sha256()
    for file in parts_of(path):
        status = file.stat()
        digest.update(os.fsencode(file.name))
        digest.update(f"/{status.st_size}/{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


class Preflight:
    """Reads scans one after another in a thread of its own and keeps what came of it.

    ended: told of each scan by its id once it was read; file: where it is kept which scans were
    taken, for the next start.
    """

    def __init__(self, ended: Callable[[str], None], *, file: Path) -> None:
        self._ended = ended
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="preflight")
        self._change = Lock()
        self._known: dict[str, tuple[str, Verdict | None]] = {}
        self._waiting = 0
        self._taken = TakenScans(file)

    def verdict(self, image: str, path: str, state: str) -> Verdict:
        """What is known of the scan now; a scan that is new or has changed is queued.

        image: its id; state: its `fingerprint`, empty where its files cannot be read.
        """
        if not state:
            return Verdict(reason="its files cannot be read: they may be gone")
        with self._change:
            known = self._known.get(image)
            if known is None or known[0] != state:
                known = state, self._taken.verdict(image, state)
                self._known[image] = known
                if known[1] is None:
                    self._waiting += 1
                    self._worker.submit(self._read, image, Path(path), state)
        return known[1] or Verdict(checked=False)

    def close(self) -> None:
        """Stop after the scan at hand."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _read(self, image: str, path: Path, state: str) -> None:
        """Read a scan as inference does."""
        try:
            scan = read_scan(path)
            check_image(scan)
            verdict = Verdict(warnings=scan.warnings)
            self._taken.add(image, state, verdict)
        except AcsnetError as error:
            verdict = Verdict(reason=printable(worded(error, ON_SERVER)))
        except Exception:
            logger.exception("a scan could not be read")
            verdict = Verdict(reason="its files cannot be read; the log has details")
        with self._change:
            self._waiting -= 1
            if self._known[image][0] == state:
                self._known[image] = state, verdict
            batch = BATCH if self._waiting else 1
        self._taken.write(batch)
        self._ended(image)


class TakenScans:
    """Which scans were taken, in a file of JSON lines, so that a start does not read them again.

    What is kept holds for the files of a scan as they were and for the reader that took them. A
    scan that was refused is read again at the next start: its files may only have been away.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._reader = _digest_of_reader()
        self._new: list[dict[str, object]] = []
        self._taken: dict[str, tuple[str, Verdict]] = {}
        lines = read_lines(file)
        for line in lines:
            if line.get("reader") == self._reader:
                warnings = tuple(map(str, line.get("warnings") or ()))
                taken = str(line.get("state")), Verdict(warnings=warnings)
                self._taken[str(line.get("image"))] = taken
        if len(lines) > 2 * len(self._taken):
            file.unlink()
            self._new = [self._line(image, *taken) for image, taken in self._taken.items()]
            self.write(1)

    def verdict(self, image: str, state: str) -> Verdict | None:
        """What came of reading the scan in this state; None where that is not known."""
        known = self._taken.get(image)
        return known[1] if known is not None and known[0] == state else None

    def add(self, image: str, state: str, verdict: Verdict) -> None:
        """Keep that a scan was taken; on the disk once it is written."""
        self._new.append(self._line(image, state, verdict))

    def write(self, batch: int) -> None:
        """Write what is new, if it is as much as `batch`."""
        if len(self._new) < batch:
            return
        try:
            append_lines(self._file, self._new)
        except OSError:
            logger.exception("which scans were taken could not be kept: they are read again")
        self._new = []

    def _line(self, image: str, state: str, verdict: Verdict) -> dict[str, object]:
        return {
            "image": image,
            "state": state,
            "reader": self._reader,
            "warnings": list(verdict.warnings),
        }


def _digest_of_reader() -> str:
    """Of the files of `acsnet.io`: a reader that was changed reads every scan again."""
    digest = sha256()
    for file in sorted(Path(io.__path__[0]).rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]

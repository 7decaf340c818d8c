"""States of the files of a scan that hold the same: a copy with other times is the same scan.

Only scans with labels, or for which something was entered, are read for it, once in each state.
What is found is kept in a file of JSON lines that only ever grows.
"""

import logging
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acsnet.io.containers import content_digest, parts_of
from acsnet.server.datastores.preflight import fingerprint
from acsnet.storage import append_line, read_lines

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the files of a scan held in a state.

    image: id of the scan; state: `preflight.fingerprint`; size: bytes of all files together;
    content: `io.containers.content_digest`.
    """

    image: str
    state: str
    size: int
    content: str


class ScanContents:
    """Contents of the scans of one store, kept in `file`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._change = threading.Lock()
        self._known: dict[str, dict[str, Content]] = {}
        for line in read_lines(file):
            try:
                self._add(_content(line))
            except (KeyError, TypeError, ValueError):
                logger.warning("a line of %s is damaged and ignored", file.name)

    def note(self, image: str, path: Path) -> None:
        """Keep what the files of a scan hold now, unless that is known of this state of them.

        path: file or folder of the scan. Files that cannot be read, or change meanwhile, are left.
        """
        try:
            state = fingerprint(path)
            with self._change:
                if state in self._known.get(image, {}):
                    return
                size, content = _size(path), content_digest(path)
                if not content or fingerprint(path) != state:
                    return
                noted = Content(image=image, state=state, size=size, content=content)
                append_line(self._file, asdict(noted))
                self._add(noted)
        except OSError:
            logger.exception("what the files of a scan hold could not be noted")

    def first_state(self, image: str, path: Path, state: str) -> str:
        """The first noted state of a scan's files in which they held the same as in `state`.

        That is `state` itself where nothing is known of another, or of this one and it is past.
        """
        known = self._known.get(image, {})
        if not state or not known:
            return state
        if state not in known and self._may_be_known(path, known):
            self.note(image, path)
            known = self._known[image]
        if (now := known.get(state)) is None:
            return state
        return next(before.state for before in known.values() if before.content == now.content)

    def _may_be_known(self, path: Path, known: dict[str, Content]) -> bool:
        try:
            return _size(path) in {before.size for before in known.values()}
        except OSError:
            return False

    def _add(self, noted: Content) -> None:
        # Anew, as others may be going through the one before.
        self._known[noted.image] = {**self._known.get(noted.image, {}), noted.state: noted}


def _content(line: dict[str, Any]) -> Content:
    return Content(
        image=str(line["image"]),
        state=str(line["state"]),
        size=int(line["size"]),
        content=str(line["content"]),
    )


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in parts_of(path))

"""What each reader clicked on each scan, and on what: one file each, whole or not at all.

A file says whose it is and of which scan, and one that is not of who asks is never used. It holds
the draft itself: clicks go on from it after a restart, whatever became of it in the store.
"""

import base64
import hashlib
import json
import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.interaction.clicks import MAX_CLICKS
from acsnet.labels import Label
from acsnet.server.corrections.points import MEANINGS
from acsnet.server.inference.request import Points
from acsnet.server.state.paths import private_folder
from acsnet.storage import set_aside, write_json

logger = logging.getLogger(__name__)

CLICKS_SET_ASIDE = (
    "your earlier clicks were damaged on the disk and were set aside: please start again"
)


@dataclass(frozen=True, kw_only=True)
class Start:
    """What clicks start from.

    source: as in `starts`; version: id of the label, empty for a model's draft without one; labels:
    values of `acsnet.labels.Label` on the input's grid; own: id of the newest version of the reader
    then; model: version of the model that drew it or whose draft it began from, empty for none,
    None if unknown.
    """

    source: str
    version: str
    labels: NDArray[np.uint8]
    own: str = ""
    model: str | None = None

    @property
    def digest(self) -> str:
        """What a page calls its labels by, to go on from them: 32 characters."""
        return hashlib.sha256(self.labels.tobytes()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class ReaderState:
    """A reader's clicks on a scan; scan: fingerprint of its files."""

    scan: str
    start: Start
    points: Points


class ReaderStates:
    """The states in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reader: str, image: str) -> tuple[ReaderState | None, tuple[str, ...]]:
        """The state of a reader on an image, None where there is none, and what to tell them."""
        path = self._path(reader, image)
        try:
            content = json.loads(path.read_bytes())
            if (content["reader"], content["image"]) != (reader, image):
                return None, ()
            return _state(content), ()
        except FileNotFoundError:
            return None, ()
        except (OSError, ValueError, KeyError, TypeError, zlib.error):
            logger.exception("the clicks of a reader cannot be read")
            set_aside(path)
            return None, (CLICKS_SET_ASIDE,)

    def write(self, reader: str, image: str, state: ReaderState) -> None:
        """Keep a state; it is on the disk when this returns."""
        path = self._path(reader, image)
        private_folder(path.parent)
        start = state.start
        content = {
            "reader": reader,
            "image": image,
            "scan": state.scan,
            "source": start.source,
            "version": start.version,
            "own": start.own,
            "model": start.model,
            "shape": list(start.labels.shape),
            "labels": base64.b64encode(zlib.compress(start.labels.tobytes())).decode(),
            "points": [[name, *index] for name, index in state.points],
        }
        write_json(path, content, private=True)

    def _path(self, reader: str, image: str) -> Path:
        digest = hashlib.sha256(json.dumps([reader, image]).encode()).hexdigest()
        return self._folder / f"{digest[:32]}.json"


def _state(content: dict[str, Any]) -> ReaderState:
    """Raises ValueError, KeyError or TypeError for what is no state."""
    shape = tuple(int(size) for size in content["shape"])
    raw = zlib.decompress(base64.b64decode(content["labels"], validate=True))
    labels = np.frombuffer(raw, np.uint8).reshape(shape).copy()
    points: Points = [(str(name), (int(i), int(j), int(k))) for name, i, j, k in content["points"]]
    if labels.max(initial=0) > max(Label) or len(points) > MAX_CLICKS:
        msg = "labels or points that cannot be"
        raise ValueError(msg)
    if any(name not in MEANINGS for name, _ in points):
        msg = "points of an unknown label"
        raise ValueError(msg)
    start = Start(
        source=str(content["source"]),
        version=str(content["version"]),
        own=str(content["own"]),
        model=None if content.get("model") is None else str(content["model"]),
        labels=labels,
    )
    return ReaderState(scan=str(content["scan"]), start=start, points=points)

"""Scores on disk, one file a scan, valid for the state of its files and one model.

The model's label map is stored too, to compare it with a review without another inference.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.active_learning.scores import FEATURES, Scores
from acsnet.storage import private_name, writing

logger = logging.getLogger(__name__)

SUFFIX = ".npz"


def model_version(weights: Mapping[str, str]) -> str:
    """Short digest of a set of weights; weights: name -> SHA-256, as in a `Result`."""
    return hashlib.sha256(json.dumps(dict(weights), sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What scores are valid for: an image, the state of its files, and the model."""

    image: str
    fingerprint: str
    model: str


class ScoreStore:
    """The scores of one datastore, in a folder that one process writes to.

    A newer score replaces an older one of the image; unreadable files are ignored.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._change = threading.Lock()
        entries = filter(None, map(_read_entry, sorted(folder.glob(f"*{SUFFIX}"))))
        self._known = {stamp.image: (stamp, scores) for stamp, scores in entries}

    def get(self, stamp: Stamp) -> Scores | None:
        """The scores of this state of an image by this model, if stored."""
        known = self._known.get(stamp.image)
        return known[1] if known and known[0] == stamp else None

    def holds(self, image: str) -> bool:
        """Whether there are scores of an image, of whatever state of it."""
        return image in self._known

    def labels(self, stamp: Stamp) -> NDArray[np.uint8] | None:
        """The model's label map on the grid of the input; None if not scored."""
        with self._change:
            if self.get(stamp) is None:
                return None
            with np.load(self._file(stamp.image)) as arrays:
                labels: NDArray[np.uint8] = arrays["labels"]
                return labels

    def put(self, stamp: Stamp, scores: Scores, labels: NDArray[np.uint8]) -> None:
        """Store scores and label map atomically."""
        about = json.dumps({**asdict(stamp), **asdict(scores)}, allow_nan=False)
        file = self._file(stamp.image)
        with self._change:
            with writing(file) as temporary, temporary.open("wb") as stream:
                np.savez_compressed(stream, about=np.array(about), labels=labels)
            self._known[stamp.image] = stamp, scores

    def _file(self, image: str) -> Path:
        """Named by a digest: an image id may be any text."""
        return self._folder / f"{private_name(image)}{SUFFIX}"


def _read_entry(file: Path) -> tuple[Stamp, Scores] | None:
    try:
        with file.open("rb") as stream, np.load(stream) as arrays:
            about: dict[str, Any] = json.loads(str(arrays["about"]))
        stamp = Stamp(**{key: str(about[key]) for key in Stamp.__dataclass_fields__})
        features = tuple(None if value is None else float(value) for value in about["features"])
        scores = Scores(
            uncertainty=float(about["uncertainty"]),
            correction=float(about["correction"]),
            features=features,
        )
    except Exception:  # noqa: BLE001 # however it is damaged, the scan is scored again
        logger.warning("a file of scores cannot be read and is passed over")
        return None
    return (stamp, scores) if len(features) == len(FEATURES) else None

"""What readers have drawn and not saved yet, so that a closed tab or a dead browser loses nothing.

An edit is no version: it is not measured, counts for nothing, and only its reader is offered it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from acsnet.server.corrections.frame_labels import Runs
from acsnet.server.state.paths import private_folder
from acsnet.storage import set_aside, write_json


@dataclass(frozen=True, kw_only=True)
class UnsavedEdit:
    """What one reader draws on one image.

    reader: who; version: id of the version that the edit began from, or the tag of one that has no
    id; frames: see `frame_labels`; kept: when it came in, ISO 8601.
    """

    image: str
    reader: str
    version: str
    frames: Mapping[str, Runs]
    kept: str


class UnsavedEdits:
    """The unsaved edits of one store of scans: one file for each reader and image.

    folder: made when the first edit is kept; readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(
        self, image: str, reader: str, *, version: str, frames: Mapping[str, Runs]
    ) -> UnsavedEdit:
        """Keep an edit in place of the one before; it is on the disk when this returns."""
        kept = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        edit = UnsavedEdit(image=image, reader=reader, version=version, frames=frames, kept=kept)
        private_folder(self._folder)
        write_json(self._file(image, reader), asdict(edit), private=True)
        return edit

    def of(self, image: str, reader: str) -> UnsavedEdit | None:
        """The edit of a reader; None where there is none, or it is damaged and set aside."""
        file = self._file(image, reader)
        try:
            return UnsavedEdit(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            set_aside(file)
            return None

    def drop(self, image: str, reader: str) -> None:
        """Remove the edit of a reader: it was saved, or the reader does not want it."""
        self._file(image, reader).unlink(missing_ok=True)

    def _file(self, image: str, reader: str) -> Path:
        """Names come from outside and never become a path."""
        digest = hashlib.sha256(f"{image}\0{reader}".encode()).hexdigest()
        return self._folder / f"{digest}.json"

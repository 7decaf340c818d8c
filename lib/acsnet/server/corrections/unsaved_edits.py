"""What readers have drawn and not saved yet, so that a closed tab or a dead browser loses nothing.

An edit is no version: it is not measured, counts for nothing, and only its reader is offered it. A
reader may have a case open in several tabs: what one of them sends never takes the place of what
another drew.
"""

import hashlib
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path

from acsnet.errors import InputError
from acsnet.server.corrections.frame_labels import Runs
from acsnet.server.state.paths import private_folder
from acsnet.storage import set_aside, write_json

MAX_EDITS = 20
"""Of one reader on one image."""

_CHANGE = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class UnsavedEdit:
    """What one reader draws on one image.

    reader: who; version: id of the version that the edit began from, or the tag of one that has no
    id; saved: when that was saved, empty where the viewer did not say; frames: see `frame_labels`;
    kept: when it came in, ISO 8601; tab: that sent it last; revision: changes each time that it is
    kept; seen: images that a page of 0.2.0 could show, where it was kept by one.
    """

    image: str
    reader: str
    version: str
    frames: Mapping[str, Runs]
    kept: str
    tab: str = ""
    revision: str = ""
    saved: str = ""
    seen: tuple[str, ...] | None = None

    def on_all(self, frames: Mapping[str, Runs]) -> dict[str, Runs]:
        """What is drawn, on images that the page could not show as in another label map."""
        unseen = () if self.seen is None else frames.keys() - {*self.seen}
        return {**{uid: frames[uid] for uid in unseen}, **self.frames}


_FIELDS = tuple(field.name for field in fields(UnsavedEdit))


class UnsavedEdits:
    """The unsaved edits of one store of scans: a file for each, and mostly one a reader and image.

    folder: made when the first edit is kept; readable by its owner alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(
        self,
        image: str,
        reader: str,
        *,
        version: str,
        frames: Mapping[str, Runs],
        saved: str = "",
        tab: str = "",
        revision: str = "",
    ) -> tuple[UnsavedEdit, bool]:
        """Keep an edit in place of the one that the tab sent before; on the disk on return.

        Args:
            image: id of the scan.
            reader: who draws.
            version: what the edit began from.
            frames: what is drawn.
            saved: when the version was saved, if the tab says so.
            tab: that sends it.
            revision: of the edit that the tab went on from.

        Returns:
            The edit, and whether another tab has changed the one that it went on from: then both
            are kept, side by side.

        Raises:
            InputError: the reader has `MAX_EDITS` on this image.
        """
        edit = UnsavedEdit(
            image=image,
            reader=reader,
            version=version,
            frames=frames,
            saved=saved,
            kept=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            tab=tab,
            revision=secrets.token_hex(8),
        )
        private_folder(self._folder)
        with _CHANGE:
            known = self._files(image, reader)
            file = _continued(known, tab=tab, revision=revision)
            clashes = file is None and bool(known)
            if file is None:
                if len(known) >= MAX_EDITS:
                    msg = f"you have {MAX_EDITS} unsaved edits on this case: save or discard some"
                    raise InputError(msg)
                name = f"-{edit.revision}" if clashes else ""
                file = self._folder / f"{_digest(image, reader)}{name}.json"
            write_json(file, asdict(edit), private=True)
        return edit, clashes

    def of(self, image: str, reader: str) -> tuple[UnsavedEdit, ...]:
        """The edits of a reader, newest first; a damaged one is set aside."""
        with _CHANGE:
            edits = self._files(image, reader).values()
        return tuple(sorted(edits, key=lambda edit: edit.kept, reverse=True))

    def drop(self, image: str, reader: str, *, tab: str = "", revision: str = "") -> None:
        """Remove the edit that `keep` would replace: it was saved, or its reader gives it up."""
        with _CHANGE:
            file = _continued(self._files(image, reader), tab=tab, revision=revision)
            if file is not None:
                file.unlink(missing_ok=True)

    def _files(self, image: str, reader: str) -> dict[Path, UnsavedEdit]:
        """The file of each edit of a reader."""
        edits = {}
        for file in sorted(self._folder.glob(f"{_digest(image, reader)}*.json")):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                edit = UnsavedEdit(**{name: content[name] for name in _FIELDS if name in content})
                # One that was kept before there were revisions has none.
                edits[file] = replace(edit, revision=edit.revision or edit.kept)
            except (ValueError, TypeError):
                set_aside(file)
        return edits


def _continued(known: Mapping[Path, UnsavedEdit], *, tab: str, revision: str) -> Path | None:
    """The file of the edit that a tab sent last, or else went on from."""
    own = (file for file, edit in known.items() if tab and edit.tab == tab)
    before = (file for file, edit in known.items() if edit.revision == revision)
    return next(own, None) or next(before, None)


def _digest(image: str, reader: str) -> str:
    """Names come from outside and never become a path."""
    return hashlib.sha256(f"{image}\0{reader}".encode()).hexdigest()

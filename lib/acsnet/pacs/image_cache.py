"""Images of a PACS that are kept on this machine: what was damaged since is fetched again."""

import logging
from pathlib import Path

from acsnet.pacs.download import SUFFIX
from acsnet.storage import append_lines, read_lines, sha256_of

logger = logging.getLogger(__name__)

DIGESTS = ".digests.jsonl"
"""Beside the images of a series: the SHA-256 of each, as it was when it was fetched."""


class ImageCache:
    """Knows which files of a cache are as they were fetched; a file is read once, and again only
    when its size or time has changed.
    """

    def __init__(self) -> None:
        self._whole: dict[Path, tuple[int, int]] = {}

    def remove_damaged(self, folder: Path) -> int:
        """Remove the images of a series that are not as they were fetched; how many.

        What an earlier version fetched, which noted nothing, is taken as it is.
        """
        if not (folder / DIGESTS).exists():
            self.note(folder)
            return 0
        unsure = [
            file for file in folder.glob(f"*{SUFFIX}") if self._whole.get(file) != _mark(file)
        ]
        digests = _digests(folder) if unsure else {}
        removed = 0
        for file in unsure:
            mark = _mark(file)
            if digests.get(file.name) == sha256_of(file):
                self._whole[file] = mark
            else:
                file.unlink(missing_ok=True)
                removed += 1
        if removed:
            logger.warning("%d images of the cache were damaged and are fetched again", removed)
        return removed

    def note(self, folder: Path) -> None:
        """Note the digests of the images of a series that have none yet."""
        known = _digests(folder)
        new = [file for file in sorted(folder.glob(f"*{SUFFIX}")) if self._is_new(file, known)]
        if new:
            lines = [{"name": file.name, "sha256": sha256_of(file)} for file in new]
            append_lines(folder / DIGESTS, lines)
            self._whole |= {file: _mark(file) for file in new}

    def _is_new(self, file: Path, known: dict[str, str]) -> bool:
        return file.name not in known or self._whole.get(file) != _mark(file)


def _digests(folder: Path) -> dict[str, str]:
    """Name -> SHA-256, as noted last."""
    lines = read_lines(folder / DIGESTS)
    return {str(line.get("name")): str(line.get("sha256")) for line in lines}


def _mark(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns

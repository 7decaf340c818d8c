"""Images of a PACS that are kept on this machine: what is no longer true is fetched again."""

import logging
from pathlib import Path
from typing import Any

from acsnet.pacs.download import SUFFIX
from acsnet.storage import append_lines, read_lines, sha256_of

logger = logging.getLogger(__name__)

DIGESTS = ".digests.jsonl"
"""Beside the images of a series: of each the SHA-256, and whose it was, when it was fetched."""

Mark = tuple[int, int, str]
"""Size and time of a file, and its subject, when it was found to be true."""


class ImageCache:
    """Knows which files of a cache are as they were fetched; a file is read once, and again only
    when its size or time has changed.

    subject: what the PACS tells of patient and study, which an archive corrects or merges.
    """

    def __init__(self) -> None:
        self._whole: dict[Path, Mark] = {}

    def remove_outdated(self, folder: Path, *, subject: str) -> int:
        """Remove the images of a series that are not as they were fetched, or whose subject is told
        otherwise by now; how many.

        What an earlier version did not note is taken as it is.
        """
        if not (folder / DIGESTS).exists():
            self.note(folder, subject=subject)
            return 0
        unsure = [
            file
            for file in folder.glob(f"*{SUFFIX}")
            if self._whole.get(file) != _mark(file, subject)
        ]
        noted = _noted(folder) if unsure else {}
        removed = 0
        for file in unsure:
            mark = _mark(file, subject)
            line = noted.get(file.name, {})
            is_theirs = line.get("subject", subject) == subject
            if is_theirs and line.get("sha256") == sha256_of(file):
                self._whole[file] = mark
            else:
                file.unlink(missing_ok=True)
                removed += 1
        if removed:
            logger.warning(
                "%d images of the cache were damaged, or their patient or study was corrected: "
                "they are fetched again",
                removed,
            )
        return removed

    def note(self, folder: Path, *, subject: str) -> None:
        """Note the digests of the images of a series that have none yet."""
        known = _noted(folder)
        new = [
            file
            for file in sorted(folder.glob(f"*{SUFFIX}"))
            if file.name not in known or self._whole.get(file) != _mark(file, subject)
        ]
        if new:
            lines = [
                {"name": file.name, "sha256": sha256_of(file), "subject": subject} for file in new
            ]
            append_lines(folder / DIGESTS, lines)
            self._whole |= {file: _mark(file, subject) for file in new}


def _noted(folder: Path) -> dict[str, dict[str, Any]]:
    """Name -> what was noted last."""
    return {str(line.get("name")): line for line in read_lines(folder / DIGESTS)}


def _mark(file: Path, subject: str) -> Mark:
    status = file.stat()
    return status.st_size, status.st_mtime_ns, subject

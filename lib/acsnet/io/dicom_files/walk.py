"""The walk through a folder and its subfolders, to each file that may be a scan or a slice."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DICOM_SUFFIXES


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What a walk through folders keeps in mind.

    been: folders that it was in; closed: those it could not open; without: a folder, resolved,
    that is left out.
    """

    been: set[tuple[int, int]] = field(default_factory=set)
    closed: list[Path] = field(default_factory=list)
    without: Path | None = None

    def entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """What a folder holds, by name; nothing where it cannot be opened, or was gone through."""
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            self.closed.append(folder)
            return iter(())
        left_out = self.without is not None and folder.resolve().is_relative_to(self.without)
        if left_out or (status.st_dev, status.st_ino) in self.been:
            return iter(())
        self.been.add((status.st_dev, status.st_ino))
        return iter(entries)

    def remarks(self, root: Path) -> list[str]:
        """Of each folder that could not be opened, that what it holds is missing."""
        names = (path.name if path == root else path.relative_to(root) for path in self.closed)
        return [f"{name} was skipped: the folder cannot be opened" for name in names]


def files_below(
    folder: Path, *, subfolders: bool = True, walk: Walk | None = None
) -> Iterator[Path]:
    """All files that may be scans or slices, at any depth, in the order of their names.

    Not hidden ones and no DICOMDIR; with links to nothing that are called as slices are. No folder
    is gone through twice, so that links that lead round in circles end.
    """
    walk = walk or Walk()
    levels = [walk.entries(folder)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        if entry.name.startswith(".") or entry.name.upper() == "DICOMDIR":
            continue
        try:
            is_file, is_folder = entry.is_file(), entry.is_dir()
        except OSError:  # a link to itself
            is_file = is_folder = False
        if is_file or leads_nowhere(Path(entry.path)):
            yield Path(entry.path)
        elif is_folder and subfolders:
            levels.append(walk.entries(Path(entry.path)))


def candidates(folder: Path, *, walk: Walk | None = None) -> Iterator[Path]:
    """The files of a folder and its subfolders that a reader looks at, by name.

    Raises InputError for a link to nothing, which may be a slice.
    """
    for path in files_below(folder, walk=walk):
        if leads_nowhere(path):
            msg = f"{path.name} is a link to a file that does not exist"
            raise InputError(msg)
        yield path


def leads_nowhere(path: Path) -> bool:
    """Whether this is a link to nothing that is called as DICOM files are."""
    named = path.suffix.lower() in ("", *DICOM_SUFFIXES) or path.suffix[1:].isdecimal()
    return named and path.is_symlink() and not path.exists()

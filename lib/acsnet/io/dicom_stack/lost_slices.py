"""Images that the index of a disc (DICOMDIR) lists and that are missing: copies fail."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pydicom.dataset import Dataset

MAX_COMPONENTS = 8
"""Of the path of a file below the index of its disc (PS3.10 8.2)."""

Listed = Mapping[str, Sequence[tuple[str, Path]]]
"""SeriesInstanceUID -> SOPInstanceUID, and path below the index, of each image."""


def directories_of(paths: Iterable[Path]) -> list[Path]:
    """The indices (DICOMDIR) of the discs that files, or what they link to, may lie on."""
    parents: dict[Path, None] = {}  # of each folder once: to resolve paths takes long
    for path in paths:
        parents[path.parent] = None
        if path.is_symlink():
            parents[path.resolve().parent] = None
    places = (place for parent in parents for place in (parent.absolute(), parent.resolve()))
    folders = dict.fromkeys(
        folder for place in places for folder in islice((place, *place.parents), MAX_COMPONENTS)
    )
    indices = (folder / name for folder in folders for name in ("DICOMDIR", "dicomdir"))
    return [index for index in indices if os.path.isfile(index)]  # noqa: PTH113


def images_listed(directory: Dataset) -> Listed:
    """The images that an index lists, by series; its records are linked by offsets (PS3.3 F.3)."""
    records = {record.seq_item_tell: record for record in directory.DirectoryRecordSequence}
    listed: dict[str, list[tuple[str, Path]]] = {}
    for series in [record for record in records.values() if "SeriesInstanceUID" in record]:
        offset = series.OffsetOfReferencedLowerLevelDirectoryEntity
        while (record := records.pop(offset, None)) is not None:  # each once
            if record.DirectoryRecordType == "IMAGE":
                parts = record.ReferencedFileID
                path = Path(parts) if isinstance(parts, str) else Path(*parts)
                image = str(record.ReferencedSOPInstanceUIDInFile), path
                listed.setdefault(str(series.SeriesInstanceUID), []).append(image)
            offset = record.OffsetOfTheNextDirectoryRecord
    return listed


def listed_and_missing(
    images: Iterable[tuple[str, Path]], root: Path, *, there: Collection[str]
) -> list[Path]:
    """Of the images that an index in `root` lists those that are not there.

    there: SOPInstanceUIDs of what was found. An index of which no image lies at its place is of a
    disc that was rearranged: it tells nothing.
    """
    in_place, missing = 0, []
    for uid, path in images:
        if any((root / name).exists() for name in (path, path.as_posix().lower())):
            in_place += 1
        elif uid not in there:
            missing.append(path)
    return missing if in_place else []

"""What tells that slices are missing: the index of a disc (DICOMDIR), and tags. Copies fail."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DicomFile, number_of

MAX_COMPONENTS = 8
"""Of the path of a file below the index of its disc (PS3.10 8.2)."""

SPACING_TAG_TOLERANCE = 0.05
MAX_STEP_OF_THICKNESS = 1.9
"""Slices of 6 mm with gaps of 4 mm are usual (1.67); where every second is missing it is 2 or more.

So it is where slices of 5 mm were planned every 10 mm: only who knows the protocol can tell.
"""

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


def spacing_remarks(chosen: Sequence[DicomFile], step_mm: float) -> list[str]:
    """Every second slice missing leaves even steps: only these tags can tell."""
    by_tag = {
        tag: told_number(chosen[0], tag) for tag in ("SpacingBetweenSlices", "SliceThickness")
    }
    tag, tag_mm = next(((tag, abs(mm)) for tag, mm in by_tag.items() if mm is not None), ("", 0.0))
    if tag == "SpacingBetweenSlices" and abs(tag_mm - step_mm) > SPACING_TAG_TOLERANCE * step_mm:
        check = (
            "check that no slice is missing"
            if step_mm > tag_mm
            else "check that the series holds one stack, not two"
        )
        return [
            f"slices lie {step_mm:.2f} mm apart by ImagePositionPatient, which is used, but "
            f"{tag} is {tag_mm:g} mm: {check}"
        ]
    if tag == "SliceThickness" and step_mm >= MAX_STEP_OF_THICKNESS * tag_mm:
        return [
            f"slices of {tag_mm:g} mm lie {step_mm:.2f} mm apart by ImagePositionPatient: if these "
            "gaps were not planned, slices are missing"
        ]
    return []


def acquisition_remarks(chosen: Sequence[DicomFile], images: Sequence[DicomFile]) -> list[str]:
    """A slice that is missing at an end leaves no gap: only ImagesInAcquisition can tell.

    It counts the images of all kinds and phases, which may lie in other series: as many again as
    are there, or more, mean nothing. images: of the series, chosen or not.
    """
    tags = ("SeriesInstanceUID", "AcquisitionNumber", "ImagesInAcquisition")
    acquisitions = {tuple(file.text(tag) for tag in tags) for file in chosen}
    (*_, text), *others = acquisitions
    if others or not text.isdecimal():
        return []
    count = sum(tuple(file.text(tag) for tag in tags) in acquisitions for file in images)
    if not count < int(text) < 2 * count:
        return []
    return [
        f"ImagesInAcquisition is {text}, but {count} images of this acquisition are there: check "
        "that no slice is missing"
    ]


def told_number(file: DicomFile, tag: str) -> float | None:
    """A number that a header may have; scanners write 0 for what nobody typed in."""
    return number_of(file.text(tag)) or None

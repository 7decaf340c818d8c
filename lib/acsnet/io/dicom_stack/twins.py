"""Images that came twice: under other UIDs and numbers, with the same place, time and pixels.

Some archives give UIDs of their own to what comes in again, also to a part of a series. What
differs in any other tag was made on purpose. Ours.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import pydicom

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile, number_of
from acsnet.io.dicom_stack.file_checks import MATRIX_TAGS, PIXEL_TAGS
from acsnet.io.dicom_stack.frames import GROUPS
from acsnet.io.dicom_stack.phases import SEPARATING_TAGS
from acsnet.io.dicom_stack.pixels import stored_pixels
from acsnet.io.dicom_stack.scales import RESCALED
from acsnet.io.dicom_stack.selection import PLACE_TAGS, named
from acsnet.io.dicom_stack.series_names import series_name

OF_IMAGE = (
    "AcquisitionDate",
    *(tag for tag in SEPARATING_TAGS if tag not in ("ContentTime", "InstanceNumber")),
)
"""What two copies of an image have in common, beside place and pixels."""

UNREADABLE = (InputError, *DAMAGED)
"""What is raised where the pixels of a file are damaged, or cut short."""

NEAR = "StudyInstanceUID", "ImagePositionPatient", "AcquisitionTime"
"""Where and when an image was taken: few in two series share that, and are compared on."""

OF_SERIES = (
    "StudyInstanceUID",
    "PatientID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    *PLACE_TAGS,
    *OF_IMAGE,
)
"""What two copies of an image in two series have in common."""

Values = tuple[str, ...]
ByTags = dict[Values, list[DicomFile]]
"""Images by the values of some tags."""


def without_twins(
    groups: Sequence[Sequence[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """The images of each position, each once; and what is told of those that are left out.

    Where the images of a position differ in nothing but pixels, they are no copies, and neither
    are those of the other positions.
    """
    left_out: list[DicomFile] = []
    for group in groups:
        for alike in _by_tags(group, OF_IMAGE).values():
            copies = _copies(alike)
            if len(alike) > 1 and not copies:
                return [list(some) for some in groups], []
            left_out += copies
    kept = [[file for file in group if file not in left_out] for group in groups]
    return kept, [f"left out: {named(left_out)}, with the same pixels"] if left_out else []


def _copies(alike: Sequence[DicomFile]) -> list[DicomFile]:
    """Of images that tags do not tell apart those with the pixels of one before them."""
    if len(alike) < 2:
        return []
    first: dict[bytes, DicomFile] = {}
    try:
        return [file for file in alike if first.setdefault(_pixels(file), file) is not file]
    except UNREADABLE:
        return []


def twin_remarks(scans: Sequence[Sequence[DicomFile]]) -> dict[int, list[str]]:
    """What to tell of a part of a scan that came again under other UIDs, by its number.

    Each of its images is in a larger scan of the same name, too: alone it would be a smaller
    ventricle. Pixels are read only where place and all of `OF_IMAGE` are the same.
    """
    larger: dict[Values, list[int]] = {}
    remarks: dict[int, list[str]] = {}
    by_tags = cache(lambda number: _by_tags(scans[number], OF_SERIES))
    images = [number for number, files in enumerate(scans) if _are_images(files)]
    for number in sorted(images, key=lambda number: -len(scans[number])):
        files = scans[number]
        near = [tuple(map(file.text, NEAR)) for file in files]
        of = next(
            (
                scans[other][0]
                for other in larger.get(near[0], ())
                if len(files) < len(scans[other])
                and series_name(files[0]) == series_name(scans[other][0])
                and _holds(by_tags(other), by_tags(number))
            ),
            None,
        )
        if of is not None:
            called = of.text("SeriesNumber") or of.text("SeriesInstanceUID")
            remarks[number] = [
                f"each of its images is also in series {called} ({series_name(of)!r}): it may be a "
                "part of that scan, sent again"
            ]
        for key in dict.fromkeys(near):
            larger.setdefault(key, []).append(number)
    return remarks


def _holds(images: ByTags, twins: ByTags) -> bool:
    """Whether a series has each image of another, by tags and pixels."""
    if not twins.keys() <= images.keys():
        return False
    try:
        return all(
            _pixels(file) in map(_pixels, images[key]) for key in twins for file in twins[key]
        )
    except UNREADABLE:
        return False


def _are_images(files: Sequence[DicomFile]) -> bool:
    return bool(files) and all(file.is_image for file in files)


def _by_tags(files: Iterable[DicomFile], tags: Sequence[str]) -> ByTags:
    by_tags: ByTags = {}
    for file in files:
        by_tags.setdefault(tuple(map(file.text, tags)), []).append(file)
    return by_tags


def _pixels(file: DicomFile) -> bytes:
    return _digest(file.path, file.path.stat().st_mtime_ns) + str(file.frame).encode()


@lru_cache(maxsize=10_000)
def _digest(path: Path, _changed_ns: int) -> bytes:
    """Of all pixels of a file, and of what tells their values; read once while it stays as it is.

    Raises one of `UNREADABLE`.
    """
    stored, _ = stored_pixels(DicomFile(path, path.name, pydicom.Dataset()))
    scales = pydicom.dcmread(
        path, force=True, stop_before_pixels=True, specific_tags=[*RESCALED, *GROUPS]
    )
    matrix = [(tag, str(stored.get(tag, ""))) for tag in MATRIX_TAGS]
    scale = [
        (tag.keyword, number if (number := number_of(text := str(tag.value))) is not None else text)
        for tag in scales.iterall()
        if tag.keyword in RESCALED
    ]
    is_as_stored = {*scale} <= {("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)}
    digest = hashlib.sha256(repr((matrix, () if is_as_stored else scale)).encode())
    for tag in (tag for tag in PIXEL_TAGS if tag in stored):
        digest.update(stored[tag].value)
    return digest.digest()

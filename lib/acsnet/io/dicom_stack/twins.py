"""Images that came twice: under other UIDs and numbers, with the same place, time and pixels.

Some archives give UIDs of their own to what comes in again, also to a part of a series. What
differs in any other tag was made on purpose. Ours.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import pydicom

from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile, number_of
from acsnet.io.dicom_stack.phases import SEPARATING_TAGS
from acsnet.io.dicom_stack.selection import PLACE_TAGS, named
from acsnet.io.dicom_stack.series_names import series_name

OF_IMAGE = (
    "AcquisitionDate",
    *(tag for tag in SEPARATING_TAGS if tag not in ("ContentTime", "InstanceNumber")),
)
"""What two copies of an image have in common, beside place and pixels."""

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
    except DAMAGED:
        return []


def without_twin_series(
    groups: Sequence[list[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """Series, without those that came again; and what is told of these.

    Of such a series each image is in another one, too. Of series with the same images and name
    that with the lowest SeriesNumber, and then UID, stays. Pixels are read only where place and all
    of `OF_IMAGE` are the same.
    """
    twins = _twin_series(groups)
    once = [files for number, files in enumerate(groups) if number not in twins]
    return once, [_remark(groups[number], groups[of]) for number, of in twins.items()]


def _twin_series(groups: Sequence[Sequence[DicomFile]]) -> dict[int, int]:
    """Numbers of series each image of which is in another series, too -> number of that one."""
    stay: dict[Values, list[int]] = {}
    twins: dict[int, int] = {}
    by_tags = cache(lambda number: _by_tags(groups[number], OF_SERIES))
    images = [number for number, files in enumerate(groups) if _are_images(files)]
    for number in sorted(images, key=lambda number: _order(groups[number])):
        near = [tuple(map(file.text, NEAR)) for file in groups[number]]
        others = (
            other
            for other in stay.get(near[0], ())
            if _may_be_copy(groups[number], groups[other])
            and _holds(by_tags(other), by_tags(number))
        )
        if (of := next(others, None)) is not None:
            twins[number] = of
            continue
        for key in dict.fromkeys(near):
            stay.setdefault(key, []).append(number)
    return twins


def _remark(twin: Sequence[DicomFile], of: Sequence[DicomFile]) -> str:
    numbers = [files[0].text("SeriesNumber") or "without a number" for files in (twin, of)]
    return (
        f"series {numbers[0]} ({series_name(twin[0])!r}, {named(twin)}) was left out: the same "
        f"images are in series {numbers[1]} ({of[0].name} and others)"
    )


def _may_be_copy(files: Sequence[DicomFile], of: Sequence[DicomFile]) -> bool:
    """Whether a series may have come twice, or a part of it.

    Under another name a whole series may be told from its copy, and is kept; a part is no scan.
    """
    return len(files) < len(of) or series_name(files[0]) == series_name(of[0])


def _holds(images: ByTags, twins: ByTags) -> bool:
    """Whether a series has each image of another, by tags and pixels."""
    if not twins.keys() <= images.keys():
        return False
    try:
        return all(
            _pixels(file) in map(_pixels, images[key]) for key in twins for file in twins[key]
        )
    except DAMAGED:
        return False


def _are_images(files: Sequence[DicomFile]) -> bool:
    return bool(files) and all(file.is_image for file in files)


def _order(files: Sequence[DicomFile]) -> tuple[int, float, str]:
    """Larger series first, then by number and UID, wherever the files lie."""
    number = number_of(files[0].text("SeriesNumber")) or 0.0
    return -len(files), number, files[0].text("SeriesInstanceUID")


def _by_tags(files: Iterable[DicomFile], tags: Sequence[str]) -> ByTags:
    by_tags: ByTags = {}
    for file in files:
        by_tags.setdefault(tuple(map(file.text, tags)), []).append(file)
    return by_tags


def _pixels(file: DicomFile) -> bytes:
    return _digest(file.path, file.path.stat().st_mtime_ns) + str(file.frame).encode()


@lru_cache(maxsize=10_000)
def _digest(path: Path, _changed_ns: int) -> bytes:
    """Of all pixels of a file, read once as long as it does not change."""
    dataset = pydicom.dcmread(path, force=True, specific_tags=["PixelData"])
    return hashlib.sha256(dataset.PixelData).digest()

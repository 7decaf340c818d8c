"""What tells that slices are missing: the index of a disc (DICOMDIR), tags, and uneven steps.

Copies fail, and slices are planned anew. Tolerances are ours.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.errors import GeometryError
from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.geometry import MAX_SIDEWAYS_MM, Plane

MAX_COMPONENTS = 8
"""Of the path of a file below the index of its disc (PS3.10 8.2)."""

SPACING_TAG_TOLERANCE = 0.05
MAX_STEP_OF_THICKNESS = 1.9
"""Slices of 6 mm with gaps of 4 mm are usual (1.67); where every second is missing it is 2 or more.

So it is where slices of 5 mm were planned every 10 mm: only who knows the protocol can tell.
"""

STEP_TOLERANCE_MM = 0.5
STEP_TOLERANCE = 0.05
STEP_ROUNDING_MM = 1e-3
MAX_VOLUME_ERROR = 0.03
"""Of a ventricle in `VENTRICLE_SLICES` slices, if uneven steps are called even (ours)."""

VENTRICLE_SLICES = 5
MIN_ALTERNATE, ALTERNATE = 5, 2.5
"""Steps of two stacks of three slices, and times by which large ones exceed small ones (ours)."""

SIDEWAYS_MM = 1.0
"""How far a slice may lie beside the normal through its neighbour without a word."""

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


def check_stack(planes: Sequence[Plane]) -> list[str]:
    """Refuse ordered planes by which volumes would be wrong; tell of what is odd but measurable.

    Uneven steps are called even as long as no ventricle's volume changes by more than
    `MAX_VOLUME_ERROR`. Raises GeometryError that names the gap, or the sideways step, and the
    files on both sides.
    """
    normal = planes[0].normal
    vectors = np.diff([plane.position_mm for plane in planes], axis=0)
    steps = vectors @ normal
    sideways = np.linalg.norm(vectors - np.outer(steps, normal), axis=1)
    if sideways.max() > steps.max():  # a wrong position is no missing slice
        _sideways_remarks(planes, sideways)
    return [*_step_remarks(planes, steps), *_sideways_remarks(planes, sideways)]


def _step_remarks(planes: Sequence[Plane], steps: NDArray[np.float64]) -> list[str]:
    usual = float(np.median(steps))
    gap = steps.max() - usual >= usual - steps.min() - STEP_ROUNDING_MM
    worst = int(np.argmax(steps) if gap else np.argmin(steps))
    if abs(steps[worst] - usual) <= max(STEP_TOLERANCE_MM, STEP_TOLERANCE * usual):
        return []
    between = f"{steps[worst]:.2f} mm between {planes[worst].file} and {planes[worst + 1].file}"
    span = f"{steps.min():.2f} to {steps.max():.2f} mm"
    error = volume_error(steps)
    if error > MAX_VOLUME_ERROR:
        others = float(np.percentile(steps, 50, method="lower" if gap else "higher"))
        reason = "slices are missing" if gap else "slices are too close"
        way_out = "" if gap else "; if one was taken again, put the image not wanted elsewhere"
        if abs(steps[worst] - others) < others / 2:  # as of breath-holds, each a little off
            reason, way_out = "they lie too unevenly for true volumes", ""
        if _alternate(steps):
            reason = "two stacks seem to lie in one series"
            way_out = "; put each into a folder of its own"
        msg = f"distance between slices must be constant, got {span}: {reason}, {between}{way_out}"
        raise GeometryError(msg)
    return [
        f"slices lie {span} apart ({between}): measured as if all "
        f"lay {steps.mean():.2f} mm apart, which changes volumes by {100 * error:.1f} % at most"
    ]


def _alternate(steps: NDArray[np.float64]) -> bool:
    """Whether each small step is followed by a large one, as of a stack taken again a little off.

    Where every third slice is missing, the large ones are twice the small ones.
    """
    small, large = sorted((steps[::2], steps[1::2]), key=np.median)
    return len(steps) >= MIN_ALTERNATE and bool(large.min() > ALTERNATE * small.max())


def volume_error(steps: NDArray[np.float64]) -> float:
    """Largest share by which even steps change the length of `VENTRICLE_SLICES` slices in a row."""
    window = max(1, min(VENTRICLE_SLICES - 1, len(steps) - 1))
    lengths = np.convolve(steps, np.ones(window) / window, mode="valid")
    return float(np.abs(lengths / steps.mean() - 1.0).max())


def _sideways_remarks(
    planes: Sequence[Plane],
    sideways: NDArray[np.float64],
) -> list[str]:
    if sideways.max() <= SIDEWAYS_MM:
        return []
    limit = MAX_SIDEWAYS_MM if sideways.max() > MAX_SIDEWAYS_MM else SIDEWAYS_MM
    worst = int(np.argmax(sideways > limit))
    beside = f"{planes[worst + 1].file} lies {sideways[worst]:.2f} mm beside {planes[worst].file}"
    if sideways.max() > MAX_SIDEWAYS_MM:
        pair = planes[worst : worst + 2]
        emptied = next((plane.file for plane in pair if not plane.position_mm.any()), None)
        why = (
            "" if emptied is None else f" (ImagePositionPatient of {emptied} is 0\\0\\0: emptied?)"
        )
        msg = f"slices must be stacked along their normal: {beside}{why}"
        raise GeometryError(msg)
    return [f"{beside}: volumes stay true, labels lie so much aside there"]

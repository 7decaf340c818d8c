"""Series that go on where another ends: parts of one ventricle whose names do not say so. Ours."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.contrast import name_with, other_scan_reason
from acsnet.io.dicom_stack.image_kinds import kind_by_name, kind_of
from acsnet.io.dicom_stack.lost_slices import check_stack
from acsnet.io.dicom_stack.planes import offsets_mm, places_of, planes_in
from acsnet.io.dicom_stack.repeats import are_scanned_alike
from acsnet.io.dicom_stack.selection import NEXT_SLICE, stacks_of
from acsnet.io.dicom_stack.series_names import series_name
from acsnet.io.geometry import Plane
from acsnet.io.series_words import LONG_AXIS

MAX_HEART_MM = 150.0
"""From the first slice to the last: two whole scans one behind the other are longer. Ours."""


@dataclass(frozen=True, eq=False)
class _Placed:
    """A scan of one plane and matrix.

    numbers: of the series that it is made of; offsets_mm: (slice,) along the normal of `planes`.
    """

    numbers: tuple[int, ...]
    files: tuple[DicomFile, ...]
    planes: tuple[Plane, ...]
    offsets_mm: NDArray[np.float64]


def end_to_end(scans: Sequence[Sequence[DicomFile]]) -> list[list[int]]:
    """Numbers of scans of one study, those that are parts of one ventricle together.

    Such are of one plane, matrix and kind, were scanned alike, and follow one another by one step
    of their slices, as the reader takes it. Where two scans may follow, none does.
    """
    out = []
    for parts in _of_one_plane(scans):
        while pair := _next_pair(parts):
            parts = [part for part in parts if part not in pair]
            parts.append(_together(*pair))
        out += [list(part.numbers) for part in parts]
    there = {number for numbers in out for number in numbers}
    out += [[number] for number in range(len(scans)) if number not in there]
    return sorted(out, key=min)


def adjoining(scans: Sequence[Sequence[DicomFile]]) -> list[tuple[int, int]]:
    """Numbers of two scans of one study and kind each, of which the second follows the first.

    They may be parts of one ventricle, and `end_to_end` is not sure.
    """
    studies: dict[tuple[str, str], list[int]] = {}
    for number, files in enumerate(scans):
        whose = files[0].text("StudyInstanceUID"), files[0].text("PatientID")
        studies.setdefault(whose, []).append(number)
    return [
        (numbers[first.numbers[0]], numbers[second.numbers[0]])
        for numbers in studies.values()
        for placed in _of_one_plane([scans[number] for number in numbers])
        for first in placed
        for second in placed
        if _follows(second, first) and _kinds(first) == _kinds(second)
    ]


def adjoining_remarks(scans: Sequence[Sequence[DicomFile]]) -> dict[int, list[str]]:
    """What to tell of the scans in `adjoining`, by their numbers."""
    remarks: dict[int, list[str]] = {}
    for pair in adjoining(scans):
        for number, other in (pair, pair[::-1]):
            first = scans[other][0]
            remarks.setdefault(number, []).append(
                f"series {first.text('SeriesNumber') or first.text('SeriesInstanceUID')} "
                f"({series_name(first)!r}) lies where the next slices would: the ventricle may be "
                "cut in two, and --series with both joins them"
            )
    return remarks


def _of_one_plane(scans: Sequence[Sequence[DicomFile]]) -> list[list[_Placed]]:
    """Scans that lie in one plane and matrix, where there are several; along one normal."""
    first = [planes_in(files[:1]) for files in scans]
    known = [number for number, planes in enumerate(first) if planes]
    alike = stacks_of([first[number][0] for number in known]) if known else []
    out = []
    for some in alike:
        if len(some) < 2:
            continue
        normal = first[known[some[0]]][0].normal
        placed = []
        for number in (known[i] for i in some):
            planes = planes_in(scans[number])
            if len(stacks_of(planes)) == 1:
                files, row = tuple(scans[number]), offsets_mm(planes, normal)
                placed.append(_Placed((number,), files, tuple(planes), row))
        out.append(placed)
    return out


def _next_pair(parts: Sequence[_Placed]) -> tuple[_Placed, _Placed] | None:
    """Two scans that are one, the second behind the first along the normal; or None."""
    pairs = [
        (first, second)
        for first in parts
        for second in parts
        if _follows(second, first) and _are_parts(first, second)
    ]
    before = Counter(id(second) for _, second in pairs)
    behind = Counter(id(first) for first, _ in pairs)
    return next((p for p in pairs if behind[id(p[0])] == before[id(p[1])] == 1), None)


def _follows(second: _Placed, first: _Placed) -> bool:
    """Whether a scan begins where the next slice of another would be."""
    steps = np.concatenate([np.diff(first.offsets_mm), np.diff(second.offsets_mm)])
    if not len(steps):
        return False
    least_mm, most_mm = np.multiply(NEXT_SLICE, float(np.median(steps)))
    return bool(least_mm < second.offsets_mm[0] - first.offsets_mm[-1] < most_mm)


def _are_parts(first: _Placed, second: _Placed) -> bool:
    """Whether scans that follow one another show one ventricle, by all but their names."""
    if second.offsets_mm[-1] - first.offsets_mm[0] > MAX_HEART_MM:
        return False
    if _kinds(first) != _kinds(second) or not are_scanned_alike(first.files, second.files):
        return False
    planes = (*first.planes, *second.planes)
    try:
        check_stack([planes[place[0]] for place in places_of(planes)])
    except GeometryError:
        return False
    return True


def _kinds(scan: _Placed) -> tuple[object, ...]:
    """What a scan shows: its reconstructions, its view, LGE or not, and images of a slice."""
    header = scan.files[0].header
    images_each = len(scan.planes) // len(scan.offsets_mm)
    return (
        {kind_of(file.header) for file in scan.files},
        kind_by_name(series_name(scan.files[0])),
        name_with(header, LONG_AXIS) is None,
        other_scan_reason(header, images_each=images_each) is None,
        images_each,
    )


def _together(first: _Placed, second: _Placed) -> _Placed:
    return _Placed(
        (*first.numbers, *second.numbers),
        (*first.files, *second.files),
        (*first.planes, *second.planes),
        np.concatenate([first.offsets_mm, second.offsets_mm]),
    )

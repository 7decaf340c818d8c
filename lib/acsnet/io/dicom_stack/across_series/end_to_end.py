"""Series that go on where another ends: parts of one ventricle whose names do not say so. Ours."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.across_series.scan_settings import settings_agree
from acsnet.io.dicom_stack.contrast import (
    is_called_lge,
    name_with,
    other_reason,
    other_scan_reason,
)
from acsnet.io.dicom_stack.image_kinds import kind_by_name, kind_of
from acsnet.io.dicom_stack.lost_slices import check_stack
from acsnet.io.dicom_stack.planes import offsets_mm, places_of, planes_in
from acsnet.io.dicom_stack.repeats import are_scanned_alike
from acsnet.io.dicom_stack.selection import LOCALIZER, NEXT_SLICE, stacks_of
from acsnet.io.dicom_stack.series_names import AID, own_words, person, series_name
from acsnet.io.geometry import Plane
from acsnet.io.series_words import LONG_AXIS

MAX_HEART_MM = 150.0
"""From the first slice to the last: two whole scans one behind the other are longer. Ours."""

SEQUENCE_TAGS = ("ScanningSequence", "SequenceName")


@dataclass(frozen=True, eq=False)
class _Placed:
    """A scan of one plane and matrix.

    numbers: of the series that it is made of; offsets_mm: (slice,) along the normal of `planes`.
    """

    numbers: tuple[int, ...]
    files: tuple[DicomFile, ...]
    planes: tuple[Plane, ...]
    offsets_mm: NDArray[np.float64]

    @cached_property
    def kinds(self) -> tuple[object, ...]:
        """What it shows: its reconstructions, its view, LGE or not, and images of a slice."""
        header = self.files[0].header
        images_each = len(self.planes) // len(self.offsets_mm)
        return (
            {kind_of(file.header) for file in self.files},
            kind_by_name(series_name(self.files[0])),
            name_with(header, LONG_AXIS) is None,
            other_scan_reason(header, images_each=images_each) is None,
            images_each,
        )


def end_to_end(scans: Sequence[Sequence[DicomFile]]) -> list[list[int]]:
    """Numbers of scans of one study, those that are parts of one ventricle together.

    Such are of one plane, matrix and kind, were scanned alike by all that both tell, and follow one
    another by one step of their slices, as the reader takes it. Where two scans may follow, or all
    are no stack or longer than a heart, none does: a wrong join would be told by nothing.
    """
    out = []
    for parts in _of_one_plane(scans, key=_called):
        while (joined := _chained(parts)) is not None:
            parts = joined
        out += [list(part.numbers) for part in parts]
    there = {number for numbers in out for number in numbers}
    out += [[number] for number in range(len(scans)) if number not in there]
    return sorted(out, key=min)


def adjoining(scans: Sequence[Sequence[DicomFile]]) -> list[tuple[int, int]]:
    """Numbers of two scans of one study, day, kind and sequence; the second follows the first.

    They may be parts of one ventricle, and `end_to_end` is not sure. Planning images, pictures made
    of a scan, and other contrasts are none.
    """
    return [
        (first.numbers[0], second.numbers[0])
        for placed in _of_one_plane(scans, key=_of_sequence)
        for first, second in _following(placed)
        if first.kinds == second.kinds
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
                "cut in two; on the command line, --series with both joins them"
            )
    return remarks


def _called(files: Sequence[DicomFile]) -> Hashable:
    """What the names of the parts of one ventricle share, whatever else they say."""
    header, names = files[0].header, {series_name(file) for file in files}
    own = frozenset(word for name in names for word in own_words(name))
    return own, is_called_lge(header)


def _of_sequence(files: Sequence[DicomFile]) -> Hashable:
    """Whose, of when and what it is; None of what is no part of a ventricle."""
    first = files[0]
    types = first.text("ImageType").upper()
    if AID.search(series_name(first)) or LOCALIZER in types or "SUBTRACT" in types:
        return None
    if other_reason(first.header) is not None:
        return None
    whose = first.text("PatientID") or person(first.text("PatientName"))
    day = first.text("AcquisitionDate") or first.text("StudyDate")
    return whose, day, *map(first.text, ("StudyInstanceUID", *SEQUENCE_TAGS))


def _of_one_plane(
    scans: Sequence[Sequence[DicomFile]], *, key: Callable[[Sequence[DicomFile]], Hashable]
) -> list[list[_Placed]]:
    """Scans of one key, plane and matrix, where there are several; along one normal.

    Those without a key are left out.
    """
    by_key: dict[Hashable, list[int]] = {}
    for number, files in enumerate(scans):
        if (of := key(files)) is not None:
            by_key.setdefault(of, []).append(number)
    return [
        alike
        for numbers in by_key.values()
        if len(numbers) > 1
        for alike in _placed(scans, numbers)
    ]


def _placed(scans: Sequence[Sequence[DicomFile]], numbers: Sequence[int]) -> list[list[_Placed]]:
    """Some of the scans by plane and matrix, as `_of_one_plane` has them."""
    first = {number: planes[0] for number in numbers if (planes := planes_in(scans[number][:1]))}
    known = list(first)
    out = []
    for some in stacks_of(list(first.values())) if known else []:
        if len(some) < 2:
            continue
        normal = first[known[some[0]]].normal
        alike = []
        for number in (known[i] for i in some):
            planes = planes_in(scans[number])
            if len(stacks_of(planes)) == 1:
                files, row = tuple(scans[number]), offsets_mm(planes, normal)
                alike.append(_Placed((number,), files, tuple(planes), row))
        out.append(alike)
    return out


def _chained(parts: Sequence[_Placed]) -> list[_Placed] | None:
    """The scans, those together that are one by the ends they show now; None where none are."""
    pairs = [pair for pair in _following(parts) if _are_parts(*pair)]
    before = Counter(id(second) for _, second in pairs)
    behind = Counter(id(first) for first, _ in pairs)
    sure = [(a, b) for a, b in pairs if behind[id(a)] == before[id(b)] == 1]
    next_of = {id(first): second for first, second in sure}
    later = {id(second) for _, second in sure}
    out: list[_Placed] = []
    for part in parts:
        if id(part) in later:
            continue
        chain = [part]
        while (following := next_of.get(id(chain[-1]))) is not None:
            chain.append(following)
        out += [_together(chain)] if len(chain) > 1 and _is_heart(chain) else chain
    return out if len(out) < len(parts) else None


def _following(parts: Sequence[_Placed]) -> list[tuple[_Placed, _Placed]]:
    """Pairs of scans of which the second begins where the next slice of the first would be."""
    ends = [(float(part.offsets_mm[0]), float(part.offsets_mm[-1])) for part in parts]
    order = sorted(range(len(parts)), key=lambda number: ends[number][0])
    begins = [ends[number][0] for number in order]
    widest = max((float(np.diff(part.offsets_mm).max(initial=0.0)) for part in parts), default=0.0)
    out = []
    for first, (_, last) in zip(parts, ends, strict=True):
        at = bisect_right(begins, last)
        until = bisect_left(begins, last + NEXT_SLICE[1] * widest)
        near = (parts[number] for number in order[at:until])
        out += [(first, second) for second in near if _follows(second, first)]
    return out


def _follows(second: _Placed, first: _Placed) -> bool:
    """Whether a scan begins where the next slice of another would be."""
    steps = np.concatenate([np.diff(first.offsets_mm), np.diff(second.offsets_mm)])
    if not len(steps):
        return False
    least_mm, most_mm = np.multiply(NEXT_SLICE, float(np.median(steps)))
    return bool(least_mm < second.offsets_mm[0] - first.offsets_mm[-1] < most_mm)


def _are_parts(first: _Placed, second: _Placed) -> bool:
    """Whether scans that follow one another show one ventricle, by all but where they lie."""
    return (
        first.kinds == second.kinds
        and are_scanned_alike(first.files, second.files)
        and settings_agree(first.files, second.files)
    )


def _is_heart(chain: Sequence[_Placed]) -> bool:
    """Whether scans that follow one another are a stack that is no longer than a heart."""
    if chain[-1].offsets_mm[-1] - chain[0].offsets_mm[0] > MAX_HEART_MM:
        return False
    planes = [plane for part in chain for plane in part.planes]
    try:
        check_stack([planes[place[0]] for place in places_of(planes)])
    except GeometryError:
        return False
    return True


def _together(chain: Sequence[_Placed]) -> _Placed:
    return _Placed(
        tuple(number for part in chain for number in part.numbers),
        tuple(file for part in chain for file in part.files),
        tuple(plane for part in chain for plane in part.planes),
        np.concatenate([part.offsets_mm for part in chain]),
    )

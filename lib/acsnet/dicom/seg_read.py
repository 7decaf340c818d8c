"""Read a DICOM segmentation as a label map on the grid of its MR images.

Frames are placed by position and orientation, never by order: other software leaves out empty
frames, reverses the stack or uses another matrix. Ambiguous input is refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.dicom.header import FRAME_OF_REFERENCE
from acsnet.dicom.provenance import State
from acsnet.dicom.seg_frames import (
    held_frames,
    read_frames,
    refer_to_the_series,
    referred_images,
)
from acsnet.dicom.seg_labels import (
    coded_label,
    is_seg,
    label_of,
    name_of,
    named_label,
    own_state,
    segments_of,
)
from acsnet.dicom.seg_placement import check_images, on_slice, slices_of
from acsnet.dicom.source_images import source_planes
from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io.dicom_files.dicom_file import DAMAGED, quiet_pydicom, text_of
from acsnet.labels import LABELS, LATER_IN_LIST, is_no_label, overlap_warning

MAX_NUMBER = 255
"""Of a segment whose number is taken as a value."""


@dataclass(frozen=True, kw_only=True)
class SegReading:
    """The labels of a SEG.

    labels: (slice, row, column) in the order of the images; state: unknown unless `make_seg` wrote
    the SEG; warnings: for the reviewer; named: whether the labels are ours, or the numbers of the
    segments.
    """

    labels: NDArray[np.uint8]
    state: State | Literal["unknown"]
    warnings: tuple[str, ...]
    named: bool = True


def read_seg(
    seg: Dataset,
    sources: Sequence[Dataset],
    *,
    by_number: Callable[[str, int], bool] = lambda *_: False,
) -> SegReading:
    """The label map of a SEG on the grid of `sources`, one image a slice.

    Where segments overlap the higher label value wins: microvascular obstruction, core scar, grey
    zone, myocardium, blood pool. Background and scribbles (`is_no_label`) are left out. Where no
    segment is known and by_number holds for the names and numbers of all, the numbers are the
    labels. Raises InputError if it is no SEG, is damaged, or has pixels in an unknown segment;
    GeometryError for frames that lie on no slice.
    """
    if not is_seg(seg):
        msg = f"it must be a segmentation, got SOPClassUID {text_of(seg, 'SOPClassUID') or 'none'}"
        raise InputError(msg)
    try:
        with quiet_pydicom():
            return _read(seg, sources, by_number)
    except AcsnetError:
        raise
    except DAMAGED as error:
        msg = f"SEG {text_of(seg, 'SOPInstanceUID')} is damaged: {error}"
        raise InputError(msg) from error


def _read(
    seg: Dataset, sources: Sequence[Dataset], by_number: Callable[[str, int], bool]
) -> SegReading:
    on_others = _warn_of_other_images(seg, sources)
    segments = segments_of(seg)
    left_out = {number for number, segment in segments.items() if _is_no_label(segment)}
    segments = {number: segments[number] for number in segments.keys() - left_out}
    frames = held_frames(
        frame for frame in read_frames(seg, sources) if frame.segment not in left_out
    )
    drawn_segments = {frame.segment for frame in frames}
    values, warnings = _numbers_of_segments(segments, drawn_segments, by_number)
    if named := not values:
        values, warnings = _labels_of_segments(segments, drawn_segments)
    planes = source_planes(sources)
    slices = slices_of(frames, planes)
    if not refer_to_the_series(seg):
        check_images(frames, slices, planes)
    shape = (len(planes), planes[0].rows, planes[0].columns)
    drawn = {label: np.zeros(shape, dtype=bool) for label in sorted(set(values.values()))}
    resampled, lost = 0, 0
    for frame, index in zip(frames, slices, strict=True):
        mask, moved, outside = on_slice(frame, planes[index])
        drawn[values[frame.segment]][index] |= mask
        resampled += moved
        lost += outside
    labels = np.zeros(shape, dtype=np.uint8)
    overlap = np.zeros(shape, dtype=bool)
    for label, mask in drawn.items():
        overlap |= mask & (labels > 0)
        labels[mask] = label
    if resampled:
        warnings.append(
            f"{resampled} of {len(frames)} frames are on another pixel grid than the images: "
            "resampled, nearest pixel"
        )
    if lost:
        warnings.append(f"{lost} drawn pixels lie outside the images and are left out")
    if overlap.any():
        taken = LATER_IN_LIST if named else "the one with the higher number"
        warnings.append(overlap_warning(int(overlap.sum()), taken=taken))
    warnings += on_others
    warnings += _unnamed_slices(seg, sources, labels)
    if not labels.any():
        warnings.append("no segment has a voxel")
    state = own_state(seg) or "unknown"
    return SegReading(labels=labels, state=state, warnings=tuple(warnings), named=named)


def _unnamed_slices(
    seg: Dataset, sources: Sequence[Dataset], labels: NDArray[np.uint8]
) -> list[str]:
    """A warning where a SEG names but some of the series of its scan, and the rest is empty.

    Who drew it may have seen no more; frames without a pixel are no sign of that, as they are often
    left out.
    """
    series = [text_of(source, "SeriesInstanceUID") for source in sources]
    items = seg.get("ReferencedSeriesSequence") or []
    named = {text_of(item, "SeriesInstanceUID") for item in items} & set(series)
    drawn = named | {uid for uid, mask in zip(series, labels, strict=True) if mask.any()}
    empty = [str(number) for number, uid in enumerate(series, start=1) if uid not in drawn]
    if not named or not empty:
        return []
    return [
        f"the segmentation names {len(named)} of the {len(set(series))} series that the scan lies "
        f"in: nothing is drawn in slice {', '.join(empty)}, of the other series"
    ]


def _warn_of_other_images(seg: Dataset, sources: Sequence[Dataset]) -> list[str]:
    """A warning where a SEG names images, and none of the series.

    Raises GeometryError unless the frame of reference is the series' or a frame names one of them.
    """
    uids = {text_of(source, "SOPInstanceUID") for source in sources} - {""}
    per_frame = seg.get("PerFrameFunctionalGroupsSequence") or []
    shared = seg.get("SharedFunctionalGroupsSequence") or []
    named = {uid for item in (*per_frame, *shared) for uid in referred_images(item)}
    if named & uids:
        return []
    own = text_of(seg, FRAME_OF_REFERENCE)
    if not own or own not in {text_of(source, FRAME_OF_REFERENCE) for source in sources}:
        msg = (
            f"SEG was not drawn on this series: its {FRAME_OF_REFERENCE} is {own or 'missing'} and "
            "its frames refer to none of the images"
        )
        raise GeometryError(msg)
    if not named or not uids:  # those of a scan in another format have none
        return []
    return [
        "the segmentation names none of the images of this scan: it was drawn on others at the "
        "same place, such as those that these replaced"
    ]


def _is_no_label(segment: Dataset) -> bool:
    return label_of(segment) is None and is_no_label(text_of(segment, "SegmentLabel"))


def _numbers_of_segments(
    segments: dict[int, Dataset], drawn: set[int], by_number: Callable[[str, int], bool]
) -> tuple[dict[int, int], list[str]]:
    """Segment number -> itself with a remark, as `read_seg` takes by_number; empty otherwise."""
    names = {number: text_of(segments.get(number, Dataset()), "SegmentLabel") for number in drawn}
    known = any(label_of(segments[number]) for number in drawn & segments.keys())
    if (
        not drawn <= segments.keys()
        or known
        or not all(by_number(name, number) for number, name in names.items())
    ):
        return {}, []
    if max(drawn, default=0) > MAX_NUMBER:
        return {}, []
    remark = "no segment has a name of ACSNet: their numbers are taken as values of a label map"
    return {number: number for number in drawn}, [remark]


def _labels_of_segments(
    segments: dict[int, Dataset], drawn: set[int]
) -> tuple[dict[int, int], list[str]]:
    """Segment number -> label, with warnings on empty unknown and on contradictory segments."""
    undescribed = sorted(drawn - segments.keys())
    if undescribed:
        msg = f"SegmentSequence does not describe segments {undescribed}, which have pixels"
        raise InputError(msg)
    mapped = {number: label_of(segment) for number, segment in segments.items()}
    unknown = [number for number, label in mapped.items() if label is None]
    refused = [repr(name_of(segments[number])) for number in unknown if number in drawn]
    if refused:
        msg = (
            f"segments {', '.join(refused)} are none of "
            f"{', '.join(info.name for info in LABELS)}: give them one of these names"
        )
        raise InputError(msg)
    warnings = [
        f"segment {name_of(segments[number])!r} is not known; it is empty and left out"
        for number in unknown
    ]
    for segment in segments.values():
        coded, named = coded_label(segment), named_label(segment)
        if coded and named and coded != named:
            warnings.append(
                f"segment {name_of(segment)!r} has the code of {LABELS[coded - 1].name}, which is "
                "taken"
            )
    return {number: int(label) for number, label in mapped.items() if label is not None}, warnings

"""Read a DICOM segmentation as a label map on the grid of its MR images.

Frames are placed by position and orientation, never by order: other software leaves out empty
frames, reverses the stack or uses another matrix. Ambiguous input is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.dicom.header import FRAME_OF_REFERENCE
from acsnet.dicom.provenance import SERIES_DESCRIPTION, State
from acsnet.dicom.seg_frames import held_frames, read_frames, referred_images
from acsnet.dicom.seg_labels import (
    coded_label,
    is_seg,
    label_of,
    name_of,
    named_label,
    segments_of,
    written_by_acsnet,
)
from acsnet.dicom.seg_placement import on_slice, slices_of
from acsnet.dicom.source_images import planes_of
from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io.dicom_files import DAMAGED, quiet_pydicom, text_of
from acsnet.labels import LABELS, Label


@dataclass(frozen=True, kw_only=True)
class SegReading:
    """The labels of a SEG.

    labels: (slice, row, column) in the order of the images; state: unknown unless `make_seg` wrote
    the SEG; warnings: for the reviewer.
    """

    labels: NDArray[np.uint8]
    state: State | Literal["unknown"]
    warnings: tuple[str, ...]


def read_seg(seg: Dataset, sources: Sequence[Dataset]) -> SegReading:
    """The label map of a SEG on the grid of `sources`, one image a slice.

    Where segments overlap the higher label value wins: microvascular obstruction, core scar, grey
    zone, myocardium, blood pool. Raises InputError if it is no SEG, is damaged, or has pixels in an
    unknown segment; GeometryError for frames that lie on no slice.
    """
    if not is_seg(seg):
        msg = f"it must be a segmentation, got SOPClassUID {text_of(seg, 'SOPClassUID') or 'none'}"
        raise InputError(msg)
    try:
        with quiet_pydicom():
            return _read(seg, sources)
    except AcsnetError:
        raise
    except DAMAGED as error:
        msg = f"SEG {text_of(seg, 'SOPInstanceUID')} is damaged: {error}"
        raise InputError(msg) from error


def _read(seg: Dataset, sources: Sequence[Dataset]) -> SegReading:
    _check_frame_of_reference(seg, sources)
    frames = held_frames(read_frames(seg, sources))
    by_number, warnings = _labels_of_segments(seg, {frame.segment for frame in frames})
    planes = planes_of(sources)
    slices = slices_of(frames, planes)
    shape = (len(planes), planes[0].rows, planes[0].columns)
    drawn = {label: np.zeros(shape, dtype=bool) for label in sorted(set(by_number.values()))}
    resampled, lost = 0, 0
    for frame, index in zip(frames, slices, strict=True):
        mask, moved, outside = on_slice(frame, planes[index])
        drawn[by_number[frame.segment]][index] |= mask
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
        warnings.append(
            f"{int(overlap.sum())} voxels are in more than one segment: the one later in the list "
            f"{', '.join(info.name for info in LABELS)} is taken"
        )
    if not labels.any():
        warnings.append("no segment has a voxel")
    return SegReading(labels=labels, state=_state(seg), warnings=tuple(warnings))


def _state(seg: Dataset) -> State | Literal["unknown"]:
    if not written_by_acsnet(seg):
        return "unknown"
    description = text_of(seg, "SeriesDescription")
    return next(state for state, text in SERIES_DESCRIPTION.items() if text == description)


def _check_frame_of_reference(seg: Dataset, sources: Sequence[Dataset]) -> None:
    """Raise GeometryError unless frame of reference or referenced images are the series'."""
    own = text_of(seg, FRAME_OF_REFERENCE)
    if own and own in {text_of(source, FRAME_OF_REFERENCE) for source in sources}:
        return
    uids = {text_of(source, "SOPInstanceUID") for source in sources}
    per_frame = seg.get("PerFrameFunctionalGroupsSequence") or []
    shared = seg.get("SharedFunctionalGroupsSequence") or []
    if any(uid in uids for item in (*per_frame, *shared) for uid in referred_images(item)):
        return
    msg = (
        f"SEG was not drawn on this series: its {FRAME_OF_REFERENCE} is {own or 'missing'} and "
        "its frames refer to none of the images"
    )
    raise GeometryError(msg)


def _labels_of_segments(seg: Dataset, drawn: set[int]) -> tuple[dict[int, Label], list[str]]:
    """Segment number -> label, with warnings on empty unknown and on contradictory segments."""
    segments = segments_of(seg)
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
    return {number: label for number, label in mapped.items() if label is not None}, warnings

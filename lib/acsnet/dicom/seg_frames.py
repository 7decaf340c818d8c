"""Frames of a DICOM segmentation: segment, mask and plane of each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixel_data_handlers.util import get_expected_length

from acsnet.dicom.source_images import source_planes
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import damage_as, text_of
from acsnet.io.dicom_stack.decoding.coded_sizes import check_coded
from acsnet.io.geometry import MAX_SKEW, Plane
from acsnet.io.limits import MAX_BYTES


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One segment in one plane.

    number: of the frame, from 1; mask: (row, column); image: SOPInstanceUID of the one image that
    the frame itself refers to, empty where it refers to none or to several.
    """

    number: int
    segment: int
    mask: NDArray[np.bool_]
    plane: Plane
    image: str = ""


def read_frames(seg: Dataset, sources: Sequence[Dataset]) -> Iterator[Frame]:
    """The frames with any pixel, in file order.

    Geometry that a frame lacks (OHIF leaves out PixelSpacing) is that of the image it refers to.
    Raises InputError for a frame without position and for unreadable pixels.
    """
    stored = _stored_pixels(seg)
    items = seg.get("PerFrameFunctionalGroupsSequence") or []
    if len(items) != len(stored):
        msg = (
            "PerFrameFunctionalGroupsSequence must have an item for each frame, "
            f"got {len(items)} for {len(stored)}"
        )
        raise InputError(msg)
    planes = source_planes(sources)
    shared_uids = Counter(plane.file for plane in planes)  # by the frames of one object
    by_uid = {plane.file: plane for plane in planes if shared_uids[plane.file] == 1}
    shared = (seg.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for number, (item, pixels) in enumerate(zip(items, stored, strict=True), start=1):
        if not pixels.any():
            continue
        groups = (item, shared)
        plane: Plane | None = None
        uids = set(referred_images(item))
        image = uids.pop() if len(uids) == 1 else ""
        for segment, mask in _masks(seg, groups, pixels, number):
            plane = plane or _plane(groups, number, pixels.shape, by_uid, planes[0])
            yield Frame(number=number, segment=segment, mask=mask, plane=plane, image=image)


def held_frames(frames: Iterable[Frame]) -> list[Frame]:
    """Frames as a list. Raises InputError where their masks would fill the memory.

    A label map has a mask for each value of a frame, however many there are.
    """
    held, pixels = [], 0
    for frame in frames:
        held.append(frame)
        pixels += frame.mask.size
        if pixels > MAX_BYTES:
            msg = f"the segmentation is too large: {len(held)} segments in frames, and more"
            raise InputError(msg)
    return held


def refer_to_the_series(seg: Dataset) -> bool:
    """Whether the frames, empty ones too, refer to one image from several positions.

    It then stands for the series.
    """
    items = seg.get("PerFrameFunctionalGroupsSequence") or []
    named = [(tuple(uids), item) for item in items if (uids := referred_images(item))]
    positions = {
        text_of(_group((item,), "PlanePositionSequence"), "ImagePositionPatient")
        for _, item in named
    }
    return len({uids for uids, _ in named}) == 1 and len(positions) > 1


def referred_images(item: Dataset) -> list[str]:
    """SOPInstanceUIDs of the images that a functional group item names as its sources."""
    return [text_of(image, "ReferencedSOPInstanceUID") for image in source_images(item)]


def source_images(item: Dataset) -> list[Dataset]:
    """The references to images that a functional group item names as its sources."""
    return [
        image
        for derivation in item.get("DerivationImageSequence") or []
        for image in derivation.get("SourceImageSequence") or []
    ]


def _stored_pixels(seg: Dataset) -> NDArray[np.integer[Any]]:
    """(frame, row, column) values as stored."""
    frames, rows, columns = (
        int(text_of(seg, tag) or 0) for tag in ("NumberOfFrames", "Rows", "Columns")
    )
    bits = int(text_of(seg, "BitsAllocated") or 0)
    if min(frames, rows, columns) < 1 or "PixelData" not in seg:
        msg = f"the segmentation has no pixels: {frames} frames of {rows} x {columns}"
        raise InputError(msg)
    if frames * rows * columns * max(bits, 8) // 8 > MAX_BYTES:
        msg = f"the segmentation is too large: {frames} frames of {rows} x {columns}"
        raise InputError(msg)
    expected = get_expected_length(seg)
    compressed = seg.file_meta.TransferSyntaxUID.is_encapsulated
    if not compressed and len(seg.PixelData) != expected + expected % 2:
        msg = f"PixelData must have {expected} bytes, got {len(seg.PixelData)}"
        raise InputError(msg)
    check_coded("the segmentation", seg, plain=expected)
    name = seg.file_meta.TransferSyntaxUID.name
    with damage_as(f"pixels of the segmentation cannot be decoded (transfer syntax {name})"):
        pixels: NDArray[np.integer[Any]] = seg.pixel_array
    return pixels.reshape(frames, rows, columns)


def _masks(
    seg: Dataset, groups: Sequence[Dataset], pixels: NDArray[np.integer[Any]], number: int
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Segment numbers and their masks in one frame; fractional pixels count from one half."""
    kind = text_of(seg, "SegmentationType")
    if kind == "LABELMAP":
        for value in np.unique(pixels[pixels > 0]).tolist():
            yield value, pixels == value
        return
    if kind not in ("BINARY", "FRACTIONAL"):
        msg = f"SegmentationType must be BINARY, FRACTIONAL or LABELMAP, got {kind or 'none'}"
        raise InputError(msg)
    identification = _group(groups, "SegmentIdentificationSequence")
    segment = text_of(identification, "ReferencedSegmentNumber")
    if not segment:
        msg = f"frame {number} does not say which segment it is of (ReferencedSegmentNumber)"
        raise InputError(msg)
    full = int(text_of(seg, "MaximumFractionalValue") or 255) if kind == "FRACTIONAL" else 1
    mask = 2 * pixels.astype(np.int32) >= full
    if mask.any():
        yield int(segment), mask


def _plane(
    groups: Sequence[Dataset],
    number: int,
    shape: tuple[int, ...],
    by_uid: dict[str, Plane],
    first: Plane,
) -> Plane:
    named = [uid for item in groups for uid in referred_images(item) if uid in by_uid]
    source = by_uid[named[0]] if named else None
    position = _numbers(groups, "PlanePositionSequence", "ImagePositionPatient", 3)
    cosines = _numbers(groups, "PlaneOrientationSequence", "ImageOrientationPatient", 6)
    spacing = _numbers(groups, "PixelMeasuresSequence", "PixelSpacing", 2)
    if source is not None:
        position = source.position_mm if position is None else position
        cosines = source.cosines if cosines is None else cosines
    if spacing is None:
        # The images share one spacing, which is the frame's if the matrix is the same.
        like = source or first
        spacing = np.array(like.spacing_mm) if shape == (like.rows, like.columns) else None
    if position is None or cosines is None or spacing is None:
        values = {"position": position, "orientation": cosines, "pixel spacing": spacing}
        missing = " and ".join(name for name, value in values.items() if value is None)
        msg = f"frame {number} has no {missing}, nor does an image of the series give it"
        raise InputError(msg)
    cosines = cosines.reshape(2, 3)
    skew = np.abs(cosines @ cosines.T - np.eye(2)).max()
    # Written so that NaN is refused, too.
    if not (skew <= MAX_SKEW and (spacing > 0).all() and np.isfinite([*position, *spacing]).all()):
        msg = (
            f"frame {number} has no valid position: position {position.tolist()}, orientation "
            f"{cosines.tolist()}, pixel spacing {spacing.tolist()}"
        )
        raise InputError(msg)
    return Plane(
        file=f"frame {number}",
        rows=shape[0],
        columns=shape[1],
        position_mm=position,
        cosines=cosines,
        spacing_mm=(float(spacing[0]), float(spacing[1])),
    )


def _group(groups: Sequence[Dataset], keyword: str) -> Dataset:
    """A functional group of the frame, else the shared one, else an empty one."""
    return next((items[0] for item in groups if (items := item.get(keyword))), Dataset())


def _numbers(
    groups: Sequence[Dataset], group: str, keyword: str, count: int
) -> NDArray[np.float64] | None:
    """Values of a tag; None if it is missing or empty."""
    value = _group(groups, group).get(keyword)
    return np.array(value, dtype=np.float64).reshape(count) if value else None

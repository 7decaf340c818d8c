"""Frames of a SEG: taken out, changed and put back."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from .conftest import NORMAL, ORIGIN, STEP_MM


def with_frames(seg, frames):
    """The SEG with these frames instead: (item, (row, column) mask) each."""
    items, masks = zip(*frames, strict=True)
    stack = np.stack(masks)
    seg.NumberOfFrames, seg.Rows, seg.Columns = stack.shape
    seg.PerFrameFunctionalGroupsSequence = Sequence(items)
    packed = np.packbits(stack.ravel(), bitorder="little").tobytes()
    seg.PixelData = packed + b"\0" * (len(packed) % 2)
    return seg


def frames_of(seg):
    return list(
        zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array.astype(bool), strict=True)
    )


def frame(segment, position, **tags):
    """A frame's item with only segment and position."""
    item, identification, plane = Dataset(), Dataset(), Dataset()
    identification.ReferencedSegmentNumber = segment
    item.SegmentIdentificationSequence = [identification]
    plane.ImagePositionPatient = [*map(float, position)]
    item.PlanePositionSequence = [plane]
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def slice_position(index):
    return ORIGIN + STEP_MM * index * NORMAL

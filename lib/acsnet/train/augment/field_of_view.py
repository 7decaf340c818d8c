"""Another field of view, as another operator would plan it. Not from the paper."""

from dataclasses import replace

import numpy as np

from acsnet.masks import box_of
from acsnet.train.data.case import TrainingCase

LEAST_MARGIN_MM = 6.0
"""Between the ventricle and the edge of a narrow field of view."""

MAX_BLACK_SHARE = 0.5
"""Of the rows or columns, added in black on either side at most."""


def other_field_of_view(case: TrainingCase, rng: np.random.Generator) -> TrainingCase:
    """With even odds a window of the image round its ventricle, or black added all round it.

    The least signal of the scan is its black. Only directions and spacing of the grid stay true,
    not its origin: nothing after this asks where in the patient a slice lies.
    """
    box = box_of(case.tissue > 0)
    narrow = rng.random() < 0.5
    spans = [slice(None)]
    margins = [(0, 0)]
    for at, count, mm in zip(box, case.tissue.shape[1:], case.scan.spacing_mm[1:], strict=True):
        least = round(LEAST_MARGIN_MM / mm)
        first = rng.integers(0, max(0, at.start - least) + 1)
        last = rng.integers(min(count, at.stop + least), count + 1)
        before, after = rng.integers(0, round(MAX_BLACK_SHARE * count) + 1, 2).tolist()
        spans.append(slice(int(first), int(last)) if narrow else slice(None))
        margins.append((0, 0) if narrow else (before, after))
    window = tuple(spans)
    black = case.scan.pixels.min()
    pixels = np.pad(case.scan.pixels[window], margins, constant_values=black)
    grid = case.scan.grid
    i, j, k = np.argsort(grid.axes)
    shape = pixels.shape[i], pixels.shape[j], pixels.shape[k]
    grid = replace(grid, shape=shape)
    scan = replace(case.scan, pixels=pixels, grid=grid, windows=None, signal=None)
    return replace(case, scan=scan, tissue=np.pad(case.tissue[window], margins))

"""Display of a slice: its orientation, as the scanner or a NIfTI viewer shows it, and its greys.

NIfTI arrays often have columns first and reversed: shown as stored they would be mirror images,
with the septum on the wrong side.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.scan import ShortAxisScan

ACROSS_RAS = np.array([-1.0, 0.0, 0.0])  # right on the screen: the patient's left
DOWN_RAS = np.array([0.0, -0.5, -1.0])  # down on the screen: feet, else the back
GREY_PERCENTILES = (1.0, 99.0)


def grey_window(pixels: NDArray[Any]) -> tuple[float, float]:
    """The signals that are shown black and white; pixels: of the whole scan, any shape.

    The lowest signal does not count where others do: padding is often one number far below all
    others, and would leave the heart in a few shades of light grey.
    """
    above = pixels[pixels > pixels.min()]
    black, white = np.percentile(above if above.size else pixels, GREY_PERCENTILES)
    return float(black), float(white)


@dataclass(frozen=True, kw_only=True)
class View:
    """A reorientation of a (row, column) plane: axes exchanged first, then reversed."""

    exchanged: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    def of(self, plane: NDArray[Any]) -> NDArray[Any]:
        """The (row, column) plane as this view shows it."""
        plane = plane.T if self.exchanged else plane
        plane = plane[::-1] if self.rows_reversed else plane
        return plane[:, ::-1] if self.columns_reversed else plane

    def spacing_of(self, spacing_mm: tuple[float, float]) -> tuple[float, float]:
        """Distances (mm) of the displayed rows and columns."""
        return spacing_mm[::-1] if self.exchanged else spacing_mm


def view_of(scan: ShortAxisScan) -> View:
    """The view of a scan; DICOM is shown as stored (PS3.3, C.7.6.2.1.1)."""
    if scan.instance_uids:
        return View()
    _, row, column = (step / np.linalg.norm(step) for step in scan.grid.steps_mm)

    def uprightness(view: View) -> float:
        down, across = (column, row) if view.exchanged else (row, column)
        down = -down if view.rows_reversed else down
        across = -across if view.columns_reversed else across
        return float(down @ DOWN_RAS + across @ ACROSS_RAS)

    views = (
        View(exchanged=a, rows_reversed=b, columns_reversed=c)
        for a, b, c in product((False, True), repeat=3)
    )
    return max(views, key=uprightness)

"""How a slice is turned for the eye: as the scanner shows it, or as a viewer shows a NIfTI file.

Arrays of NIfTI often have the image's columns first and run the other way; shown as they lie they
would be mirror images, with the septum on the wrong side.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.scan import ShortAxisScan

ACROSS_RAS = np.array([-1.0, 0.0, 0.0])
"""To the right on the screen: the patient's left."""

DOWN_RAS = np.array([0.0, -0.5, -1.0])
"""Down on the screen: feet, and where a stack does not tell, the back."""


@dataclass(frozen=True, kw_only=True)
class View:
    """A turn of a (row, column) plane: exchanged first, then reversed."""

    exchanged: bool = False
    rows_reversed: bool = False
    columns_reversed: bool = False

    def of(self, plane: NDArray[Any]) -> NDArray[Any]:
        """The plane as it is shown."""
        shown = plane.T if self.exchanged else plane
        shown = shown[::-1] if self.rows_reversed else shown
        return shown[:, ::-1] if self.columns_reversed else shown

    def spacing_of(self, spacing_mm: tuple[float, float]) -> tuple[float, float]:
        """Distances of the shown rows and columns."""
        return spacing_mm[::-1] if self.exchanged else spacing_mm


def view_of(scan: ShortAxisScan) -> View:
    """The view of a scan; DICOM is shown as it is stored (PS3.3, C.7.6.2.1.1)."""
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

"""Scar of a real scan that takes more of the circumference of the wall, in its own signal.

What adjoins the scar at the same depth of the wall, on either side, gets the signal of the scar and
of its soft edge, moved along the wall: a growth as a second visit may show it, with the noise, the
texture and the blur of the scan itself.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.optimize import bisect
from scipy.spatial import cKDTree

from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.train.augment.scar_transplant import wall_position

EDGE_PIXELS = 2
"""Of the soft edge of a scar, which moves along with it."""
WEIGHT_OF_DEPTH = 0.5
"""The wall's thickness counts as much as this angle in radians: about as many mm."""
MOST_RADIANS = 1.5


@dataclass(frozen=True, kw_only=True)
class _Wall:
    """The wall of a slice, all (pixel,): signal, scar, scar with its edge, angle, depth."""

    index: int
    at: NDArray[np.intp]
    signal: NDArray[np.float32]
    scar: NDArray[np.bool_]
    near: NDArray[np.bool_]
    angle: NDArray[np.float64]
    depth: NDArray[np.float64]

    def sources(self, turn: float) -> NDArray[np.intp]:
        """The pixel whose signal each gets if the scar turns by so much."""
        found: NDArray[np.intp] = cKDTree(_places(self.angle, self.depth)).query(
            _places(self.angle - turn, self.depth)
        )[1]
        return found


def with_more_scar(case: LabelledScan, *, by: float) -> LabelledScan:
    """The scan with `by` times the volume of scar, the slices in which it lies unchanged."""
    walls = [wall for k in range(len(case.labels)) if (wall := _wall(case, k)) is not None]
    aim = by * sum(int(wall.scar.sum()) for wall in walls)

    def lacking(turn: float) -> float:
        return sum(int(_with_scar(wall, turn)[0].sum()) for wall in walls) - aim

    turn = bisect(lacking, 0.0, MOST_RADIANS, xtol=1e-3)
    pixels, labels = case.scan.pixels.copy(), case.labels.copy()
    for wall in walls:
        scar, signal = _with_scar(wall, turn)
        pixels[wall.index].ravel()[wall.at] = signal
        labels[wall.index].ravel()[wall.at[scar]] = Label.GREY_ZONE
    return LabelledScan(scan=replace(case.scan, pixels=pixels), labels=labels)


def _with_scar(wall: _Wall, turn: float) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Scar and signal of a wall whose scar reaches further by `turn` (radians) on either side."""
    scar, signal = wall.scar.copy(), wall.signal.copy()
    for source in (wall.sources(turn), wall.sources(-turn)):
        scar |= wall.scar[source]
        moved = wall.near[source] & ~wall.scar
        signal[moved] = np.maximum(signal, wall.signal[source])[moved]
    return scar, signal


def _wall(case: LabelledScan, index: int) -> _Wall | None:
    """The wall of a slice with scar; None of one without scar or without blood."""
    labels = case.labels[index]
    wall, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    pool = labels == Label.LV_BLOOD_POOL
    if not scar.any() or not pool.any():
        return None
    position = wall_position(wall, pool)
    at = np.flatnonzero(wall)
    return _Wall(
        index=index,
        at=at,
        signal=case.scan.pixels[index].ravel()[at],
        scar=scar.ravel()[at],
        near=binary_dilation(scar, iterations=EDGE_PIXELS).ravel()[at],
        angle=position.angle.ravel()[at],
        depth=position.depth.ravel()[at],
    )


def _places(angle: NDArray[np.float64], depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(pixel, 3) points whose distances are those of angle and depth."""
    return np.stack([np.cos(angle), np.sin(angle), WEIGHT_OF_DEPTH * depth], axis=1)

"""Remote myocardium: healthy wall, the reference of the n-SD thresholds.

A person may give the remote region, as a mask or as discs of 6 mm radius around the places where a
reader clicked; the part of it inside the wall is used. It is then the reference of FWHM, too, and
so of core scar and grey zone, which otherwise have the median of all wall outside the enhancement.
A warning says where scar depends on it. Otherwise the region is all wall without enhancement
that is more than 5 mm from enhancement in its slice and not on the border of the wall, where pixels
also contain blood or fat. Voxels without signal (NaN, padding) have no part in it. If fewer than 20
voxels are left, as in a thin wall, the border is included, and then the 5 mm margin.

Its signal is summarised in two ways. `mean` and `sd` use all its voxels, as published. `median` and
`spread` (1.4826 times the median absolute deviation) use only voxels that are less bright than the
core of the drawn scar (its FWHM threshold). These robust statistics are the default, because the
remote wall often contains scar that was missed. With the scar left out of every other slice of the
38 infarcts of the EMIDEC train list, volumes by 2 SD fall by 17 % (median) with the robust
statistics and by 62 % with the published ones; with 1 % hot pixels they change by 2 % and by 92 %
(`benchmarks/robustness_of_measures.py`). If 5 % of the region, or a connected part of 1 ml, is as
bright as the core, a warning says that scar may be missing from the label map. With the scar left
out as above, each of these 38 infarcts gets this warning or that of slices without scar.

Another warning says where single bright or dark points (`acsnet.quantify.speckle`) make `sd` more
than 5 % larger, and with it the published thresholds. In the 71 expert walls of EMIDEC they do by
1.2 % at most; a pixel of value 0 among the 1061 voxels of such a region does by 12 %.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, generate_binary_structure, label

from acsnet.errors import AcsnetError
from acsnet.masks import TOUCHING_3D, box_of, within_mm
from acsnet.quantify.speckle import MAD_TO_SD, speckle

MARGIN_MM = 5.0
"""Distance of the remote region from enhancement in its slice.

Not from the paper: on the expert walls of 40 infarcts (EMIDEC train list) volumes by mean + 2 SD of
this region correlate best with the experts' (r 0.88; all wall outside the enhancement 0.81, the
darkest quarter of the wall 0.72, the quarter opposite the scar 0.65).
"""
MIN_VOXELS = 20  # too few for a standard deviation below this
MOST_BRIGHT_PERCENT, MOST_BRIGHT_ML = 5.0, 1.0
"""Share of the region, and its largest piece, that may be as bright as core scar."""
MOST_AT_LOWEST_PERCENT = 25.0
"""Of a normal distribution, the median absolute deviation is the same up to so much cut off below.

Images of a nulled wall are cut off where negative values are lost, as in an 8-bit export.
"""
MOST_WIDER_PERCENT = 5.0
"""How much larger single points may make the standard deviation of the region."""
DISC_MM = 6.0
"""Radius of the disc that a reader's click places: about as wide as a wall is thick."""


@dataclass(frozen=True, kw_only=True)
class RemoteRegion:
    """The region, and its signal in both readings, None without enough voxels.

    mask: (slice, row, column); source: "automatic" or "given"; lowest_percent: how much of what
    `median` is of has one signal, the lowest; bright_percent: how much of the region is as bright
    as core scar; bright_ml: the largest connected piece of that; points: single bright and dark
    ones; wider_percent: how much larger they make `sd`.
    """

    mask: NDArray[np.bool_]
    source: Literal["automatic", "given"]
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    spread: float | None = None
    lowest_percent: float = 0.0
    bright_percent: float = 0.0
    bright_ml: float = 0.0
    points: int = 0
    wider_percent: float = 0.0

    @property
    def no_spread(self) -> str:
        """Why its spread cannot be measured; empty where it can."""
        if self.median is None or self.sd is None:
            return "there is too little remote myocardium"
        if self.lowest_percent <= MOST_AT_LOWEST_PERCENT and self.spread and self.sd:
            return ""
        return (
            f"{self.lowest_percent:.0f} % of the remote wall has one and the same signal, the "
            "lowest: it was cut off there, or hardly differs, and has no true spread"
        )

    @property
    def doubts(self) -> tuple[str, ...]:
        """Warnings where the region is not normal wall, or single points decide its spread."""
        notes = []
        if self.bright_percent >= MOST_BRIGHT_PERCENT or self.bright_ml >= MOST_BRIGHT_ML:
            notes.append(
                f"{self.bright_percent:.0f} % of the remote region, {self.bright_ml:.1f} ml in one "
                "piece, is as bright as core scar: scar may be missing from the label map, and "
                "scar by n-SD too small"
            )
        if self.wider_percent > MOST_WIDER_PERCENT:
            notes.append(
                f"single bright or dark points in the remote region ({self.points}) make its "
                f"standard deviation {self.wider_percent:.0f} % larger: scar by mean + n SD is too "
                "small (n-SD by the median is not)"
            )
        return tuple(notes)


def remote_region(
    intensity: NDArray[np.floating[Any]],
    myocardium: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    *,
    voxel_ml: float,
    core_from: float | None = None,
    measured: NDArray[np.bool_] | None = None,
) -> RemoteRegion:
    """The remote region and its signal, as the docstring of this module says.

    Args:
        intensity: (slice, row, column) signal.
        myocardium: (slice, row, column) mask of the whole wall.
        enhancement: (slice, row, column) mask.
        spacing_mm: distance of rows, of columns.
        voxel_ml: volume of a voxel.
        core_from: signal from which enhancement is core scar; None where that is not known.
        measured: mask of what has signal; None for everything.
    """
    free = myocardium & ~enhancement
    if measured is not None:
        free = free & measured
    inner = binary_erosion(myocardium, generate_binary_structure(2, 1)[None])
    far = ~within_mm(enhancement, MARGIN_MM, spacing_mm)
    for mask in (free & inner & far, free & far, free):
        if mask.sum() >= MIN_VOXELS:
            return _measured(intensity, mask, "automatic", voxel_ml=voxel_ml, core_from=core_from)
    return RemoteRegion(mask=np.zeros_like(free), source="automatic")


def given_region(
    intensity: NDArray[np.floating[Any]],
    myocardium: NDArray[np.bool_],
    given: NDArray[np.bool_],
    *,
    voxel_ml: float,
    core_from: float | None = None,
) -> RemoteRegion:
    """What a person gave as remote region, (slice, row, column), cut to the wall.

    Other arguments are those of `remote_region`. Raises AcsnetError where it holds too little wall.
    """
    mask = given & myocardium
    if mask.sum() < MIN_VOXELS:
        msg = (
            f"the remote region must hold at least {MIN_VOXELS} voxels of myocardium, "
            f"got {int(mask.sum())}"
        )
        raise AcsnetError(msg)
    return _measured(intensity, mask, "given", voxel_ml=voxel_ml, core_from=core_from)


def _measured(
    intensity: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_],
    source: Literal["automatic", "given"],
    *,
    voxel_ml: float,
    core_from: float | None,
) -> RemoteRegion:
    whole, near = mask, (..., *box_of(mask, margin=1))  # a small part of a large scan
    mask, intensity = mask[near], intensity[near]
    values = intensity[mask].astype(np.float64)
    bright = mask & (intensity >= (np.inf if core_from is None else core_from))
    # Where all of it is bright there is nothing to leave out: the warning says so.
    normal = intensity[mask & ~bright].astype(np.float64) if (mask & ~bright).any() else values
    median = float(np.median(normal))
    points = speckle(intensity, mask) | speckle(-intensity, mask)
    rest = float(intensity[mask & ~points].astype(np.float64).std())
    sd = float(values.std())
    pieces = np.bincount(label(bright, TOUCHING_3D)[0].ravel())[1:]
    return RemoteRegion(
        mask=whole,
        source=source,
        mean=float(values.mean()),
        sd=sd,
        median=median,
        spread=MAD_TO_SD * float(np.median(np.abs(normal - median))),
        lowest_percent=100.0 * float(np.mean(normal == normal.min())),
        bright_percent=100.0 * float(bright.sum()) / len(values),
        bright_ml=float(pieces.max() * voxel_ml) if len(pieces) else 0.0,
        points=int(points.sum()),
        wider_percent=100.0 * (sd / rest - 1.0) if rest else 0.0,
    )

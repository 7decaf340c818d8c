"""Heterogeneity of scar: islands, signal entropy, and the interface of core and grey zone."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.special import entr
from skimage.measure import find_contours

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import TOUCHING_3D, box_of
from acsnet.quantify.field_metadata import described
from acsnet.quantify.speckle import speckle

ENTROPY_BINS = 64
ENTROPY_SOURCE = "after Androulakis et al. 2019, doi:10.1016/j.jacep.2018.12.005; own bins"


@dataclass(frozen=True, kw_only=True)
class Texture:
    """Heterogeneity of scar; None where scar, or the split of core and grey zone, is unknown."""

    scar_islands: Annotated[
        int | None, described("", "number of connected parts of the enhancement; corners connect")
    ]
    scar_island_volumes_ml: Annotated[
        tuple[float, ...] | None, described("ml", "volumes of the islands, largest first")
    ]
    scar_entropy_bits: Annotated[
        float | None,
        described(
            "bit",
            "Shannon entropy of the scar's signal, 64 bins over the range of the wall without its "
            "single bright and dark points; what lies beyond is in the first or the last bin",
            ENTROPY_SOURCE,
        ),
    ]
    myocardium_entropy_bits: Annotated[
        float | None, described("bit", "the same for the whole wall", ENTROPY_SOURCE)
    ]
    core_grey_interface_cm2: Annotated[
        float | None,
        described("cm2", "border between core scar and grey zone: its length times slice distance"),
    ]


def measure_texture(
    labels: NDArray[np.uint8],
    intensity: NDArray[np.floating[Any]],
    *,
    spacing_mm: tuple[float, float, float],
    voxel_ml: float,
    scar_known: bool = True,
    core_known: bool = True,
    measured: NDArray[np.bool_] | None = None,
) -> Texture:
    """Measure (slice, row, column) labels; spacing_mm: distance of slices, rows, columns.

    measured: mask of what has signal, of which alone the entropies are; None for everything.
    """
    near = (..., *box_of(np.isin(labels, MYOCARDIUM), margin=1))  # a small part of a large scan
    labels, intensity = labels[near], intensity[near]
    scar, wall = np.isin(labels, ENHANCEMENT), np.isin(labels, MYOCARDIUM)
    volumes = island_volumes_ml(scar, voxel_ml)
    if measured is not None:
        measured = measured[near]
        scar, wall = scar & measured, wall & measured
    # One bright or dark voxel would squeeze all others into a few bins.
    usual = intensity[wall & ~speckle(intensity, wall) & ~speckle(-intensity, wall)]
    interface = interface_mm(labels, spacing_mm[1:]) * spacing_mm[0] / 100.0
    return Texture(
        scar_islands=len(volumes) if scar_known else None,
        scar_island_volumes_ml=volumes if scar_known else None,
        scar_entropy_bits=entropy_bits(intensity[scar], usual) if scar_known else None,
        myocardium_entropy_bits=entropy_bits(intensity[wall], usual),
        core_grey_interface_cm2=interface if scar_known and core_known else None,
    )


def island_volumes_ml(scar: NDArray[np.bool_], voxel_ml: float) -> tuple[float, ...]:
    """Volumes of the connected parts of a (slice, row, column) mask, largest first."""
    sizes = np.bincount(label(scar, TOUCHING_3D)[0].ravel())[1:]
    return tuple(float(size * voxel_ml) for size in np.sort(sizes)[::-1])


def entropy_bits(
    values: NDArray[np.floating[Any]], wall: NDArray[np.floating[Any]]
) -> float | None:
    """Shannon entropy of (n,) values in equal bins over the range of the (m,) values of wall.

    Values beyond that range are in the first or the last bin.
    """
    if not values.size:
        return None
    edges = np.histogram_bin_edges(wall, ENTROPY_BINS)
    counts = np.bincount(np.digitize(values, edges[1:-1]))
    return float(entr(counts / len(values)).sum() / np.log(2.0))


def interface_mm(labels: NDArray[np.uint8], spacing_mm: tuple[float, float]) -> float:
    """Length of the outline of core scar that borders grey zone, sum of the slices.

    Marching squares: up to 6 % longer than a smooth line.
    """
    spacing, total = np.asarray(spacing_mm), 0.0
    for plane in labels:
        core = np.pad(plane == Label.CORE_SCAR, 1)
        grey = np.pad(plane == Label.GREY_ZONE, 1)
        for curve in find_contours(core.astype(np.float32), 0.5):
            # Each point lies half way between a core pixel and its neighbour along one axis.
            low, high = np.floor(curve).astype(int), np.ceil(curve).astype(int)
            beside = grey[tuple(low.T)] | grey[tuple(high.T)]
            length = np.hypot(*(np.diff(curve, axis=0) * spacing).T)
            total += float((length * (beside[:-1] + beside[1:].astype(float)) / 2).sum())
    return total

"""Shape measures of a wall mask for the anatomical checks, in mm and degrees.

Paper, "Stage 3": convexity defects, holes, circularity, number of objects, wall thickness. Not from
the paper: how each is measured. Wall pixels connect by edges or corners, background by edges only,
so that a closed ring always separates cavity and outside (Rosenfeld, doi:10.1145/321556.321570).

A wall is a closed ring around its cavity, an open "C" (at the base, where the ventricle meets the
atrium) or a solid cap (below the end of the cavity). The cavity of a "C" is what its convex hull
adds; the hull closes its mouth for the outer outline only.
"""

from dataclasses import dataclass, fields
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as components
from scipy.ndimage import median_filter

from acsnet.anatomy.contour_geometry import along_rays, inward_depth, outline
from acsnet.masks import TOUCHING, box_of, largest_part, largest_parts

TAPER_PERCENT = 10  # share of an open wall that belongs to its tapering ends
MIN_CAP_SOLIDITY = 0.85  # above it, a wall without cavity is a cap, not a "C"


class Form(str, Enum):
    """Form of a wall mask."""

    EMPTY = "empty"
    RING = "ring"
    OPEN = "C"
    CAP = "cap"


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Measures of a wall mask; NaN where the form has none (a cap has no cavity).

    objects: parts of the wall; holes: enclosed background beside the cavity; border_pixels: wall
    pixels on the edge of the image; outer: of the wall and what it encloses; radius: of the disc of
    the same area; concavity: deepest point of an outline below its convex hull; circularity:
    4 pi A / P^2; opening_deg: angle without wall around the cavity's centre; thickness: along rays
    from there, smallest, largest, and standard deviation over mean, each ray the median of three
    neighbours because a ray can graze a pixel's corner.
    """

    objects: float
    holes: float
    border_pixels: float
    wall_area_mm2: float = np.nan
    outer_radius_mm: float = np.nan
    outer_concavity_mm: float = np.nan
    outer_circularity: float = np.nan
    cavity_radius_mm: float = np.nan
    cavity_concavity_mm: float = np.nan
    cavity_circularity: float = np.nan
    opening_deg: float = np.nan
    thickness_min_mm: float = np.nan
    thickness_max_mm: float = np.nan
    thickness_variation: float = np.nan
    cap_radius_mm: float = np.nan


MEASURE_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Measures))


def measure(wall: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[Form, Measures]:
    """Form and measures of a (row, column) mask; spacing_mm: distance of rows, of columns.

    A mask in several parts has topological measures only.
    """
    rows, columns = box_of(wall)
    if rows.stop == 0:
        return Form.EMPTY, Measures(objects=0, holes=0, border_pixels=0)
    border = wall[[0, -1]].sum() + wall[1:-1, [0, -1]].sum()
    mask = np.pad(wall[rows, columns], 1)
    objects = components(mask, TOUCHING)[1]
    parts, count = components(~mask)
    inside, cavities = parts > 1, count - 1  # part 1, the first pixel, is the padding: outside
    known = {
        "objects": objects,
        "holes": max(cavities - 1, 0),
        "border_pixels": int(border),
        "wall_area_mm2": float(mask.sum() * spacing_mm[0] * spacing_mm[1]),
    }
    if objects > 1:
        return Form.RING if cavities else Form.OPEN, Measures(**known)
    form, outer = Form.RING, outline(mask | inside, spacing_mm)
    if not cavities:
        form = Form.CAP
        if outer.solidity <= MIN_CAP_SOLIDITY:
            inside = largest_parts(outer.hull_mask(mask.shape) & ~mask)
            # The hull of a few pixels may hold no other pixel.
            form = Form.OPEN if inside.any() else Form.CAP
    if form is Form.OPEN:
        outer = outline(mask | inside, spacing_mm)
    known |= {
        "outer_radius_mm": outer.radius_mm,
        "outer_concavity_mm": outer.concavity_mm,
        "outer_circularity": outer.circularity,
    }
    if form is Form.CAP:
        return form, Measures(**known, cap_radius_mm=outer.radius_mm)
    inside, is_open = largest_part(inside), form is Form.OPEN
    cavity = outline(inside, spacing_mm)
    met, step_mm = along_rays(mask, inside, spacing_mm)
    return form, Measures(
        **known,
        cavity_radius_mm=cavity.radius_mm,
        cavity_concavity_mm=inward_depth(met, step_mm) if is_open else cavity.concavity_mm,
        cavity_circularity=np.nan if is_open else cavity.circularity,
        opening_deg=float(360.0 * np.mean(~met.any(axis=1))) if is_open else 0.0,
        **_thickness_measures(met, step_mm, is_open=is_open),
    )


def _thickness_measures(
    met: NDArray[np.bool_], step_mm: float, *, is_open: bool
) -> dict[str, float]:
    """Thickness over the rays that meet the wall; the tapering tenth of an open one is left out."""
    thickness = median_filter(met.sum(axis=1) * step_mm, 3, mode="wrap")
    values = thickness[met.any(axis=1)]
    if not len(values):
        return {}
    return {
        "thickness_min_mm": float(np.percentile(values, TAPER_PERCENT if is_open else 0)),
        "thickness_max_mm": float(values.max()),
        "thickness_variation": float(values.std() / values.mean()) if values.any() else np.inf,
    }

"""Specification of a phantom: sizes in mm, angles in degrees, signal as a share of fat's.

Angles around the left ventricle are those of the AHA bullseye (Cerqueira et al. 2002,
doi:10.1161/hc0402.102975): 0 lateral, 90 anterior, 180 mid septum, 270 inferior.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Signal of the tissues after inversion; fat is near 1.

    grey_zone: where the grey zone lies between myocardium (0) and core scar (1).
    """

    blood: float = 0.5
    myocardium: float = 0.12
    core: float = 0.66
    grey_zone: float = 0.5
    lung: float = 0.07
    liver: float = 0.3
    fat: float = 0.85


@dataclass(frozen=True, kw_only=True)
class PhantomSpec:
    """One patient. Distances along the long axis start at the tip of the cavity.

    matrix: rows, columns; spacing_mm: slice, row, column; first_slice_mm: position of slice 0, no
    cavity below 0; lv_length_mm: from the tip to the mitral valve, where the endocardial radius and
    wall thickness hold; ellipticity, irregularity: share of the radius; scar_depth: transmurality
    from the endocardium, 0 for no scar; scar_slices: first and last, apex first; core_fraction:
    share of the scar's angle times depth, the rest is grey zone; shift_mm: standard deviation of
    the breath-hold mismatch; centre_mm: of the ventricle from the image centre, down and right;
    rotation_degrees: of the image about the long axis; tilt_degrees: of the long axis about the
    patient's x and z; noise: standard deviation a channel; bias: fall of coil sensitivity over
    100 mm; blur_mm: point spread; phase_sensitive: signed signal with Gaussian instead of magnitude
    with Rician noise; base_first: order of the slices in the file; seed: decides all the rest.
    """

    name: str
    seed: int
    slices: int = 8
    matrix: tuple[int, int] = (176, 176)
    spacing_mm: tuple[float, float, float] = (10.0, 1.5, 1.5)
    first_slice_mm: float = 3.0
    lv_length_mm: float = 78.0
    endocardial_radius_mm: float = 24.0
    wall_mm: float = 9.0
    ellipticity: float = 0.05
    irregularity: float = 0.02
    scar_centre_degrees: float = 150.0
    scar_extent_degrees: float = 80.0
    scar_depth: float = 1.0
    scar_slices: tuple[int, int] = (1, 5)
    core_fraction: float = 0.6
    shift_mm: float = 0.8
    centre_mm: tuple[float, float] = (5.0, 10.0)
    rotation_degrees: float = 0.0
    tilt_degrees: tuple[float, float] = (0.0, 0.0)
    contrast: Contrast = field(default_factory=Contrast)
    noise: float = 0.03
    bias: float = 0.15
    blur_mm: float = 0.9
    phase_sensitive: bool = False
    base_first: bool = False


def random_spec(rng: np.random.Generator) -> PhantomSpec:
    """A random patient, varied enough to train on. Not from the paper: the ranges."""

    def draw(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    seed = int(rng.integers(2**31))
    thickness, pixel = draw(6.0, 12.0), draw(0.7, 2.4)
    length, first = draw(65.0, 95.0), draw(-12.0, 8.0)
    slices = max(5, round((length + draw(-15.0, 12.0) - first) / thickness))
    field_mm = (draw(220.0, 360.0), draw(220.0, 360.0))
    rows, columns = (int(np.clip(round(mm / pixel), 128, 320)) for mm in field_mm)
    begin = int(rng.integers(0, slices - 2))
    phase_sensitive = bool(rng.random() < 0.6)
    blood = draw(0.3, 0.65)
    dark = draw(-0.08, 0.2) if phase_sensitive else draw(0.03, 0.2)
    contrast = Contrast(
        blood=blood,
        myocardium=min(dark, blood - 0.15),
        core=blood * draw(0.9, 1.45),
        grey_zone=draw(0.4, 0.6),
        lung=draw(0.0, 0.12),
        liver=draw(0.1, 0.45),
        fat=draw(0.6, 1.1),
    )
    return PhantomSpec(
        name=f"phantom-{seed}",
        seed=seed,
        slices=slices,
        matrix=(rows, columns),
        spacing_mm=(thickness, pixel, pixel),
        first_slice_mm=first,
        lv_length_mm=length,
        endocardial_radius_mm=draw(16.0, 32.0),
        wall_mm=draw(6.0, 12.0),
        ellipticity=draw(0.0, 0.08),
        irregularity=draw(0.0, 0.04),
        scar_centre_degrees=draw(0.0, 360.0),
        scar_extent_degrees=draw(20.0, 160.0),
        scar_depth=0.0 if rng.random() < 0.2 else draw(0.25, 1.0),
        scar_slices=(begin, int(rng.integers(begin + 1, slices))),
        core_fraction=draw(0.4, 0.9),
        shift_mm=draw(0.0, 2.0),
        centre_mm=(draw(-20.0, 25.0), draw(-20.0, 30.0)),
        rotation_degrees=float(rng.normal(0.0, 25.0)),
        tilt_degrees=(float(rng.normal(0.0, 8.0)), float(rng.normal(0.0, 8.0))),
        contrast=contrast,
        noise=draw(0.01, 0.08),
        bias=draw(0.0, 0.4),
        blur_mm=draw(0.6, 1.4),
        phase_sensitive=phase_sensitive,
        base_first=bool(rng.random() < 0.5),
    )

"""Tissue at each point of a short-axis plane. Not from the paper: all shapes.

Coordinates are mm from the ventricle's long axis: x to the lateral wall, y to the anterior wall.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from acsnet.phantom.spec import PhantomSpec
from acsnet.phantom.ventricle import Waves, papillary_mask, radii_mm, scar_masks

Floats = NDArray[np.float64]


class Tissue(IntEnum):
    """Tissue at a point."""

    AIR = 0
    FAT = 1
    MUSCLE = 2
    BONE = 3
    LUNG = 4
    LIVER = 5
    SPLEEN = 6
    GAS = 7
    BLOOD = 8
    LV_BLOOD_POOL = 9
    LV_MYOCARDIUM = 10
    GREY_ZONE = 11
    CORE_SCAR = 12
    PAPILLARY = 13


@dataclass(frozen=True, kw_only=True)
class Blob:
    """An ellipse with a wavy edge: centre and radii in mm."""

    centre: tuple[float, float]
    radii: tuple[float, float]
    waves: Waves

    def reach(self, x: Floats, y: Floats) -> Floats:
        """Distance from the centre as a share of the edge's: below 1 inside."""
        along = (x - self.centre[0]) / self.radii[0]
        across = (y - self.centre[1]) / self.radii[1]
        share: Floats = np.hypot(along, across) / self.waves(np.arctan2(across, along))
        return share


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The random anatomy around the left ventricle."""

    endocardium: Waves
    wall: Waves
    body: Blob
    liver: Blob
    spleen: Blob
    gas: Blob
    spine: Blob
    fat_mm: float
    muscle_mm: float
    ribs: int
    heart_fat_mm: float
    heart_fat: Waves
    atrium: Blob
    rv: Waves
    rv_size: float
    aorta: tuple[float, float, float]
    vessels: Floats


def draw_surroundings(spec: PhantomSpec, rng: np.random.Generator) -> Surroundings:
    """Draw thorax, abdomen and right heart for a left ventricle."""
    epicardium = spec.endocardial_radius_mm + spec.wall_mm
    u = rng.uniform

    def blob(x: float, y: float, a: float, b: float, wave: float) -> Blob:
        return Blob(centre=(x, y), radii=(a, b), waves=Waves.draw(rng, wave))

    fat, muscle = u(5, 22), u(7, 13)
    width, height = u(120, 155), u(95, 130)
    chest = epicardium + fat + muscle
    return Surroundings(
        endocardium=Waves.draw(rng, spec.irregularity),
        wall=Waves.draw(rng, 2 * spec.irregularity),
        body=blob(chest + u(9, 45) - width, chest + u(9, 45) - height, width, height, 0.04),
        liver=blob(u(-60, -5), -epicardium - u(64, 74), u(80, 110), u(60, 70), 0.05),
        spleen=blob(u(50, 70), -epicardium - u(35, 55), u(28, 45), u(22, 40), 0.1),
        gas=blob(u(5, 35), -epicardium - u(25, 50), u(8, 24), u(6, 16), 0.12),
        spine=blob(u(-30, 10), -epicardium - u(75, 95), 20, 18, 0.05),
        fat_mm=fat,
        muscle_mm=muscle,
        ribs=int(rng.integers(14, 22)),
        heart_fat_mm=u(2, 9),
        heart_fat=Waves.draw(rng, 0.6),
        atrium=blob(-2.5 * epicardium, u(0, 15), 0.75 * epicardium, 1.1 * epicardium, 0.06),
        rv=Waves.draw(rng, 0.05),
        rv_size=u(0.8, 1.15),
        aorta=(u(0, 45), -epicardium - u(40, 60), u(9, 13)),
        vessels=np.stack([u(-150, 150, 50), u(-150, 150, 50), u(0.7, 2.8, 50)], axis=1),
    )


def _thorax(around: Surroundings, height: float, x: Floats, y: Floats) -> NDArray[np.uint8]:
    """Body, chest wall, lung and abdomen; height is a share of the long axis."""
    tissue = np.full(x.shape, Tissue.AIR, np.uint8)
    inside_mm = (1 - around.body.reach(x, y)) * min(around.body.radii)
    tissue[inside_mm > 0] = Tissue.FAT
    tissue[inside_mm > around.fat_mm] = Tissue.MUSCLE
    lung = inside_mm > around.fat_mm + around.muscle_mm
    centre = around.body.centre
    turn = np.arctan2(y - centre[1], x - centre[0])
    middle = np.abs(inside_mm - around.fat_mm - 0.55 * around.muscle_mm) < 0.3 * around.muscle_mm
    tissue[middle & (np.cos(around.ribs * turn + 2 * height) > 0.35)] = Tissue.BONE
    tissue[lung] = Tissue.LUNG
    for cx, cy, radius in around.vessels:
        spot = (x - cx) ** 2 + (y - cy - 25 * height) ** 2 <= radius**2
        tissue[spot & lung] = Tissue.BLOOD
    # The diaphragm domes towards the apex: the abdomen is higher in apical slices.
    sunk = y + 22 * (height - 0.4)
    tissue[lung & (around.spine.reach(x, y) < 1)] = Tissue.BONE
    tissue[lung & (around.spleen.reach(x, sunk) < 1)] = Tissue.SPLEEN
    liver = around.liver.reach(x, sunk)
    tissue[lung & (liver < 1.04)] = Tissue.FAT
    tissue[lung & (liver < 1)] = Tissue.LIVER
    tissue[lung & (around.gas.reach(x, sunk) < 1)] = Tissue.GAS
    ax, ay, radius = around.aorta
    from_aorta = np.hypot(x - ax, y - ay)
    tissue[lung & (from_aorta < radius + 1.5)] = Tissue.MUSCLE
    tissue[lung & (from_aorta < radius)] = Tissue.BLOOD
    return tissue


def _pad_mm(around: Surroundings, angle: Floats) -> Floats:
    """Thickness of the fat around the heart at each angle."""
    pad: Floats = around.heart_fat_mm * np.clip(around.heart_fat(angle) - 0.8, 0, None)
    return pad


def _right_heart(
    tissue: NDArray[np.uint8],
    around: Surroundings,
    *,
    epicardium: float,
    height: float,
    x: Floats,
    y: Floats,
) -> None:
    """Paint the right atrium near the base and a crescent at the septum with a thin free wall."""
    if height > 0.5:
        reach = around.atrium.reach(x, y) / min(1.0, height)
        tissue[reach < 1] = Tissue.MUSCLE
        tissue[reach < 0.92] = Tissue.BLOOD
    size = around.rv_size * float(np.clip((height - 0.08) / 0.5, 0, 1)) ** 0.5
    if size == 0:
        return
    radii = (0.85 * size * epicardium, 1.12 * size * epicardium)
    centre = (-(1.05 + 0.1 * size) * epicardium, -0.08 * epicardium)
    blob = Blob(centre=centre, radii=radii, waves=around.rv)
    outside_mm = (blob.reach(x, y) - 1) * min(radii)
    turn = np.arctan2(y - centre[1], x - centre[0])
    tissue[outside_mm < 3 + _pad_mm(around, turn)] = Tissue.FAT
    tissue[outside_mm < 3] = Tissue.MUSCLE
    tissue[outside_mm < 0] = Tissue.BLOOD


def tissue_slice(
    spec: PhantomSpec,
    around: Surroundings,
    *,
    slice_index: int,
    height_mm: float,
    x: Floats,
    y: Floats,
) -> NDArray[np.uint8]:
    """`Tissue` at each point of a plane; x, y and the result are (row, column).

    Above the mitral valve is the left atrium.
    """
    height = height_mm / spec.lv_length_mm
    tissue = _thorax(around, height, x, y)
    endocardium, epicardium = radii_mm(spec, min(height_mm, spec.lv_length_mm))
    if epicardium == 0:
        return tissue
    angle = np.arctan2(y, x)
    radius = np.hypot(x * (1 + spec.ellipticity), y * (1 - spec.ellipticity))
    radius /= around.endocardium(angle)
    outer = endocardium + (epicardium - endocardium) * around.wall(angle)
    tissue[radius < outer + _pad_mm(around, angle)] = Tissue.FAT
    _right_heart(tissue, around, epicardium=epicardium, height=height, x=x, y=y)
    if height > 1:
        tissue[radius < outer] = Tissue.MUSCLE
        tissue[radius < outer - 3] = Tissue.BLOOD
        return tissue
    scar, core = scar_masks(
        spec, angle, (radius - endocardium) / (outer - endocardium), slice_index
    )
    wall = radius < outer
    tissue[wall] = Tissue.LV_MYOCARDIUM
    tissue[wall & scar] = Tissue.GREY_ZONE
    tissue[wall & core] = Tissue.CORE_SCAR
    tissue[radius < endocardium] = Tissue.LV_BLOOD_POOL
    if 0.3 <= height <= 0.75:
        tissue[papillary_mask(x, y, endocardium_mm=endocardium)] = Tissue.PAPILLARY
    return tissue

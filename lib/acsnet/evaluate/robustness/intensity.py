"""Changes of a scan's signal that should not matter: not from the paper.

Each takes a scan with its expert labels and returns another, same geometry, same labels. Nothing
is random: noise and the bias field have a fixed seed.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import Label
from acsnet.scan import ShortAxisScan

SEED = 0

WHITE_PERCENTILE = 99.0
"""Of all pixels: what gamma and noise are measured by, as the brightest few are fat or flow."""

BIAS = 0.4
"""Share of the signal that a bias field adds at most, and takes at most."""

BIAS_WIDTH_MM = 30.0
"""Standard deviation of the kernel that smooths the bias field: less than a ventricle."""

EDGE_PIXELS = 0.8
"""Standard deviation of the kernel that softens the edge of a tissue with another signal."""

DARK_SHARE = 0.9
"""Share of the healthy wall's median signal that becomes black."""


def _with_pixels(case: LabelledScan, pixels: NDArray[np.floating[Any]]) -> LabelledScan:
    """Other pixels at the same places."""
    return replace(case, scan=replace(case.scan, pixels=pixels.astype(np.float32)))


def _black_and_white(scan: ShortAxisScan) -> tuple[float, float]:
    return float(scan.pixels.min()), float(np.percentile(scan.pixels, WHITE_PERCENTILE))


def rescaled(case: LabelledScan, *, scale: float = 1.0, offset: float = 0.0) -> LabelledScan:
    """Every pixel times `scale` plus `offset`."""
    return _with_pixels(case, scale * case.scan.pixels + offset)


def signed(case: LabelledScan) -> LabelledScan:
    """Zero at the median, as phase-sensitive images have it: half of the pixels are negative."""
    return rescaled(case, offset=-float(np.median(case.scan.pixels)))


def gamma(case: LabelledScan, *, power: float) -> LabelledScan:
    """Signal to a power; black and white stay."""
    black, white = _black_and_white(case.scan)
    share = (case.scan.pixels - black) / (white - black)
    return _with_pixels(case, black + (white - black) * share**power)


def bias_ramp(case: LabelledScan) -> LabelledScan:
    """Signal times 1 + `BIAS` at the first row, falling in a line to 1 - `BIAS` at the last."""
    field = np.linspace(1.0 + BIAS, 1.0 - BIAS, case.labels.shape[1])
    return _multiplied(case, field[:, None])


def bias_waves(case: LabelledScan) -> LabelledScan:
    """Signal times a smooth irregular field from 1 - `BIAS` to 1 + `BIAS`, in every slice."""
    noise = np.random.default_rng(SEED).normal(size=case.labels.shape[1:])
    width = BIAS_WIDTH_MM / np.asarray(case.scan.spacing_mm[1:])
    field = gaussian_filter(noise, width, mode="wrap")
    return _multiplied(case, 1.0 + BIAS * (2.0 * (field - field.min()) / np.ptp(field) - 1.0))


def _multiplied(case: LabelledScan, field: NDArray[np.float64]) -> LabelledScan:
    black = case.scan.pixels.min()
    return _with_pixels(case, black + (case.scan.pixels - black) * field)


def rician_noise(case: LabelledScan, *, share: float) -> LabelledScan:
    """Magnitude of the signal with normal noise in both channels (doi:10.1002/mrm.1910340618).

    share: standard deviation in each channel over the signal of white.
    """
    black, white = _black_and_white(case.scan)
    real, imaginary = np.random.default_rng(SEED).normal(
        scale=share * (white - black), size=(2, *case.labels.shape)
    )
    return _with_pixels(case, black + np.hypot(case.scan.pixels - black + real, imaginary))


def inversion_time(case: LabelledScan, *, wall_of_pool: float) -> LabelledScan:
    """The healthy wall's median brought to a share of the blood pool's, along one rising curve.

    Black, blood and white stay; what lies between follows smoothly, whatever tissue it is. A scan
    whose blood is no brighter than its wall has no such curve and stays as it is.
    """
    pixels = case.scan.pixels
    black, white = float(pixels.min()), float(pixels.max())
    wall, pool = (
        float(np.median(pixels[case.labels == label]))
        for label in (Label.LV_MYOCARDIUM, Label.LV_BLOOD_POOL)
    )
    if not black < wall < pool < white:
        return case
    levels = [black, black + wall_of_pool * (pool - black), pool, white]
    return _with_pixels(case, PchipInterpolator([black, wall, pool, white], levels)(pixels))


def scar_level(case: LabelledScan, *, of_contrast: float) -> LabelledScan:
    """Enhancement moved in place to this share of the way from the healthy wall to blood.

    By medians, so what differs in its signal stays different. Where black is far below the nulled
    wall, as in phase-sensitive images, a share of the blood's own signal would be no measure: at
    80 % of it, scar is darker than the healthy wall in 28 of the 38 infarcts of the EMIDEC train
    list. A scan without enhancement, or with blood that is not brighter than the healthy wall,
    stays as it is.
    """
    pixels = case.scan.pixels
    scar, wall, pool = (
        pixels[case.labels == value]
        for value in (Label.GREY_ZONE, Label.LV_MYOCARDIUM, Label.LV_BLOOD_POOL)
    )
    if not (len(scar) and len(wall) and len(pool)):
        return case
    healthy, contrast = float(np.median(wall)), float(np.median(pool) - np.median(wall))
    if contrast <= 0.0:
        return case
    change = healthy + of_contrast * contrast - float(np.median(scar))
    moved = (case.labels == Label.GREY_ZONE).astype(np.float32)
    weight = gaussian_filter(moved, (0.0, EDGE_PIXELS, EDGE_PIXELS))
    return _with_pixels(case, np.maximum(pixels + change * weight, float(pixels.min())))


def dark_wall(case: LabelledScan) -> LabelledScan:
    """Black raised to `DARK_SHARE` of the healthy wall's median signal: the wall is nearly black.

    So magnitude images look whose inversion time was well chosen.
    """
    black = float(case.scan.pixels.min())
    wall = float(np.median(case.scan.pixels[case.labels == Label.LV_MYOCARDIUM]))
    return _with_pixels(
        case, np.maximum(case.scan.pixels - black - DARK_SHARE * (wall - black), 0.0)
    )

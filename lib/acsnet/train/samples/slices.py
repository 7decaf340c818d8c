"""Cut standardised training slices out of whole cases, several signal variants of each.

Signal and field of view are changed and standardised here, once a variant; geometry is augmented
on the fly in `acsnet.train.augment.spatial`. Both networks' samples come from one pass and are
kept as 8-bit arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from acsnet.errors import InputError
from acsnet.preprocess import (
    STANDARD_MM,
    StandardScan,
    resize,
    standardise,
    turned,
    unit_range,
)
from acsnet.stages.myocardium import roi_scale
from acsnet.stages.roi import roi_grid
from acsnet.train.augment.field_of_view import other_field_of_view
from acsnet.train.augment.intensity import corrupt
from acsnet.train.augment.lge_like import lge_like_steps
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL, TrainingCase

SOURCES = ("lge", "cine", "phantom")
SAMPLE_SIDE = 192
SLICES_BEYOND = 2
MYO_SCALE = 160.0
"""8-bit value of a signal equal to the ROI percentile, so that brighter scar is not cut off."""

CaseSamples = dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Network -> images and tissue of a case for it, as in `Samples`."""


@dataclass(frozen=True, kw_only=True)
class Samples:
    """Slices of one network.

    images: (n, channel, side, side) uint8; tissue: (n, side, side) uint8; source: (n,) index into
    SOURCES; patient: (n,) index of the case, the same for all its slices and variants; neighbours:
    (n, 2) index of the slice below and of the one above in the same variant, its own at the ends.
    """

    images: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    source: NDArray[np.uint8]
    patient: NDArray[np.int32]
    neighbours: NDArray[np.int32]


def stack_neighbours(counts: Sequence[int]) -> NDArray[np.int32]:
    """(n, 2) neighbours of slices that lie in stacks of `counts`, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    own = np.arange(sum(counts))
    starts, lasts = np.repeat(ends - counts, counts), np.repeat(ends - 1, counts)
    pairs = np.maximum(own - 1, starts), np.minimum(own + 1, lasts)
    return np.stack(pairs, axis=1).astype(np.int32)


def as_lge(
    case: TrainingCase,
    references: list[NDArray[np.float32]],
    *,
    enhanced_share: float,
    matched: bool = True,
    rng: np.random.Generator,
) -> TrainingCase:
    """A cine case with new pseudo-scar and the histogram of a random LGE scan; others unchanged.

    matched: False leaves the histogram out. Then the wall stays dark beside bright blood and scar,
    as where the inversion time nulls it (not from the paper).
    """
    if case.source != "cine":
        return case
    steps = lge_like_steps(
        case.scan.pixels,
        case.tissue == WALL,
        case.tissue == POOL,
        spacing_mm=case.scan.spacing_mm[1:],
        reference=references[rng.integers(len(references))],
        enhanced_share=enhanced_share,
        rng=rng,
    )
    tissue = np.where(steps.scar, np.uint8(SCAR), case.tissue)
    pixels = steps.matched if matched else steps.speckled
    return replace(case, scan=replace(case.scan, pixels=pixels), tissue=tissue)


def standard_tissue(case: TrainingCase, standard: StandardScan) -> NDArray[np.uint8]:
    """The expert map on the standard grid: the tissue with the largest share of each pixel."""
    upright = turned(standard.inside(case.tissue), standard.turns, mirrored=standard.mirrored)
    shape = standard.plain.shape[1], standard.plain.shape[2]
    shares = [
        resize((upright == value).astype(np.float32), shape)
        for value in (BACKGROUND, POOL, WALL, SCAR)
    ]
    return np.argmax(shares, axis=0).astype(np.uint8)


class NothingLeftError(InputError):
    """A drawn ventricle so small that no pixel of the standard grid is mostly of it."""


def drawn_tissue(case: TrainingCase, standard: StandardScan) -> NDArray[np.uint8]:
    """As `standard_tissue`. Raises NothingLeftError, naming the scan."""
    tissue = standard_tissue(case, standard)
    if not tissue.any():
        msg = (
            f"of the left ventricle that is drawn on {case.scan.name} nothing is left in pixels of "
            f"{STANDARD_MM} mm: it is too small to train on"
        )
        raise NothingLeftError(msg)
    return tissue


def cut(stack: NDArray[np.generic], centre: NDArray[np.float64]) -> NDArray[np.generic]:
    """(slice, H, W) -> (slice, side, side) round `centre` (row, column); zeros beyond the image."""
    half = SAMPLE_SIDE // 2
    padded = np.pad(stack, ((0, 0), (half, half), (half, half)))
    top, left = (round(float(c)) for c in centre)
    return padded[:, top : top + SAMPLE_SIDE, left : left + SAMPLE_SIDE]


def case_samples(case: TrainingCase) -> CaseSamples:
    """What "roi" and "myo" learn of one case.

    The MYO network gets the slices with a ventricle and `SLICES_BEYOND` on either side, so that it
    learns to draw nothing where stage 1 found a ventricle in error. Raises as `drawn_tissue` and
    `standardise` do.
    """
    standard = standardise(case.scan)
    tissue = drawn_tissue(case, standard)
    roi = tissue > 0
    centre = np.argwhere(roi).mean(axis=0)[1:]
    myo = [
        np.clip(MYO_SCALE * stack / roi_scale(stack, roi), 0, 255)
        for stack in (standard.equalised, standard.plain)
    ]
    coarse = roi_grid(standard.equalised)
    ratio = coarse.shape[1] / tissue.shape[1]
    coarse_tissue = np.stack([roi_grid((tissue == v).astype(np.float32)) for v in range(4)])
    roi_images = cut(coarse, centre * ratio)[:, None]
    myo_images = np.stack([cut(stack, centre) for stack in myo], axis=1)
    myo_tissue = cut(tissue, centre)
    drawn = binary_dilation(roi.any(axis=(1, 2)), iterations=SLICES_BEYOND)
    roi_tissue = cut(coarse_tissue.argmax(axis=0), centre * ratio)
    return {
        "roi": (roi_images.astype(np.uint8), roi_tissue.astype(np.uint8)),
        "myo": (myo_images[drawn].astype(np.uint8), myo_tissue[drawn].astype(np.uint8)),
    }


def enhanced_share(cases: Sequence[TrainingCase]) -> float:
    """Share of the slices with a wall that have enhancement too."""
    drawn = [(case.tissue >= WALL).any(axis=(1, 2)) for case in cases]
    enhanced = [(case.tissue == SCAR).any(axis=(1, 2)) for case in cases]
    return float(np.concatenate(enhanced).sum() / np.concatenate(drawn).sum())


def variant(case: TrainingCase, rng: np.random.Generator) -> TrainingCase:
    """The case with its signal corrupted at random, every other one in another field of view."""
    pixels = corrupt(unit_range(case.scan.pixels), case.scan.spacing_mm[1:], rng)
    changed = replace(case, scan=replace(case.scan, pixels=pixels, windows=None))
    return other_field_of_view(changed, rng) if rng.random() < 0.5 else changed

"""Sizes of the enhancement clean-up: greedy search on training slices.

Paper, "Stage 2": erosion, opening and closing with sizes that maximise the mean Dice of the
training data, by a greedy grid search. Only true LGE slices on which the expert drew enhancement
count.
"""

from dataclasses import asdict, replace

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from acsnet.masks import slice_dice
from acsnet.nets.resunet import ResUNet
from acsnet.nets.view_averaging import mean_probability
from acsnet.stages.myocardium import (
    ENHANCEMENT_THRESHOLD,
    MYO_SIDE,
    SQUARE_MARGIN,
    WALL_THRESHOLD,
    EnhancementCleanup,
    clean_enhancement,
)
from acsnet.train.augment.spatial import keep_square
from acsnet.train.data.case import BACKGROUND, SCAR
from acsnet.train.samples.on_device import on_device
from acsnet.train.samples.slices import MYO_SCALE, SAMPLE_SIDE, SOURCES, Samples

RADII = (0, 1, 2, 3)
MAX_SLICES = 400
"""About as many slices are looked at, evenly over all patients."""


def predictions(
    network: ResUNet, samples: Samples, *, max_slices: int = MAX_SLICES
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Enhancement and wall as the network sees them, and the expert's, of LGE training slices.

    Each (slice, MYO_SIDE, MYO_SIDE); the expert drew enhancement in every slice.
    """
    edge = (SAMPLE_SIDE - MYO_SIDE) // 2
    middle = slice(edge, edge + MYO_SIDE)
    drawn = (samples.tissue[:, middle, middle] == SCAR).any(axis=(1, 2))
    chosen = np.flatnonzero(drawn & (samples.source == SOURCES.index("lge")))
    chosen = chosen[:: -(-len(chosen) // max_slices) or 1]
    images, tissue = on_device(samples, "cpu").batch(torch.from_numpy(chosen), neighbours=True)
    tissue = tissue[:, middle, middle]
    inputs = keep_square(
        images[:, :, middle, middle] / MYO_SCALE,
        tissue != BACKGROUND,
        margin=SQUARE_MARGIN,
        generator=torch.Generator().manual_seed(0),
    )
    device = next(network.parameters()).device
    parts = [mean_probability(network, part.to(device)).cpu() for part in inputs.split(16)]
    probability = torch.cat(parts).numpy()
    wall, enhancement = (
        probability[:, 0] > WALL_THRESHOLD,
        probability[:, 1] > ENHANCEMENT_THRESHOLD,
    )
    return enhancement, wall, (tissue == SCAR).numpy()


def fit_cleanup(network: ResUNet, samples: Samples, *, console: Console) -> dict[str, int]:
    """Radii in pixels of the standard grid; one operation after the other, the best radius each.

    All 0 where no LGE slice has enhancement, for then there is nothing to fit to.
    """
    enhancement, wall, expert = predictions(network, samples)
    best = EnhancementCleanup()
    if not len(expert):
        console.print("enhancement clean-up: no LGE slice has enhancement, so there is none")
        return asdict(best)
    score = float(slice_dice(enhancement & wall, expert).mean())
    console.print(f"enhancement clean-up: training Dice {score:.4f} without")
    for operation in ("erosion", "opening", "closing"):
        for radius in RADII[1:]:
            trial = replace(best, **{operation: radius})
            dice = float(slice_dice(clean_enhancement(enhancement, trial) & wall, expert).mean())
            if dice > score:
                best, score = trial, dice
    console.print(f"enhancement clean-up: training Dice {score:.4f} with {best}")
    return asdict(best)

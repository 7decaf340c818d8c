"""The recipes: what each network sees and is asked for.

The ROI's beta is the paper's: 0.6, so as not to cut too much away. For wall and enhancement a
measurement chose separate weights over its 0.4: see `acsnet.train.losses`. The filter base is not
printed there; ours is small enough to train and run on two processor cores.
"""

import torch
from torch import Tensor

from acsnet.nets.autoencoder import AutoencoderConfig
from acsnet.nets.resunet import ResUNetConfig
from acsnet.stages.myocardium import MYO_SIDE, SQUARE_MARGIN
from acsnet.train.augment import keep_square, random_affine, signal, warp
from acsnet.train.data import BACKGROUND, SCAR, WALL
from acsnet.train.deform import wall_batch
from acsnet.train.loop import Recipe
from acsnet.train.losses import PrintedLoss, SeparateLoss
from acsnet.train.samples import MYO_SCALE

ROI_FILTERS = 12
ROI_CROP = 176
"""Training window of the ROI network in pixels of its grid; in use it sees the whole field."""


def roi_batch(images: Tensor, tissue: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(n, 1, s, s) 0-255 and (n, s, s) -> input and left-ventricle target, (n, 1, side, side)."""
    theta = random_affine(len(images), zoom=0.25, stretch=0.12, shift=0.25, generator=generator)
    warped, labels = warp(images / 255.0, tissue, theta, side=ROI_CROP)
    return signal(warped, generator), (labels != BACKGROUND)[:, None].float()


def myocardium_batch(
    images: Tensor, tissue: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """(n, 2, s, s) and (n, s, s) -> input and targets (wall, enhancement), (n, 2, side, side)."""
    theta = random_affine(len(images), zoom=0.2, stretch=0.12, shift=0.06, generator=generator)
    warped, labels = warp(images / MYO_SCALE, tissue, theta, side=MYO_SIDE)
    inputs = keep_square(
        signal(warped, generator),
        labels != BACKGROUND,
        margin=SQUARE_MARGIN,
        generator=generator,
    )
    return inputs, torch.stack([labels >= WALL, labels == SCAR], dim=1).float()


ROI = Recipe(
    name="roi",
    net=ResUNetConfig(base_filters=ROI_FILTERS, outputs=1),
    loss=PrintedLoss(beta=0.6),
    make_batch=roi_batch,
    epochs=18,
)
MYOCARDIUM = Recipe(
    name="myo",
    net=ResUNetConfig(base_filters=2 * ROI_FILTERS, inputs=2, outputs=2),
    loss=SeparateLoss(fp=(1.0, 0.8), fn=(1.0, 1.2)),
    make_batch=myocardium_batch,
    epochs=36,
)
AUTOENCODER = Recipe(
    name="autoencoder",
    net=AutoencoderConfig(),
    loss=SeparateLoss(fp=(1.0,), fn=(1.0,)),
    make_batch=wall_batch,
    share=(0.4, 0.6, 0.0),
    weight=(1.0, 1.0, 1.0),
    epochs=200,
    images_an_epoch=3072,
    batch=32,
)
RECIPES = {recipe.name: recipe for recipe in (ROI, MYOCARDIUM, AUTOENCODER)}

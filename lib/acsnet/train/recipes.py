"""Training recipes: inputs, targets, loss and hyperparameters of each network.

Ours: separate weights of false positives and negatives (`acsnet.train.losses`), the slices below
and above as further channels, a smaller dropout. As in the paper a missed ventricle costs the ROI
more than one drawn too large, so as not to cut too much away. The filter base is not printed
there; ours is small enough to train and run on two processor cores.
"""

import torch
from torch import Tensor

from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.stages.myocardium import MYO_SIDE, SQUARE_MARGIN
from acsnet.train.augment.spatial import keep_square, random_affine, signal, warp
from acsnet.train.augment.wall_shape import wall_batch
from acsnet.train.data.case import BACKGROUND, SCAR, WALL
from acsnet.train.loop import Recipe
from acsnet.train.losses import SeparateLoss
from acsnet.train.samples.slices import MYO_SCALE

ROI_FILTERS = 12
NO_NEIGHBOUR = 0.1
"""Share of the neighbours that are left out in training."""

SHARE = (0.65, 0.28, 0.07)
"""Of true LGE, cine and phantoms in an epoch of the ROI network; the MYO network sees more cine."""

DROPOUT = 0.1
"""Half of the paper's: with 0.2 the wall Dice of training patients was 0.844, of others 0.834."""

ROI_CROP = 176
"""Training window of the ROI network in pixels of its grid; in use it sees the whole field.

That of the MYO network is the one of use.
"""


def roi_batch(images: Tensor, tissue: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(n, 3, s, s) 0-255 and (n, s, s) -> input, and left-ventricle target (n, 1, side, side)."""
    images = shuffled_neighbours(images, generator)
    theta = random_affine(len(images), zoom=0.25, stretch=0.12, shift=0.25, generator=generator)
    warped, labels = warp(images / 255.0, tissue, theta, side=ROI_CROP)
    return signal(warped, generator), (labels != BACKGROUND)[:, None].float()


def myocardium_batch(
    images: Tensor, tissue: Tensor, generator: torch.Generator, *, side: int = MYO_SIDE
) -> tuple[Tensor, Tensor]:
    """(n, 6, s, s) and (n, s, s) -> input, and targets (wall, enhancement), (n, 2, side, side).

    Channels: equalised and plain signal of the slice, of the one below, of the one above.
    """
    images = shuffled_neighbours(images, generator)
    theta = random_affine(len(images), zoom=0.2, stretch=0.12, shift=0.12, generator=generator)
    warped, labels = warp(images / MYO_SCALE, tissue, theta, side=side)
    inputs = keep_square(
        signal(warped, generator),
        labels != BACKGROUND,
        margin=SQUARE_MARGIN,
        generator=generator,
    )
    return inputs, torch.stack([labels >= WALL, labels == SCAR], dim=1).float()


def shuffled_neighbours(images: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 3 c, s, s): slice, below, above; the latter two exchanged at random, at times absent.

    No scan's order is beyond doubt. At either end of a scan the slice itself stands in for the
    neighbour that it has not, so it does in some of these.
    """
    own, below, above = images.chunk(3, dim=1)
    swap, no_below, no_above = torch.rand(
        3, len(images), 1, 1, 1, generator=generator, device=generator.device
    )
    below, above = torch.where(swap < 0.5, above, below), torch.where(swap < 0.5, below, above)
    below = torch.where(no_below < NO_NEIGHBOUR, own, below)
    above = torch.where(no_above < NO_NEIGHBOUR, own, above)
    return torch.cat([own, below, above], dim=1)


ROI = Recipe(
    name="roi",
    net=ResUNetConfig(base_filters=ROI_FILTERS, inputs=3, outputs=1, dropout=DROPOUT),
    neighbours=True,
    share=SHARE,
    loss=SeparateLoss(fp=(1.0,), fn=(1.2,)),
    make_batch=roi_batch,
    epochs=42,
)
MYOCARDIUM = Recipe(
    name="myo",
    net=ResUNetConfig(base_filters=2 * ROI_FILTERS, inputs=6, outputs=2, dropout=DROPOUT),
    neighbours=True,
    share=(0.59, 0.34, 0.06),
    weight=(1.0, 0.7, 0.5),
    loss=SeparateLoss(fp=(1.0, 1.0), fn=(1.0, 1.1)),
    make_batch=myocardium_batch,
    epochs=90,
    images_an_epoch=4000,
    batch=64,
    learning_rate=1.5e-3,
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

"""Turn, stretch and damage walls on the fly, for the autoencoder; ranges not from the paper.

The autoencoder is asked for the whole wall of half of the damaged ones too (after Larrazabal et
al., doi:10.1109/TMI.2020.3005297), so that the code of a broken mask lies near the codes of
possible walls, and the way there is short.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from acsnet.anatomy.pose import FRAME_SIDE, RMS_PIXELS

DAMAGED_SHARE = 0.5
MIN_DAMAGED_PIXELS = 300
"""Of the frame: a wall with fewer left says nothing about the whole one."""


def warp_walls(walls: Tensor, theta: Tensor) -> Tensor:
    """(n, 1, s, s) -> (n, 1, FRAME_SIDE, FRAME_SIDE) by (n, 2, 3) in half sides of the frame."""
    scaled = theta * (FRAME_SIDE / walls.shape[-1])
    grid = functional.affine_grid(
        scaled, [len(walls), 1, FRAME_SIDE, FRAME_SIDE], align_corners=False
    )
    return functional.grid_sample(walls, grid, mode="bilinear", align_corners=False)


def random_distortion(n: int, generator: torch.Generator) -> Tensor:
    """(n, 2, 3): any turn, mirrored or not, stretched by up to exp(0.12) along any axis."""
    device = generator.device

    def uniform(limit: float) -> Tensor:
        return (torch.rand(n, generator=generator, device=device) * 2 - 1) * limit

    def turn(angle: Tensor) -> Tensor:
        cos, sin = angle.cos(), angle.sin()
        return torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)

    stretch, axis = torch.exp(uniform(0.12)), uniform(math.pi)
    mirror = torch.randint(0, 2, (n,), generator=generator, device=device) * 2.0 - 1.0
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, :, :2] = (
        turn(uniform(math.pi))
        @ torch.diag_embed(torch.stack([mirror, torch.ones_like(mirror)], 1))
        @ turn(axis)
        @ torch.diag_embed(torch.stack([stretch, 1.0 / stretch], 1))
        @ turn(-axis)
    )
    return theta


def alignment(walls: Tensor) -> Tensor:
    """(n, 2, 3) that brings (n, 1, FRAME_SIDE, FRAME_SIDE) to the pose of `acsnet.anatomy.pose`.

    Codes of damaged walls have to be learnt in the frame that the damaged wall gives.
    """
    half = FRAME_SIDE / 2.0
    at = (torch.arange(FRAME_SIDE, device=walls.device) - (FRAME_SIDE - 1) / 2.0) / half
    total = walls.sum((1, 2, 3)).clamp(min=1e-3)
    columns, rows = walls.sum((1, 2)), walls.sum((1, 3))
    centre = torch.stack([columns @ at, rows @ at], 1) / total[:, None]
    spread = (columns @ at**2 + rows @ at**2) / total - centre.square().sum(1)
    theta = torch.zeros(len(walls), 2, 3, device=walls.device)
    theta[:, 0, 0] = theta[:, 1, 1] = spread.clamp(min=1e-4).sqrt() * (half / RMS_PIXELS)
    theta[:, :, 2] = centre
    return theta


def ellipses(n: int, generator: torch.Generator) -> Tensor:
    """(n, FRAME_SIDE, FRAME_SIDE): one ellipse each, half axes of 2 to 14 pixels."""

    def between(low: float, high: float) -> Tensor:
        share = torch.rand(n, generator=generator, device=generator.device)
        return (share * (high - low) + low)[:, None, None]

    at = torch.arange(float(FRAME_SIDE), device=generator.device)
    row, column = at[:, None] - between(9, 119), at - between(9, 119)
    angle = between(0, math.pi)
    along = column * angle.cos() + row * angle.sin()
    across = row * angle.cos() - column * angle.sin()
    return (along / between(2, 14)).square() + (across / between(2, 14)).square() < 1


def damage(walls: Tensor, generator: torch.Generator) -> Tensor:
    """(n, 1, FRAME_SIDE, FRAME_SIDE) -> holes, cuts, blobs, spurs and rough outlines; 0 or 1."""
    n = len(walls)
    wall = walls[:, 0] > 0.5
    device = generator.device
    for _ in range(3):
        removed, added = torch.rand(2, n, 1, 1, generator=generator, device=device)
        wall = wall & ~(ellipses(n, generator) & (removed < 0.5))
        wall = wall | (ellipses(n, generator) & (added < 0.35))
    rough = torch.randn(n, 1, 24, 24, generator=generator, device=device)
    rough = functional.interpolate(rough, size=FRAME_SIDE, mode="bicubic")
    rough = rough * 0.35 * torch.rand(n, 1, 1, 1, generator=generator, device=device)
    soft = functional.avg_pool2d(wall[:, None].float(), 5, 1, 2)
    return (soft + rough > 0.5).float()


def wall_batch(images: Tensor, tissue: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(n, 1, s, s) 0-255 -> input and whole wall, both (n, 1, FRAME_SIDE, FRAME_SIDE)."""
    del tissue  # the same array as the images
    n = len(images)
    shaped = (warp_walls(images / 255.0, random_distortion(n, generator)) > 0.5).float()
    whole = warp_walls(shaped, alignment(shaped))
    damaged = damage(whole, generator)
    chosen = torch.rand(n, generator=generator, device=generator.device) < DAMAGED_SHARE
    chosen &= damaged.sum((1, 2, 3)) >= MIN_DAMAGED_PIXELS
    inputs = torch.where(chosen[:, None, None, None], damaged, whole)
    theta = alignment(inputs)
    return warp_walls(inputs, theta), (warp_walls(whole, theta) > 0.5).float()

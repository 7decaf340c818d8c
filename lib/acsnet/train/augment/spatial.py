"""Geometry and light signal changes of a training batch, on the fly; ranges not from the paper.

Everything happens on the device of the generator, where the batch lies too.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

MARGIN_JITTER = 12
"""Pixels by which an edge of the square may be off in training: ROIs can be half too large."""

USUAL_JITTER = 4
"""Pixels by which every second edge is off at most: most ROIs are about right."""

FALSE_ROI_RADII = (6, 34)
"""Pixels from the middle of a false region of interest to its edge."""


def random_affine(
    n: int, *, zoom: float, stretch: float, shift: float, generator: torch.Generator
) -> Tensor:
    """(n, 2, 3) sampling matrices in units of half a field of view.

    Any of the eight turns and mirrors, up to 20 degrees more, zoom within exp(+-zoom), another
    stretch of one axis within exp(+-stretch), shifts within +-shift.
    """

    def uniform(limit: float) -> Tensor:
        return (_uniform(n, generator) * 2 - 1) * limit

    quarter = _integers(0, 4, n, generator) * (math.pi / 2)
    angle = quarter + uniform(math.radians(20))
    mirror = _integers(0, 2, n, generator) * 2.0 - 1.0
    size = torch.exp(uniform(zoom))
    aspect = torch.exp(uniform(stretch))
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.zeros(n, 2, 3, device=generator.device)
    theta[:, 0, 0], theta[:, 0, 1] = cos * mirror * size * aspect, -sin * size
    theta[:, 1, 0], theta[:, 1, 1] = sin * mirror * size * aspect, cos * size
    theta[:, 0, 2], theta[:, 1, 2] = uniform(shift), uniform(shift)
    return theta


def _uniform(n: int, generator: torch.Generator) -> Tensor:
    """(n,) from 0 to 1, on the generator's device."""
    return torch.rand(n, generator=generator, device=generator.device)


def _integers(low: int, high: int, n: int, generator: torch.Generator) -> Tensor:
    """(n,) from `low` to below `high`, on the generator's device."""
    return torch.randint(low, high, (n,), generator=generator, device=generator.device)


def warp(images: Tensor, tissue: Tensor, theta: Tensor, *, side: int) -> tuple[Tensor, Tensor]:
    """images (n, c, s, s) and tissue (n, s, s) -> (n, c, side, side) and (n, side, side).

    The pixel size stays as it is where `theta` has no zoom: the output is a window of the input.
    """
    scaled = theta.clone()
    scaled[:, :, :2] *= side / images.shape[-1]
    grid = functional.affine_grid(scaled, [len(images), 1, side, side], align_corners=False)
    warped = functional.grid_sample(images, grid, mode="bilinear", align_corners=False)
    labels = functional.grid_sample(
        tissue[:, None].float(), grid, mode="nearest", align_corners=False
    )
    return warped, labels[:, 0].long()


def black_level(images: Tensor, generator: torch.Generator) -> Tensor:
    """Of four images in ten, move black up to 85 % of the mean tissue signal; white stays.

    Public phase-sensitive scans store zero signal as mid grey, so that the wall is nearly as
    bright as blood. Where a scanner stores it as black the nulled wall is dark: networks have to
    know both.
    """
    n = len(images)
    share = 0.85 * _uniform(n, generator) * (_uniform(n, generator) < 0.4)
    tissue = images > 0
    mean = (images * tissue).sum((2, 3), True) / tissue.sum((2, 3), True).clamp(min=1)
    black = (share[:, None, None, None] * mean).clamp(max=0.8)
    return ((images - black) / (1.0 - black)).clamp(min=0.0)


def signal(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random black level, gain and gamma, and some noise; (n, c, h, w) around [0, 1]."""
    images = black_level(images, generator)

    def an_image() -> Tensor:
        return _uniform(len(images), generator)[:, None, None, None]

    gain = 1.0 + 0.15 * (an_image() * 2 - 1)
    gamma = torch.exp(0.25 * (an_image() * 2 - 1))
    noise = torch.randn(images.shape, generator=generator, device=generator.device)
    strength = 0.08 * an_image()
    return (images.clamp(min=1e-4) ** gamma) * gain + strength * noise


def keep_square(images: Tensor, lv: Tensor, *, margin: int, generator: torch.Generator) -> Tensor:
    """Zero outside a square round each (n, h, w) mask, each edge off by up to `MARGIN_JITTER`.

    The network meets the imprecise ROI of stage 1 in use, so it has to meet it in training, and
    must not read the size of the ventricle off the square. Where there is no ventricle, a square of
    random size in the middle stands for a false ROI.
    """
    n = len(images)
    radius = _integers(*FALSE_ROI_RADII, n, generator)

    def span(drawn: Tensor) -> tuple[Tensor, Tensor]:
        """(n, side) -> first index that is drawn and the one after the last."""
        side, is_drawn = drawn.shape[1], drawn.any(1)
        first, last = drawn.int().argmax(1), side - drawn.flip(1).int().argmax(1)
        middle = side // 2
        return torch.where(is_drawn, first, middle - radius), torch.where(
            is_drawn, last, middle + radius
        )

    rows, columns = span(lv.any(2)), span(lv.any(1))
    half = torch.maximum(rows[1] - rows[0], columns[1] - columns[0]) / 2 + margin
    inside = []
    for (first, last), side in zip((rows, columns), lv.shape[1:], strict=True):
        middle = (first + last) / 2
        low = torch.round(middle - half) + _off(n, generator)
        high = torch.round(middle + half) + _off(n, generator)
        index = torch.arange(side, device=images.device)
        inside.append((index >= low[:, None]) & (index < high[:, None]))
    return images * (inside[0][:, None, :, None] & inside[1][:, None, None, :])


def _off(n: int, generator: torch.Generator) -> Tensor:
    """(n,) pixels by which an edge of the square is off."""
    is_far = _integers(0, 2, n, generator).bool()
    far, near = (
        _integers(-limit, limit + 1, n, generator) for limit in (MARGIN_JITTER, USUAL_JITTER)
    )
    return torch.where(is_far, far, near)

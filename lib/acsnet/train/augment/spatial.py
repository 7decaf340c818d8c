"""Geometry and light signal changes of a training batch, on the fly; all ranges are ours."""

import math

import torch
from torch import Tensor
from torch.nn import functional

MARGIN_JITTER = 12
"""Pixels by which an edge of the square may be off in training: ROIs can be half too large."""

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
        return (torch.rand(n, generator=generator) * 2 - 1) * limit

    quarter = torch.randint(0, 4, (n,), generator=generator) * (math.pi / 2)
    angle = quarter + uniform(math.radians(20))
    mirror = torch.randint(0, 2, (n,), generator=generator) * 2.0 - 1.0
    size = torch.exp(uniform(zoom))
    aspect = torch.exp(uniform(stretch))
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * mirror * size * aspect, -sin * size
    theta[:, 1, 0], theta[:, 1, 1] = sin * mirror * size * aspect, cos * size
    theta[:, 0, 2], theta[:, 1, 2] = uniform(shift), uniform(shift)
    return theta


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
    share = 0.85 * torch.rand(n, 1, 1, 1, generator=generator)
    share = share * (torch.rand(n, 1, 1, 1, generator=generator) < 0.4)
    tissue = images > 0
    mean = (images * tissue).sum((2, 3), True) / tissue.sum((2, 3), True).clamp(min=1)
    black = (share * mean).clamp(max=0.8)
    return ((images - black) / (1.0 - black)).clamp(min=0.0)


def signal(images: Tensor, generator: torch.Generator) -> Tensor:
    """Random black level, gain and gamma, and some noise; (n, c, h, w) around [0, 1]."""
    images = black_level(images, generator)
    n = len(images)
    gain = 1.0 + 0.15 * (torch.rand(n, 1, 1, 1, generator=generator) * 2 - 1)
    gamma = torch.exp(0.25 * (torch.rand(n, 1, 1, 1, generator=generator) * 2 - 1))
    noise = torch.randn(images.shape, generator=generator)
    strength = 0.08 * torch.rand(n, 1, 1, 1, generator=generator)
    return (images.clamp(min=1e-4) ** gamma) * gain + strength * noise


def keep_square(images: Tensor, lv: Tensor, *, margin: int, generator: torch.Generator) -> Tensor:
    """Zero outside a square round each (n, h, w) mask, each edge off by up to `MARGIN_JITTER`.

    The network meets the imprecise ROI of stage 1 in use, so it has to meet it in training, and
    must not read the size of the ventricle off the square. Where there is no ventricle, a square of
    random size in the middle stands for a false ROI.
    """
    out = torch.zeros_like(images)
    height, width = lv.shape[1:]
    jitter = torch.randint(
        -MARGIN_JITTER, MARGIN_JITTER + 1, (len(images), 4), generator=generator
    ).tolist()
    radii = torch.randint(*FALSE_ROI_RADII, (len(images),), generator=generator).tolist()
    for k, (offsets, radius) in enumerate(zip(jitter, radii, strict=True)):
        rows, columns = torch.nonzero(lv[k].any(1)), torch.nonzero(lv[k].any(0))
        if not len(rows):
            rows, columns = (
                torch.tensor([n // 2 - radius, n // 2 + radius - 1]) for n in (height, width)
            )
        top, bottom = int(rows[0]), int(rows[-1]) + 1
        left, right = int(columns[0]), int(columns[-1]) + 1
        half = max(bottom - top, right - left) / 2 + margin
        middle = (top + bottom) / 2, (left + right) / 2
        a = max(0, round(middle[0] - half) + offsets[0])
        b = min(height, round(middle[0] + half) + offsets[1])
        c = max(0, round(middle[1] - half) + offsets[2])
        d = min(width, round(middle[1] + half) + offsets[3])
        out[k, :, a:b, c:d] = images[k, :, a:b, c:d]
    return out

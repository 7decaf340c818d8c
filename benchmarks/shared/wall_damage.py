"""Ways to break a wall mask, for stress tests of stage 3 (ours).

Each takes a (row, column) mask and a random generator and returns another mask; sizes follow the
mask's own, so that they mean the same at every pixel size.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter, shift

Mask = NDArray[np.bool_]
Damage = Callable[[Mask, np.random.Generator], Mask]


def _reach(wall: Mask) -> tuple[NDArray[np.float64], float]:
    """Centre and root mean square radius in pixels; the middle and a quarter if it is empty."""
    points = np.argwhere(wall)
    if not len(points):
        return np.array(wall.shape) / 2.0, min(wall.shape) / 4.0
    centre = points.mean(axis=0)
    return centre, float(np.sqrt(np.square(points - centre).sum(axis=1).mean())) + 1.0


def _disc(wall: Mask, rng: np.random.Generator, *, on_wall: bool, size: float) -> Mask:
    """A disc of up to `size` of the wall's reach, centred on the wall or anywhere near it."""
    centre, reach = _reach(wall)
    points = np.argwhere(wall)
    at = points[rng.integers(len(points))] if on_wall and len(points) else None
    middle = centre + rng.uniform(-2.0, 2.0, 2) * reach if at is None else at
    rows, columns = np.ogrid[: wall.shape[0], : wall.shape[1]]
    distance = np.hypot(rows - middle[0], columns - middle[1])
    out: Mask = distance <= rng.uniform(0.5, 1.0 + size * reach)
    return out


def holes(wall: Mask, rng: np.random.Generator) -> Mask:
    """Small discs taken out of the wall."""
    out = wall
    for _ in range(rng.integers(1, 6)):
        out = out & ~_disc(wall, rng, on_wall=True, size=0.15)
    return out


def cut(wall: Mask, rng: np.random.Generator) -> Mask:
    """A sector of up to 120 degrees taken out."""
    centre, _ = _reach(wall)
    rows, columns = np.indices(wall.shape)
    angle = np.arctan2(rows - centre[0], columns - centre[1]) - rng.uniform(-np.pi, np.pi)
    away = np.abs((angle + np.pi) % (2.0 * np.pi) - np.pi)
    return wall & (away > np.deg2rad(rng.uniform(1.0, 60.0)))


def blobs(wall: Mask, rng: np.random.Generator) -> Mask:
    """Discs put on and near the wall."""
    out = wall
    for _ in range(rng.integers(1, 4)):
        out = out | _disc(wall, rng, on_wall=bool(rng.random() < 0.5), size=0.4)
    return out


def spurs(wall: Mask, rng: np.random.Generator) -> Mask:
    """Lines one pixel wide from the wall, inwards or outwards."""
    out = wall.copy()
    _, reach = _reach(wall)
    points = np.argwhere(wall)
    for _ in range(rng.integers(1, 5) if len(points) else 0):
        start, angle = points[rng.integers(len(points))], rng.uniform(0.0, 2.0 * np.pi)
        along = np.arange(0.0, rng.uniform(1.0, 1.5 * reach), 0.5)[:, None]
        line = np.rint(start + along * [np.sin(angle), np.cos(angle)]).astype(int)
        inside = ((line >= 0) & (line < wall.shape)).all(axis=1)
        out[tuple(line[inside].T)] = True
    return out


def erosion(wall: Mask, rng: np.random.Generator) -> Mask:
    """Thinner by one to four pixels, down to nothing."""
    return np.asarray(binary_erosion(wall, iterations=int(rng.integers(1, 5))))


def dilation(wall: Mask, rng: np.random.Generator) -> Mask:
    """Thicker by one to twelve pixels: the cavity may close."""
    return np.asarray(binary_dilation(wall, iterations=int(rng.integers(1, 13))))


def two_objects(wall: Mask, rng: np.random.Generator) -> Mask:
    """A second copy beside the first, cut off where the image ends."""
    _, reach = _reach(wall)
    angle = rng.uniform(0.0, 2.0 * np.pi)
    offset = np.array([np.sin(angle), np.cos(angle)]) * reach * rng.uniform(0.5, 4.0)
    return wall | shift(wall, np.rint(offset), order=0, prefilter=False)


def off_the_edge(wall: Mask, rng: np.random.Generator) -> Mask:
    """Moved to the border of the image, beyond which a part is lost."""
    centre, reach = _reach(wall)
    side = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])[rng.integers(4)]
    room = np.where(side < 0, centre, np.array(wall.shape) - 1 - centre)
    offset = side * (room + reach * rng.uniform(-1.2, 0.5))
    return np.asarray(shift(wall, np.rint(offset), order=0, prefilter=False))


def noise(wall: Mask, rng: np.random.Generator) -> Mask:
    """Single pixels flipped, everywhere."""
    return wall ^ (rng.random(wall.shape) < rng.choice([0.001, 0.01, 0.1, 0.5]))


def rough(wall: Mask, rng: np.random.Generator) -> Mask:
    """The outline moved by a smooth random field."""
    field = gaussian_filter(rng.normal(size=wall.shape), rng.uniform(1.0, 4.0))
    out: Mask = gaussian_filter(wall.astype(float), 1.5) + field / field.std() * 0.25 > 0.5
    return out


def empty(wall: Mask, rng: np.random.Generator) -> Mask:
    """Nothing."""
    return np.zeros_like(wall)


def full(wall: Mask, rng: np.random.Generator) -> Mask:
    """Everything."""
    return np.ones_like(wall)


DAMAGES: dict[str, Damage] = {
    damage.__name__: damage
    for damage in (
        holes,
        cut,
        blobs,
        spurs,
        erosion,
        dilation,
        two_objects,
        off_the_edge,
        noise,
        rough,
        empty,
        full,
    )
}

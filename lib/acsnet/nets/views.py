"""What a network looks at: the eight turns and mirror images of a slice, and no black edges.

Not from the paper. The mean over all eight draws best, but where two views already agree the others
change next to nothing. So a slice is drawn in two views first, and in more where they disagree
(`acsnet.nets.inference.VIEW_RULES`).

Stage 2 leaves only a square of signal. The zeros that a convolution pads with are not what black is
in its layer, and spoil what is drawn near the edge. With what is there on average instead, the
black edges need not be looked at (figures: docs/performance.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

View = tuple[bool, tuple[int, ...]]
"""Whether rows and columns are exchanged, and the axes of (..., S, S) that are then mirrored."""

ALL_VIEWS: Sequence[View] = tuple(product((False, True), ((), (-2,), (-1,), (-2, -1))))
AS_IT_IS: Sequence[View] = ((False, ()),)

PAIRS: Sequence[tuple[View, View]] = tuple(
    ((False, axes), (True, axes)) for axes in ((), (-2, -1), (-2,), (-1,))
)
"""All views, two at a time. The first pair decides whether others are needed."""


@dataclass(frozen=True, kw_only=True)
class ViewRule:
    """How many views of a slice are drawn.

    limit: share of differing pixels up to which the first pair is enough; pairs: of `PAIRS`, how
    many are drawn where it is not.
    """

    limit: float
    pairs: int = len(PAIRS)


def seen_in(view: View, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., S, S) in another view."""
    exchanged, axes = view
    return np.flip(images.swapaxes(-1, -2) if exchanged else images, axes)


def turned_back(view: View, drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """The reverse of `seen_in`: (..., S, S) of a view as the image lies."""
    exchanged, axes = view
    upright = np.flip(drawn, axes)
    return upright.swapaxes(-1, -2) if exchanged else upright


def disagreement(pair: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, ..., outputs, S, S) probabilities -> (...) share of the drawn pixels that differ.

    Drawn are the pixels at which either view gives an output more than 0.5; 0 where none is.
    """
    first, second = pair > 0.5
    differing = (first != second).any(axis=-3).sum(axis=(-2, -1))
    drawn = (first | second).any(axis=-3).sum(axis=(-2, -1))
    share: NDArray[np.float32] = differing / np.maximum(drawn, 1)
    return share


def without_edge(images: NDArray[Any], width: int) -> slice:
    """Rows, and columns, of (..., S, S) without an edge of `width` pixels if all of it is black."""
    side = images.shape[-1]
    inner = slice(width, side - width)
    if side <= 2 * width or np.count_nonzero(images) > np.count_nonzero(images[..., inner, inner]):
        return slice(0, side)
    return inner

"""Turns and mirrors: what a network draws should not depend on which way a scan lies."""

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor, nn

Views = Sequence[tuple[bool, tuple[int, ...]]]
"""Whether rows and columns are exchanged, and the axes of (N, C, S, S) that are then mirrored."""

ALL_VIEWS: Views = tuple(product((False, True), ((), (2,), (3,), (2, 3))))
"""The four turns and their mirror images."""

AS_IT_IS: Views = ((False, ()),)


@torch.inference_mode()
def view_probabilities(
    net: nn.Module, images: Tensor, views: Views = ALL_VIEWS
) -> Iterator[Tensor]:
    """(N, C, S, S) -> for each view the sigmoid of the scores, (N, outputs, S, S), turned back."""
    for exchanged, axes in views:
        seen = (images.mT if exchanged else images).flip(axes)
        drawn = torch.sigmoid(net(seen).float()).flip(axes)
        yield drawn.mT if exchanged else drawn


@torch.inference_mode()
def mean_probability(net: nn.Module, images: Tensor, views: Views = ALL_VIEWS) -> Tensor:
    """(N, C, S, S) -> (N, outputs, S, S): the sigmoid of the scores, mean over `views`."""
    total = torch.zeros((), device=images.device)
    for drawn in view_probabilities(net, images, views):
        total = total + drawn
    return total / len(views)

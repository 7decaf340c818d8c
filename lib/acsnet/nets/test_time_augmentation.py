"""Test-time augmentation: the mean over the eight turns and mirror images of a square."""

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor, nn

# Whether rows and columns are exchanged, and the axes of (N, C, S, S) that are then mirrored.
Views = Sequence[tuple[bool, tuple[int, ...]]]
ALL_VIEWS: Views = tuple(product((False, True), ((), (2,), (3,), (2, 3))))
AS_IT_IS: Views = ((False, ()),)


@torch.inference_mode()
def view_probabilities(
    net: nn.Module, images: Tensor, views: Views = ALL_VIEWS
) -> Iterator[Tensor]:
    """(N, C, S, S) -> for each view the probabilities (N, outputs, S, S), turned back."""
    for exchanged, axes in views:
        view = (images.mT if exchanged else images).flip(axes)
        probability = torch.sigmoid(net(view).float()).flip(axes)
        yield probability.mT if exchanged else probability


@torch.inference_mode()
def mean_probability(net: nn.Module, images: Tensor, views: Views = ALL_VIEWS) -> Tensor:
    """(N, C, S, S) -> (N, outputs, S, S): probabilities, mean over `views`."""
    total = torch.zeros((), device=images.device)
    for probability in view_probabilities(net, images, views):
        total = total + probability
    return total / len(views)

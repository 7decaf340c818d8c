"""Views of a square in PyTorch (test-time augmentation): their probabilities, and the mean."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from acsnet.nets.views import ALL_VIEWS, View


@torch.inference_mode()
def view_probabilities(
    net: nn.Module, images: Tensor, views: Sequence[View] = ALL_VIEWS
) -> Iterator[Tensor]:
    """(N, C, S, S) -> for each view the probabilities (N, outputs, S, S), turned back."""
    for exchanged, axes in views:
        view = (images.mT if exchanged else images).flip(axes)
        probability = torch.sigmoid(net(view).float()).flip(axes)
        yield probability.mT if exchanged else probability


@torch.inference_mode()
def mean_probability(net: nn.Module, images: Tensor, views: Sequence[View] = ALL_VIEWS) -> Tensor:
    """(N, C, S, S) -> (N, outputs, S, S): probabilities, mean over `views`."""
    total = torch.zeros((), device=images.device)
    for probability in view_probabilities(net, images, views):
        total = total + probability
    return total / len(views)

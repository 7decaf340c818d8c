"""Monte Carlo dropout (Gal and Ghahramani, ICML 2016, arXiv:1506.02142) on a copy of a network."""

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from acsnet.nets.resunet import ResUNet
from acsnet.nets.view_averaging import view_probabilities


class ChannelDropout(nn.Module):
    """Drop each channel of each image with probability `share`, in training and eval mode.

    Drawn on the CPU from its own generator: same draws on every device, global state untouched.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape, remaining channels scaled up."""
        draw = torch.rand((*x.shape[:2], 1, 1), generator=self.generator)
        mask = (draw >= self.share).to(device=x.device, dtype=x.dtype)
        return x * mask / (1.0 - self.share)


def with_dropout(network: ResUNet, *, seed: int) -> ResUNet:
    """A copy that shares all weights and drops channels as in training; reproducible by seed."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    dropping = copy.deepcopy(network, shared)
    # One generator for all levels: their draws must differ.
    generator = torch.Generator().manual_seed(seed)
    dropping.pool = nn.Sequential(
        nn.MaxPool2d(2), ChannelDropout(network.config.dropout, generator)
    )
    return dropping


def dropout_samples(
    network: ResUNet, images: NDArray[np.float32], *, seed: int
) -> Iterator[NDArray[np.float32]]:
    """(N, inputs, S, S) -> for each view a sample (N, outputs, S, S) of the probabilities."""
    weight = next(network.parameters())
    batch = torch.from_numpy(images).to(weight.device, weight.dtype)
    for probability in view_probabilities(with_dropout(network, seed=seed), batch):
        yield probability.cpu().numpy()

"""Dropout in use, for a network that others use at the same time without it.

Gal and Ghahramani, ICML 2016 (arXiv:1506.02142): each pass with dropout is a draw from the networks
that the training leaves possible.
"""

import copy

import torch
from torch import Tensor, nn

from acsnet.nets.resunet import ResUNet


class ChannelDropout(nn.Module):
    """Each channel of each image is dropped with probability `share`, whatever the mode is.

    Drawn on the CPU from a generator of its own: the global one is neither read nor moved, and
    every device draws the same.
    """

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self.share = share
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape, the channels that stay scaled up."""
        drawn = torch.rand((*x.shape[:2], 1, 1), generator=self.generator)
        kept = (drawn >= self.share).to(device=x.device, dtype=x.dtype)
        return x * kept / (1.0 - self.share)


def with_dropout(network: ResUNet, *, seed: int) -> ResUNet:
    """A copy that shares all weights and drops channels as in training; `network` stays as it is.

    The same passes of two copies of one seed give the same values.
    """
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    dropping = copy.deepcopy(network, shared)
    # One generator for all levels: their draws must not repeat each other.
    generator = torch.Generator().manual_seed(seed)
    dropping.pool = nn.Sequential(
        nn.MaxPool2d(2), ChannelDropout(network.config.dropout, generator)
    )
    return dropping

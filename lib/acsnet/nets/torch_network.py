"""Inference by PyTorch: the reference, and in half precision the form for a GPU."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.mc_dropout import dropout_samples
from acsnet.nets.resunet import ResUNet
from acsnet.nets.test_time_augmentation import mean_probability, view_probabilities
from acsnet.nets.views import ALL_VIEWS, PAIRS, View, ViewRule, disagreement, without_edge


@dataclass(frozen=True, kw_only=True)
class TorchNetwork:
    """A network on its own device and in its own precision; one batch a view.

    views: all that are looked at, where there is no rule; rule, black_beyond: as `FusedNetwork`
    takes them.
    """

    network: ResUNet
    views: Sequence[View] = ALL_VIEWS
    rule: ViewRule | None = None
    black_beyond: bool = False

    @property
    def config(self) -> ResUNetConfig:
        """Architecture of the network."""
        return self.network.config

    @cached_property
    def _network(self) -> ResUNet:
        return going_on_black(self.network) if self.black_beyond else self.network

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        out = np.zeros((len(images), self.config.outputs, *images.shape[2:]), np.float32)
        lit = without_edge(images, self.config.stride if self.black_beyond else 0)
        weight = next(self.network.parameters())
        batch = torch.from_numpy(images[..., lit, lit]).to(weight.device, weight.dtype)
        if self.rule is None:
            out[..., lit, lit] = _array(mean_probability(self._network, batch, self.views))
        else:
            out[..., lit, lit] = self._where_needed(batch, self.rule)
        return out

    def _where_needed(self, batch: Tensor, rule: ViewRule) -> NDArray[np.float32]:
        pair = np.stack([_array(p) for p in view_probabilities(self._network, batch, PAIRS[0])])
        mean: NDArray[np.float32] = pair.mean(axis=0)
        unsure = np.flatnonzero(disagreement(pair) > rule.limit)
        if len(unsure):
            others = [view for later in PAIRS[1 : rule.pairs] for view in later]
            rest = _array(mean_probability(self._network, batch[unsure], others))
            mean[unsure] = (2 * mean[unsure] + len(others) * rest) / (2 + len(others))
        return mean

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> a sample (N, outputs, S, S) by dropout in each view."""
        return dropout_samples(self.network, images, seed=seed)


class _GoingOnBlack(nn.Module):
    """A convolution whose input goes on as `black`, (channels,), beyond its edges."""

    def __init__(self, convolution: nn.Conv2d, black: Tensor) -> None:
        super().__init__()
        self.convolution = convolution
        self.black = black[:, None, None]
        self.of_black = (convolution.weight.sum(dim=(2, 3)) @ black)[:, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        out: Tensor = self.convolution(x - self.black) + self.of_black
        return out


@torch.no_grad()
def going_on_black(network: ResUNet) -> ResUNet:
    """A copy for images that go on black beyond their edges; see `acsnet.nets.views`."""
    black: dict[str, Tensor] = {}
    endless = copy.deepcopy(network)
    for name, module in endless.named_modules():
        if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
            module.padding_mode = "circular"
            module.register_forward_pre_hook(
                lambda _, inputs, name=name: black.update({name: inputs[0][0, :, 0, 0]})
            )
    weight = next(network.parameters())
    side = 2 * network.config.stride
    endless(torch.zeros(1, network.config.inputs, side, side).to(weight))
    out = copy.deepcopy(network)
    for name, module in dict(out.named_modules()).items():
        if name in black and isinstance(module, nn.Conv2d):
            parent, _, last = name.rpartition(".")
            setattr(out.get_submodule(parent), last, _GoingOnBlack(module, black[name]))
    return out


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.cpu().numpy()
    return array

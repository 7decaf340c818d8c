"""Inference by PyTorch: the reference, and in half precision the form for a GPU."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from acsnet.errors import DeviceError
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.mc_dropout import dropout_samples
from acsnet.nets.resunet import ResUNet
from acsnet.nets.view_averaging import mean_probability, view_probabilities
from acsnet.nets.views import ALL_VIEWS, PAIRS, View, ViewRule, disagreement, without_edge
from acsnet.nets.weights import Inner


def gpu_count() -> int:
    """How many GPUs torch finds. Raises DeviceError for none: one was asked for."""
    count = torch.cuda.device_count()
    if count == 0:
        msg = "device cuda was asked for, but torch finds no GPU here: use --device cpu"
        raise DeviceError(msg)
    return count


@dataclass(frozen=True, kw_only=True)
class TorchNetwork:
    """A network on its own device and in its own precision; one batch a view.

    views: all that are looked at, where there is no rule; rule: as `FusedNetwork` takes it; inner:
    of `NetworkWeights`.
    """

    network: ResUNet
    views: Sequence[View] = ALL_VIEWS
    rule: ViewRule | None = None
    inner: Inner | None = None

    @property
    def config(self) -> ResUNetConfig:
        """Architecture of the network."""
        return self.network.config

    @cached_property
    def _inner_network(self) -> ResUNet:
        return self.network if self.inner is None else going_on(self.network, self.inner.beyond)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        out = np.zeros((len(images), self.config.outputs, *images.shape[2:]), np.float32)
        lit = without_edge(images, 0 if self.inner is None else self.config.stride)
        network = self._inner_network if lit.start else self.network
        weight = next(self.network.parameters())
        batch = torch.from_numpy(images[..., lit, lit]).to(weight.device, weight.dtype)
        if self.rule is None:
            out[..., lit, lit] = _array(mean_probability(network, batch, self.views))
        else:
            out[..., lit, lit] = _where_needed(network, batch, self.rule)
        return out

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> a sample (N, outputs, S, S) by dropout in each view."""
        return dropout_samples(self.network, images, seed=seed)


def _where_needed(network: ResUNet, batch: Tensor, rule: ViewRule) -> NDArray[np.float32]:
    pair = np.stack([_array(p) for p in view_probabilities(network, batch, PAIRS[0])])
    mean: NDArray[np.float32] = pair.mean(axis=0)
    unsure = np.flatnonzero(disagreement(pair) > rule.limit)
    if len(unsure):
        others = [view for later in PAIRS[1 : rule.pairs] for view in later]
        rest = _array(mean_probability(network, batch[unsure], others))
        mean[unsure] = (2 * mean[unsure] + len(others) * rest) / (2 + len(others))
    return mean


class _GoingOn(nn.Module):
    """A convolution whose input goes on as `beyond`, (channels,), outside its edges."""

    def __init__(self, convolution: nn.Conv2d, beyond: Tensor) -> None:
        super().__init__()
        self.convolution = convolution
        self.beyond = beyond[:, None, None]
        self.of_beyond = (convolution.weight.sum(dim=(2, 3)) @ beyond)[:, None, None]

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        out: Tensor = self.convolution(x - self.beyond) + self.of_beyond
        return out


@torch.no_grad()
def going_on(network: ResUNet, beyond: Mapping[str, NDArray[np.float32]]) -> ResUNet:
    """A copy for images whose black edges were left out; beyond: as `Inner` has it."""
    depth = network.config.depth
    known: dict[str, Sequence[NDArray[np.float32]]] = {
        "down.0.body.0": [np.zeros(network.config.inputs, np.float32)]
    }
    for level in range(depth):
        known[f"down.{level + 1}.body.0"] = [beyond[f"down.{level}.out"]]
        below = f"up.{level - 1}.out" if level else f"down.{depth}.out"
        known[f"up.{level}.body.0"] = [beyond[below], beyond[f"down.{depth - 1 - level}.out"]]
    out = copy.deepcopy(network)
    for name, module in dict(out.named_modules()).items():
        if isinstance(module, nn.Conv2d) and module.padding != (0, 0):
            block, _, last = name.rpartition(".")
            parts = known.get(name) or [beyond[block.removesuffix("body") + "mid"]]
            value = torch.from_numpy(np.concatenate(parts)).to(module.weight)
            setattr(out.get_submodule(block), last, _GoingOn(module, value))
    return out


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.cpu().numpy()
    return array

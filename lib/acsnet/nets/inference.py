"""The forms in which a trained network draws: plain, as it was trained, or fast and the same.

All see an image in all its views and give the mean. `TorchNetwork` is the reference that others are
measured against (`benchmarks/fast_path.py`), and in half precision the form for a GPU.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from acsnet.nets.openvino_network import FusedNetwork
from acsnet.nets.resunet import ResUNet, ResUNetConfig
from acsnet.nets.test_time_augmentation import ALL_VIEWS, Views, mean_probability


class InferenceNetwork(Protocol):
    """What stages 1 and 2 draw with."""

    @property
    def config(self) -> ResUNetConfig:
        """Inputs, outputs and the multiple that S must be."""
        ...

    @property
    def network(self) -> ResUNet:
        """As it was trained, for those who need more than its mean."""
        ...

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        ...


@dataclass(frozen=True, kw_only=True)
class TorchNetwork:
    """A network where it is and in the precision it has; one batch a view."""

    network: ResUNet
    views: Views = ALL_VIEWS

    @property
    def config(self) -> ResUNetConfig:
        """Of the network."""
        return self.network.config

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over `views`."""
        weight = next(self.network.parameters())
        seen = torch.from_numpy(images).to(weight.device, weight.dtype)
        probability: NDArray[np.float32] = (
            mean_probability(self.network, seen, self.views).cpu().numpy()
        )
        return probability


def inference_form(network: ResUNet, *, reference: bool = False) -> InferenceNetwork:
    """The fastest form for the device of a network in single precision; reference: the plain one.

    Masks of both are the same to a Dice of 0.999. On a GPU the network itself is made half.
    """
    if reference:
        return TorchNetwork(network=network)
    if next(network.parameters()).device.type == "cpu":
        return FusedNetwork(network)
    return TorchNetwork(network=network.half())

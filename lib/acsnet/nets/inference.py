"""Inference with test-time augmentation: by PyTorch, or faster by OpenVINO on a CPU.

`TorchNetwork` is the reference that others are measured against (`benchmarks/fast_path.py`), and in
half precision the form for a GPU.
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
    """A network of stage 1 or 2, ready for inference."""

    @property
    def config(self) -> ResUNetConfig:
        """Inputs, outputs and stride of the network."""
        ...

    @property
    def network(self) -> ResUNet:
        """The network itself, for more than the mean over views."""
        ...

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        ...


@dataclass(frozen=True, kw_only=True)
class TorchNetwork:
    """A network on its own device and in its own precision; one batch a view."""

    network: ResUNet
    views: Views = ALL_VIEWS

    @property
    def config(self) -> ResUNetConfig:
        """Architecture of the network."""
        return self.network.config

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over `views`."""
        weight = next(self.network.parameters())
        batch = torch.from_numpy(images).to(weight.device, weight.dtype)
        mean: NDArray[np.float32] = mean_probability(self.network, batch, self.views).cpu().numpy()
        return mean


def inference_form(network: ResUNet, *, reference: bool = False) -> InferenceNetwork:
    """The fastest form for the device of a single-precision network; reference: `TorchNetwork`.

    Masks of both agree to a Dice of 0.999. On a GPU the network itself is converted to half.
    """
    if reference:
        return TorchNetwork(network=network)
    if next(network.parameters()).device.type == "cpu":
        return FusedNetwork(network)
    return TorchNetwork(network=network.half())

"""Inference by PyTorch: the reference, and in half precision the form for a GPU."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.mc_dropout import dropout_samples
from acsnet.nets.resunet import ResUNet
from acsnet.nets.test_time_augmentation import ALL_VIEWS, Views, mean_probability


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

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> a sample (N, outputs, S, S) by dropout in each view."""
        return dropout_samples(self.network, images, seed=seed)

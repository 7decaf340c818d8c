"""The networks of the three stages, ready for inference, in the form that suits the device.

On a CPU by OpenVINO, which needs no PyTorch; on a GPU by PyTorch in half precision. The reference
that both are measured against is PyTorch in single precision (`benchmarks/fast_path.py`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.nets.openvino_autoencoder import FusedAutoencoder
from acsnet.nets.openvino_network import FusedNetwork
from acsnet.nets.weights import SHIPPED, read_manifest, read_weights, unfit


class InferenceNetwork(Protocol):
    """A network of stage 1 or 2, ready for inference."""

    @property
    def config(self) -> ResUNetConfig:
        """Inputs, outputs and stride of the network."""
        ...

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        ...

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> for each view a sample (N, outputs, S, S) by dropout."""
        ...


class WallCodec(Protocol):
    """The autoencoder of stage 3, ready for inference."""

    def codes(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, side, side) shares of wall in [0, 1] -> codes (n, code)."""
        ...

    def scores(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, code) -> scores (n, side, side); wall where above 0."""
        ...


def load_segmenter(
    name: str,
    *,
    folder: Path = SHIPPED,
    device: str = "cpu",
    threads: int | None = None,
    reference: bool = False,
) -> InferenceNetwork:
    """Network `name` of stage 1 or 2. Masks of all forms agree to a Dice of 0.999.

    threads: on a CPU, None for all cores; reference: plain PyTorch in single precision. Raises
    WeightsError when its file is missing, altered or does not fit the network.
    """
    if device == "cpu" and not reference:
        weights = read_weights(name, ResUNetConfig, folder=folder)
        try:
            return FusedNetwork(weights, threads=threads)
        except (KeyError, ValueError, RuntimeError) as error:
            raise unfit(name, read_manifest(folder)[name]) from error
    from acsnet.nets.resunet import ResUNet
    from acsnet.nets.torch_network import TorchNetwork
    from acsnet.nets.torch_weights import load_network

    network = load_network(name, ResUNet, folder=folder, device=device)
    return TorchNetwork(network=network if reference else network.half())


def load_codec(
    *,
    folder: Path = SHIPPED,
    device: str = "cpu",
    threads: int | None = None,
    reference: bool = False,
) -> WallCodec:
    """The autoencoder; as `load_segmenter`."""
    name = "autoencoder"
    if device == "cpu" and not reference:
        weights = read_weights(name, AutoencoderConfig, folder=folder)
        try:
            return FusedAutoencoder(weights, threads=threads)
        except (KeyError, ValueError, RuntimeError) as error:
            raise unfit(name, read_manifest(folder)[name]) from error
    from acsnet.nets.autoencoder import Autoencoder
    from acsnet.nets.torch_weights import load_network

    return load_network(name, Autoencoder, folder=folder, device=device)

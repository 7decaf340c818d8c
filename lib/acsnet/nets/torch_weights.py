"""Trained networks as PyTorch modules, from and to files."""

from dataclasses import asdict
from functools import singledispatch
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import SHIPPED, NetworkWeights, read_verified, save_verified, unfit

Network = TypeVar("Network", bound=ResUNet | Autoencoder)

NETWORKS: dict[str, type[ResUNet] | type[Autoencoder]] = {
    "roi": ResUNet,
    "myo": ResUNet,
    "autoencoder": Autoencoder,
}
"""As `acsnet.nets.architecture.CONFIGS`."""


@singledispatch
def random_network(config: ResUNetConfig | AutoencoderConfig) -> ResUNet | Autoencoder:
    """The network of an architecture, with random weights.

    An experiment registers how a network of its own architecture is built.
    """
    return ResUNet(config) if isinstance(config, ResUNetConfig) else Autoencoder(config)


def load_network(
    name: str, kind: type[Network], *, folder: Path = SHIPPED, device: str = "cpu"
) -> Network:
    """Network `name` of class `kind`, ready for inference.

    Raises WeightsError when its file is missing, altered or does not fit the network.
    """
    entry, content = read_verified(name, folder=folder)
    tensors = {
        key: tensor.float() if tensor.is_floating_point() else tensor
        for key, tensor in load_tensors(content).items()
    }
    try:
        network = kind(kind.Config(**entry["config"]))  # type: ignore[arg-type] # each has its own
        network.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise unfit(name, entry) from error
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


def save_network(
    network: ResUNet | Autoencoder, name: str, *, folder: Path, about: dict[str, Any]
) -> Path:
    """Write a network and its manifest entry (`about`: recipe, data, terms) into `folder`."""
    statistics = {key for key, _ in network.named_buffers()}
    tensors = {
        key: (tensor if key in statistics else tensor.half()).cpu().contiguous()
        for key, tensor in network.state_dict().items()
    }
    about = {"config": asdict(network.config), **about}
    return save_verified(save_tensors(tensors), name, folder=folder, about=about)


def network_of(weights: NetworkWeights[ResUNetConfig]) -> ResUNet:
    """Arrays as a network, ready for inference."""
    network = ResUNet(weights.config)
    network.load_state_dict({key: torch.from_numpy(a) for key, a in weights.arrays.items()})
    return network.eval()

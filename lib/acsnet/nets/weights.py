"""Loading and saving of weights, verified by checksum.

Weights are a safetensors file (of a network: parameters in half precision, batch-norm statistics in
single precision, because small variances vanish in half) and an entry of `manifest.json`: the
file's name, its SHA-256 and, of a network, its configuration.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from acsnet.errors import WeightsError
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.storage import write_bytes, write_text

Network = TypeVar("Network", bound=ResUNet | Autoencoder)

# The networks of the method by name, in the order of their stages.
NETWORKS: dict[str, type[ResUNet] | type[Autoencoder]] = {
    "roi": ResUNet,
    "myo": ResUNet,
    "autoencoder": Autoencoder,
}
SHIPPED = Path(__file__).resolve().parent.parent / "weights"
MANIFEST = "manifest.json"


def read_manifest(folder: Path = SHIPPED) -> dict[str, Any]:
    """Read the manifest of a weights folder. Raises WeightsError when it is missing or broken."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        msg = f"{path.name}: the list of network weights is missing or broken in {folder}"
        raise WeightsError(msg) from error
    return manifest


def read_verified(name: str, *, folder: Path = SHIPPED) -> tuple[dict[str, Any], bytes]:
    """The manifest's entry `name` and the content of its file.

    Raises WeightsError when the file is missing or its checksum differs from the manifest.
    """
    try:
        entry: dict[str, Any] = read_manifest(folder)[name]
        path = folder / Path(entry["file"]).name
        expected = entry["sha256"]
    except (KeyError, TypeError) as error:
        msg = f"{MANIFEST} in {folder} does not describe the weights {name!r}"
        raise WeightsError(msg) from error
    if not path.is_file():
        msg = f"weights {name!r} are missing: {path}"
        raise WeightsError(msg)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        msg = f"{path.name}: the checksum differs from {MANIFEST}, the weights were altered"
        raise WeightsError(msg)
    return entry, content


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
        msg = f"{entry['file']} does not fit the network {name!r} of {MANIFEST}"
        raise WeightsError(msg) from error
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


def save_verified(content: bytes, name: str, *, folder: Path, about: dict[str, Any]) -> Path:
    """Write a safetensors file and its manifest entry into `folder`; returns the file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    write_bytes(path, content)
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    digest = hashlib.sha256(content).hexdigest()
    manifest[name] = {"file": path.name, "sha256": digest, **about}
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True) + "\n")
    return path

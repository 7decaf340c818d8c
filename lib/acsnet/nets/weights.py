"""Weights that are what they say, or none: checksums are verified before a network is built.

Each network is one safetensors file (parameters in half precision, batch-norm statistics in single
precision, because small variances vanish in half) and one entry of `manifest.json`: the file's
name, its SHA-256 and the configuration of the network.
"""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from acsnet.errors import WeightsError
from acsnet.nets.resunet import ResUNet, ResUNetConfig

SHIPPED = Path(__file__).resolve().parent.parent / "weights"
MANIFEST = "manifest.json"


def read_manifest(folder: Path = SHIPPED) -> dict[str, Any]:
    """The manifest of a weights folder. Raises WeightsError when it is missing or broken."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        msg = f"{path.name}: the list of network weights is missing or broken in {folder}"
        raise WeightsError(msg) from error
    return manifest


def load_network(name: str, *, folder: Path = SHIPPED, device: str = "cpu") -> ResUNet:
    """Network `name` ready for inference.

    Raises WeightsError when its file is missing, is not the one of the manifest, or does not fit
    the network: there are never random weights.
    """
    try:
        entry = read_manifest(folder)[name]
        path = folder / Path(entry["file"]).name
        config = ResUNetConfig(**entry["config"])
        expected = entry["sha256"]
    except (KeyError, TypeError) as error:
        msg = f"{MANIFEST} in {folder} does not describe the network {name!r}"
        raise WeightsError(msg) from error
    if not path.is_file():
        msg = f"weights of the network {name!r} are missing: {path}"
        raise WeightsError(msg)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        msg = f"{path.name}: the checksum differs from {MANIFEST}, the weights were altered"
        raise WeightsError(msg)
    network = ResUNet(config)
    tensors = {key: _single(tensor) for key, tensor in load_tensors(content).items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        msg = f"{path.name} does not fit the network {name!r} of {MANIFEST}"
        raise WeightsError(msg) from error
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


def save_network(network: ResUNet, name: str, *, folder: Path, about: dict[str, Any]) -> Path:
    """Write a network and its manifest entry (`about`: recipe, data, terms) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    statistics = {key for key, _ in network.named_buffers()}
    tensors = {
        key: (tensor if key in statistics else tensor.half()).cpu().contiguous()
        for key, tensor in network.state_dict().items()
    }
    content = save_tensors(tensors)
    path = folder / f"{name}.safetensors"
    _write(path, content)
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else {}
    manifest[name] = {
        "file": path.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "config": asdict(network.config),
        **about,
    }
    _write(folder / MANIFEST, (json.dumps(manifest, indent=2, sort_keys=True) + "\n").encode())
    return path


def _single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)

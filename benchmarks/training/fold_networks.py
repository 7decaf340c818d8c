"""The networks of the folds of an ablation, each with the patients whom it has never seen."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import save_network
from acsnet.nets.weights import SHIPPED, read_manifest
from training.ablation_arms import BASE


def fold_networks(run: Path) -> Iterator[tuple[ResUNet, list[str]]]:
    """Each fold's MYO network of the arm `base`; run: of `benchmarks/ablation.py`."""
    parts = json.loads((run / "settings.json").read_text())["folds"]
    for number, names in enumerate(parts, start=1):
        folder = run / f"fold-{number}" / BASE
        content = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
        recipe = json.loads((folder / "recipe.json").read_text())
        network = ResUNet(ResUNetConfig(**recipe["net"]))
        network.load_state_dict(content["average"])
        yield network.eval(), names


def fold_weights(run: Path) -> Iterator[tuple[Path, list[str]]]:
    """Weights folders of the shipped networks, with each fold's MYO network in place of theirs."""
    about = {"cleanup": read_manifest(SHIPPED)["myo"]["cleanup"]}
    for number, (network, names) in enumerate(fold_networks(run), start=1):
        folder = run / f"fold-{number}" / "weights"
        shutil.copytree(SHIPPED, folder, dirs_exist_ok=True)
        save_network(network, "myo", folder=folder, about=about)
        yield folder, names

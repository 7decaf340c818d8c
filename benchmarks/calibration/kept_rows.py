"""What networks gave for a scan, computed once and kept: one JSON file each, on all cores."""

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.special import logit

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.test_time_augmentation import ALL_VIEWS
from acsnet.nets.torch_network import TorchNetwork
from acsnet.nets.weights import SHIPPED, read_manifest
from acsnet.pipeline import Pipeline
from acsnet.stages.myocardium import ENHANCEMENT_THRESHOLD, WALL_THRESHOLD
from acsnet.storage import write_json
from acsnet.train.data.case import SCAR, WALL
from acsnet.train.data.lists import emidec_cases
from training.ablation import BASE, probabilities

Row = dict[str, Any]
"""What one scan gave, as plain values for JSON."""


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The shipped chain, or with the network of stage 2 of a fold of an ablation in it.

    fold: its folder, as `benchmarks/ablation.py` leaves it; None for the shipped network.
    """

    data: Path
    fold: Path | None = None

    @property
    def name(self) -> str:
        """Changes with the weights."""
        if self.fold is None:
            return f"shipped-{read_manifest(SHIPPED)['myo']['sha256'][:12]}"
        checkpoint = (self.fold / BASE / "checkpoint.pt").read_bytes()
        return f"fold-{hashlib.sha256(checkpoint).hexdigest()[:12]}"

    @property
    def never_seen(self) -> list[str]:
        """The patients that the fold's network was trained without."""
        if self.fold is None:
            msg = "the shipped network has no fold"
            raise ValueError(msg)
        number = int(self.fold.name.rpartition("-")[2])
        settings = json.loads((self.fold.parent / "settings.json").read_text())
        held_out: list[str] = settings["folds"][number - 1]
        return held_out

    def pipeline(self) -> Pipeline:
        """The chain with uncertainty, on one core; loaded once in a process."""
        return _loaded(self)


@cache
def _loaded(networks: Networks) -> Pipeline:
    torch.set_num_threads(1)
    shipped = Pipeline.load(uncertainty=True, threads=1)
    if networks.fold is None:
        return shipped
    folder = networks.fold / BASE
    recipe = json.loads((folder / "recipe.json").read_text())
    content = torch.load(folder / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = ResUNetConfig(**recipe["net"]).build()
    network.load_state_dict(content["average"])
    unbiased = _without_bias(network.eval(), networks.data, networks.never_seen)
    return replace(shipped, myocardium_net=TorchNetwork(network=unbiased))


def _without_bias(network: ResUNet, data: Path, names: list[str]) -> ResUNet:
    """The network, its outputs shifted so that our thresholds give the experts' total volumes."""
    drawn: list[list[NDArray[np.float32]]] = [[], []]
    volumes = [0, 0]
    for case in emidec_cases(data, names):
        probability = probabilities(network, case, views=ALL_VIEWS)
        for k, mask in enumerate((case.tissue >= WALL, case.tissue == SCAR)):
            drawn[k].append(probability[k][probability[k] > 0.0])
            volumes[k] += int(mask.sum())
    for k, threshold in enumerate((WALL_THRESHOLD, ENHANCEMENT_THRESHOLD)):
        own = float(np.sort(np.concatenate(drawn[k]))[-volumes[k]])
        with torch.no_grad():
            network.head.bias[k] += float(logit(threshold) - logit(own))
    return network


def kept_rows(folder: Path, names: Sequence[str], compute: Callable[[str], Row]) -> list[Row]:
    """`compute` of each name, from FOLDER/<name>.json where it is there; it must be picklable."""
    missing = [name for name in names if not (folder / f"{name}.json").is_file()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        cores = min(len(os.sched_getaffinity(0)), len(missing))
        with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
            waiting = {pool.submit(compute, name): name for name in missing}
            for done in track(as_completed(waiting), description=folder.name, total=len(missing)):
                write_json(folder / f"{waiting[done]}.json", done.result())
    return [json.loads((folder / f"{name}.json").read_text()) for name in names]

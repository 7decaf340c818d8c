"""What networks gave for a scan, computed once and kept, on all cores."""

import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

import acsnet
from acsnet.nets.weights import MANIFEST, RANGES, SHIPPED, read_manifest
from acsnet.pipeline import Pipeline
from acsnet.storage import write_json

Row = dict[str, Any]
"""What one scan gave, as plain values for JSON."""

PACKAGE = Path(acsnet.__file__).parent
RULES = (
    "anatomy",
    "denoising.py",
    "evaluate/robustness",
    "masks.py",
    "nets",
    "phantom",
    "pipeline.py",
    "preprocess.py",
    "quantify",
    "stages",
    "uncertainty",
)
"""Parts of the package that decide what a scan, or a repeat of it, gives, beside the weights."""

GROWN_SCAR = Path(__file__).parent / "grown_scar.py"


def networks_name() -> str:
    """The first digits of the digest of the myo network: changes with the weights."""
    digest: str = read_manifest(SHIPPED)["myo"]["sha256"]
    return digest[:12]


def pipeline_name(weights: Path = SHIPPED) -> str:
    """The first digits of a digest of weights, ranges and rules: rows of others are not ours."""
    paths = [weights / MANIFEST, weights / RANGES, GROWN_SCAR]
    for part in RULES:
        path = PACKAGE / part
        paths += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return sha256(b"".join(path.read_bytes() for path in paths)).hexdigest()[:12]


@cache
def pipeline(weights: Path = SHIPPED) -> Pipeline:
    """The networks of a folder with uncertainty, on one core; loaded once in a process."""
    torch.set_num_threads(1)
    return Pipeline.load(weights=weights, uncertainty=True, threads=1)


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

"""A GPU measured in under five minutes: a scan, a cohort, a training, and one by torchrun.

Scans are phantoms, and what is trained on is noise: only time is measured. `--device cpu --tiny`
goes the same ways on any machine, in a minute.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from acsnet.cohort.case_worker import CohortOptions
from acsnet.cohort.run import run_cohort
from acsnet.io import read_scan
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.pipeline import Pipeline
from acsnet.train.distributed import joined, launched
from acsnet.train.loop import HISTORY, train
from acsnet.train.recipes import RECIPES
from acsnet.train.samples.slices import SAMPLE_SIDE, SOURCES, Samples, stack_neighbours
from shared.phantom_files import write_nifti

SLICES = 10
BATCH = 64
PARTS = ("scan", "cohort", "training", "torchrun")


def main() -> None:
    """Print seconds a scan by stage, scans and images a second of a cohort and of training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="as little as goes every way")
    parser.add_argument("--workers", type=int, help="of the cohort; default: its own")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    measures = {
        "scan": lambda: scan(args.device, runs=2 if args.tiny else 20),
        "cohort": lambda: cohort(args.device, scans=4 if args.tiny else 400, workers=args.workers),
        "training": lambda: training(args.device, images=64 if args.tiny else 20_000),
        "torchrun": lambda: torchrun(args.device, tiny=args.tiny),
    }
    report = {"device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu"}
    report |= {"cores": os.cpu_count(), "torch": torch.__version__}
    for part in [args.only] if args.only else PARTS:
        report[part] = measures[part]()
    if launched(args.device).first:
        Console().print_json(data=report)
        if args.json:
            args.json.write_text(json.dumps(report, indent=2) + "\n")


def phantom(folder: Path, *, name: str = "phantom") -> Path:
    """A phantom of ten slices as a file."""
    spec = PhantomSpec(name=name, seed=0, slices=SLICES, matrix=(256, 216), lv_length_mm=90.0)
    return write_nifti(make_phantom(spec), folder)


def scan(device: str, *, runs: int) -> dict[str, float]:
    """Medians of seconds, file to features, warm, by stage."""
    pipeline = Pipeline.load(device=device)
    with tempfile.TemporaryDirectory() as temporary:
        file = phantom(Path(temporary))
        rows = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            result = pipeline(read_scan(file))
            result.features_dict()
            rows.append({"all": time.perf_counter() - start, **result.seconds})
    warm = rows[1:]
    return {stage: round(statistics.median(row[stage] for row in warm), 4) for stage in warm[0]}


def cohort(device: str, *, scans: int, workers: int | None) -> dict[str, float]:
    """Scans a second from the first result to the last."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        file = phantom(folder / "scans")
        content = file.read_bytes()
        for number in range(scans - 1):
            (file.parent / f"copy{number:04d}.nii.gz").write_bytes(content)
        outcomes = run_cohort(
            str(file.parent),
            output=folder / "out",
            options=CohortOptions(),
            device=device,
            workers=workers,
        )
        times = [time.perf_counter() for outcome in outcomes if outcome.computed]
    rate = (len(times) - 1) / (times[-1] - times[0])
    return {"scans": len(times), "scans_a_second": round(rate, 2)}


def training(device: str, *, images: int) -> dict[str, float]:
    """Images a second of the second of two epochs of the MYO recipe, of all processes together."""
    rng = np.random.default_rng(0)
    count = 640
    samples = Samples(
        images=rng.integers(0, 256, (count, 2, SAMPLE_SIDE, SAMPLE_SIDE), np.uint8),
        tissue=rng.integers(0, 4, (count, SAMPLE_SIDE, SAMPLE_SIDE), np.uint8),
        source=(np.arange(count) % len(SOURCES)).astype(np.uint8),
        patient=np.arange(count, dtype=np.int32),
        neighbours=stack_neighbours([SLICES] * (count // SLICES)),
    )
    recipe = replace(RECIPES["myo"], epochs=2, images_an_epoch=images, batch=min(BATCH, images))
    with tempfile.TemporaryDirectory() as temporary, joined(launched(device)) as processes:
        folder = Path(temporary)
        train(recipe, samples, folder, processes=processes, console=Console(quiet=True))
        if not processes.first:
            return {}
        last = (folder / HISTORY).read_text().splitlines()[-1]
    seconds = float(last.rpartition(",")[2])
    rate = images / max(seconds, 0.1)
    return {"processes": processes.size, "images_a_second": round(rate, 1)}


def torchrun(device: str, *, tiny: bool) -> dict[str, float]:
    """The same on every GPU; on the CPU by two processes."""
    count = torch.cuda.device_count() if device == "cuda" else 2
    with tempfile.TemporaryDirectory() as temporary:
        answer = Path(temporary) / "report.json"
        options = ["--device", device, "--only", "training", "--json", str(answer)]
        launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        call = [sys.executable, "-m", *launcher, __file__, *options, *(["--tiny"] if tiny else [])]
        subprocess.run(call, check=True, capture_output=True)  # noqa: S603 # this program itself
        return json.loads(answer.read_text())["training"]


if __name__ == "__main__":
    main()

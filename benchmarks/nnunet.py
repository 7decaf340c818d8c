"""The chain against nnU-Net v2 on one scan: its own plans, networks and predictor, on the CPU.

Only time is measured, so nnU-Net's weights are random: they do not change its work. Both go from
file to file in one process, with the same threads, after one run to warm up. What nnU-Net does by
default is the mean of five networks, each over all mirrors; one network alone is measured, too.
Needs the extra `bench`: `pip install -e ".[bench]"`.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from acsnet.io import read_scan
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.phantom.write import write_nifti, write_truth
from acsnet.pipeline import Pipeline
from acsnet.write import write_result

DATASET = "Dataset001_LGE"
CASES = 12
"""Scans that the plans are made for."""

SLICES = 10
"""Of the scan that is measured."""

CONFIGURATIONS = {"2d": (0, 1), "3d_fullres": (0, 1, 2)}
"""With the axes that each mirrors by default."""

LABELS = {"background": 0, "lv_blood_pool": 1, "lv_myocardium": 2, "scar": 3}

WAYS = ((5, True), (1, True), (1, False))
"""Networks (folds), and whether they mirror; the first is the default."""

Image = nib.Nifti1Image


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to segment the scan; seconds, cpu_seconds: medians of its runs."""

    name: str
    seconds: float
    cpu_seconds: float
    patch: str = ""


def main() -> None:
    """Print seconds and ratios to the chain; write them as JSON, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="plans and scan from its EMIDEC train list")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    parser.add_argument("--runs", type=int, default=3, help="of each, after one to warm up")
    parser.add_argument("--only", choices=tuple(CONFIGURATIONS), help="one configuration")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scan = write_dataset(emidec(args.data) if args.data else phantoms(folder), folder)
        shape = read_scan(scan).pixels.shape
        with redirect_stdout(StringIO()):
            make_plans(folder)
            for configuration in [args.only] if args.only else CONFIGURATIONS:
                for folds, mirroring in WAYS:
                    rows.append(nnunet(scan, folder, configuration, folds, mirroring, args.runs))
        rows.append(chain(scan, folder, args.runs))
    report = {
        "scan": "EMIDEC train" if args.data else "phantom",
        "slices, rows, columns": shape,
        "threads": torch.get_num_threads(),
        "nnunet_weights": "random",
        "rows": [{**asdict(row), "ratio": row.seconds / rows[-1].seconds} for row in rows],
    }
    show(report)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


def write_dataset(cases: Iterator[tuple[Image, Image]], folder: Path) -> Path:
    """Lay scans out as nnU-Net wants them; gives the first that has `SLICES` slices."""
    raw = folder / "raw" / DATASET
    for name in ("imagesTr", "labelsTr"):
        (raw / name).mkdir(parents=True)
    chosen = []
    for number, (image, labels) in enumerate(cases):
        scan = raw / "imagesTr" / f"case{number:02d}_0000.nii.gz"
        nib.save(image, scan)
        drawn = np.minimum(np.asarray(labels.dataobj), LABELS["scar"]).astype(np.uint8)
        nib.save(Image(drawn, image.affine), raw / "labelsTr" / f"case{number:02d}.nii.gz")
        if image.shape[2] == SLICES:
            chosen.append(scan)
    described = {
        "channel_names": {"0": "LGE"},
        "labels": LABELS,
        "numTraining": len(list((raw / "labelsTr").iterdir())),
        "file_ending": ".nii.gz",
    }
    (raw / "dataset.json").write_text(json.dumps(described))
    return chosen[0]


def phantoms(folder: Path) -> Iterator[tuple[Image, Image]]:
    """Phantoms of a usual matrix and what is where in them; grey zone and core are both scar."""
    for seed in range(CASES):
        spec = PhantomSpec(
            name=f"p{seed}", seed=seed, slices=SLICES, matrix=(256, 216), lv_length_mm=90.0
        )
        phantom = make_phantom(spec)
        image = write_nifti(phantom, folder / "phantoms")
        write_truth(phantom, folder / "truth")
        yield nib.load(image), nib.load(folder / "truth" / image.name)


def emidec(data: Path) -> Iterator[tuple[Image, Image]]:
    """The first scans of the train list, and the first of them with `SLICES` slices."""
    names = json.loads((data / "splits.json").read_text())["emidec"]["train"]
    pairs = [
        tuple(nib.load(data / "emidec" / kind / f"{name}.nii.gz") for kind in ("images", "labels"))
        for name in names
    ]
    first = next(k for k, (image, _) in enumerate(pairs) if image.shape[2] == SLICES)
    return iter([pairs[k] for k in sorted({first, *range(CASES - 1)})])


def make_plans(folder: Path) -> None:
    """Fingerprint and plans, as `nnUNetv2_plan_and_preprocess` makes them by default."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
    )

    extract_fingerprints([1], num_processes=1, show_progress_bar=False)
    plan_experiments([1])


def nnunet(
    scan: Path, folder: Path, configuration: str, folds: int, mirroring: bool, runs: int
) -> Row:
    """nnU-Net with random weights, mirroring over its default axes or not at all."""
    from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    plans = PlansManager(str(folder / "preprocessed" / DATASET / "nnUNetPlans.json"))
    described = json.loads((folder / "raw" / DATASET / "dataset.json").read_text())
    chosen = plans.get_configuration(configuration)
    torch.manual_seed(0)
    network = nnUNetTrainer.build_network_architecture(
        plans, chosen, 1, len(LABELS), enable_deep_supervision=False
    )
    predictor = nnUNetPredictor(
        use_mirroring=mirroring, device=torch.device("cpu"), allow_tqdm=False
    )
    predictor.manual_initialization(
        network,
        plans,
        chosen,
        [network.state_dict()] * folds,
        described,
        nnUNetTrainer.__name__,
        CONFIGURATIONS[configuration],
    )

    def predict() -> None:
        predictor.predict_from_files_sequential([[str(scan)]], [str(folder / "drawn")])

    seconds, cpu_seconds = timed(predict, runs)
    return Row(
        name=f"nnU-Net {configuration}, {folds} fold{'s' if folds > 1 else ''}, "
        f"{'mirroring' if mirroring else 'no mirroring'}",
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        patch=" x ".join(map(str, chosen.patch_size)),
    )


def chain(scan: Path, folder: Path, runs: int) -> Row:
    """Ours, with all measures."""
    pipeline = Pipeline.load()
    seconds, cpu_seconds = timed(lambda: write_result(pipeline(read_scan(scan)), folder), runs)
    return Row(name="acsnet", seconds=seconds, cpu_seconds=cpu_seconds)


def timed(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Medians of seconds, by the clock and of all threads."""
    work()
    seconds, cpu_seconds = [], []
    for _ in range(runs):
        start, cpu = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu)
    return statistics.median(seconds), statistics.median(cpu_seconds)


def show(report: dict) -> None:
    """Print a table."""
    slices, rows, columns = report["slices, rows, columns"]
    console = Console(width=100)
    console.print(
        f"{report['scan']} scan, {slices} slices of {rows} x {columns}, {report['threads']} "
        "threads; nnU-Net with random weights. Research use only.",
        highlight=False,
    )
    table = Table("", "patch", "seconds", "CPU seconds", "times acsnet")
    for row in report["rows"]:
        numbers = f"{row['seconds']:.2f}", f"{row['cpu_seconds']:.2f}", f"{row['ratio']:.1f}"
        table.add_row(row["name"], row["patch"], *numbers)
    console.print(table)


if __name__ == "__main__":
    main()

"""The chain against nnU-Net v2 on one scan: its own plans, networks and predictor, on the CPU.

Only time is measured, so nnU-Net's weights are random: they do not change its work. Both go from
file to file in one process, with the same threads and in turns, so that whatever else the machine
does meets both. What nnU-Net does by default is the mean of five networks, each over all mirrors;
in 3-D, where that takes very long, only one network is measured. Needs the extra `bench`:
`pip install -e ".[bench]"`.
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

from acsnet.export import write_result
from acsnet.io import read_scan
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.pipeline import Pipeline
from shared.phantom_files import write_nifti, write_truth

DATASET = "Dataset001_LGE"
CASES = 12
"""Scans that the plans are made for."""

SLICES = 10
"""Of the scan that is measured."""

CONFIGURATIONS = {"2d": (0, 1), "3d_fullres": (0, 1, 2)}
"""With the axes that each mirrors by default."""

LABELS = {"background": 0, "lv_blood_pool": 1, "lv_myocardium": 2, "scar": 3}

WAYS = {
    "2d": ((1, False), (5, False), (1, True), (5, True)),
    "3d_fullres": ((1, False), (1, True)),
}
"""Networks (folds), and whether they mirror; five that do are the default."""

ENOUGH_SECONDS = 20.0
"""A way that took so long is not measured again."""

Image = nib.Nifti1Image


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Medians of seconds: by the clock, and of all threads."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way of nnU-Net to segment the scan, and the chain in turns with it."""

    name: str
    patch: str
    nnunet: Taken
    acsnet: Taken

    @property
    def ratio(self) -> float:
        """How many times as long nnU-Net takes."""
        return self.nnunet.seconds / self.acsnet.seconds


def main() -> None:
    """Print seconds and ratios to the chain; write them as JSON, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="plans and scan from its EMIDEC train list")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    parser.add_argument("--runs", type=int, default=3, help="of each, fewer of slow ones")
    parser.add_argument("--only", choices=tuple(CONFIGURATIONS), help="one configuration")
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scan = write_dataset(emidec(args.data) if args.data else phantoms(folder), folder)
        shape = read_scan(scan).pixels.shape
        pipeline = Pipeline.load()

        def chain() -> None:
            write_result(pipeline(read_scan(scan)), folder)

        chain()
        with redirect_stdout(StringIO()):
            make_plans(folder)
            for configuration in [args.only] if args.only else CONFIGURATIONS:
                for folds, mirroring in WAYS[configuration]:
                    predict, patch = nnunet(scan, folder, configuration, folds, mirroring)
                    theirs, ours = in_turns(predict, chain, args.runs)
                    name = f"{configuration}, {folds} fold{'s' if folds > 1 else ''}, "
                    name += "mirroring" if mirroring else "no mirroring"
                    rows.append(Row(name=name, patch=patch, nnunet=theirs, acsnet=ours))
    report = {
        "scan": "EMIDEC train" if args.data else "phantom",
        "slices, rows, columns": shape,
        "threads": torch.get_num_threads(),
        "nnunet_weights": "random",
        "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
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
    scan: Path, folder: Path, configuration: str, folds: int, mirroring: bool
) -> tuple[Callable[[], None], str]:
    """nnU-Net with random weights, mirroring over its default axes or not at all; its patch."""
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

    return predict, " x ".join(map(str, chosen.patch_size))


def in_turns(
    theirs: Callable[[], None], ours: Callable[[], None], runs: int
) -> tuple[Taken, Taken]:
    """Medians of both. The first turn warms up, and counts only where it took too long for more."""
    turns: list[tuple[Taken, ...]] = []
    while len(turns) <= runs and sum(turn[0].seconds for turn in turns) < ENOUGH_SECONDS:
        # Ours twice: nnU-Net leaves nothing of it in the processor's cache.
        turns.append((timed(theirs), timed(ours), timed(ours)))
    kept = turns[1:] or turns
    return median([turn[0] for turn in kept]), median([one for turn in kept for one in turn[1:]])


def median(taken: list[Taken]) -> Taken:
    """Of each kind of seconds."""
    return Taken(
        seconds=statistics.median(one.seconds for one in taken),
        cpu_seconds=statistics.median(one.cpu_seconds for one in taken),
    )


def timed(work: Callable[[], None]) -> Taken:
    """One call."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(seconds=time.perf_counter() - start, cpu_seconds=time.process_time() - cpu)


def show(report: dict) -> None:
    """Print a table."""
    slices, rows, columns = report["slices, rows, columns"]
    console = Console(width=110)
    console.print(
        f"{report['scan']} scan, {slices} slices of {rows} x {columns}, {report['threads']} "
        "threads; nnU-Net with random weights. Research use only.",
        highlight=False,
    )
    table = Table("nnU-Net", "patch", "seconds", "CPU seconds", "acsnet", "CPU seconds", "ratio")
    for row in report["rows"]:
        taken = [row[who][of] for who in ("nnunet", "acsnet") for of in ("seconds", "cpu_seconds")]
        numbers = (f"{value:.2f}" for value in taken)
        table.add_row(row["name"], row["patch"], *numbers, f"{row['ratio']:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()

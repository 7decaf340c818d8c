"""The chain against MONAI Label's stock way to run the same networks on one scan, on the CPU.

Stock is a `BasicInferTask` with the steps of the sample app "radiology", slice by slice: MONAI's
transforms, its window that slides over the whole image with that app's batch and overlap, its
restoring, its writer. Networks and weights are the same; what they see is not (each channel is the
slice itself), so that only time is compared. Stock leaves out anatomy, core scar and measures.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from monai.inferers import Inferer, SliceInferer
from monai.transforms import (
    AsDiscreted,
    DeleteItemsd,
    EnsureChannelFirstd,
    EnsureTyped,
    Lambdad,
    LoadImaged,
    NormalizeIntensityd,
    Orientationd,
    ScaleIntensityd,
    Spacingd,
)
from monailabel.interfaces.tasks.infer_v2 import InferType
from monailabel.tasks.infer.basic_infer import BasicInferTask
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from acsnet.export import write_result
from acsnet.io import read_scan
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import load_network
from acsnet.nets.view_averaging import mean_probability
from acsnet.nets.views import ALL_VIEWS, AS_IT_IS, View
from acsnet.pipeline import Pipeline
from acsnet.preprocess import STANDARD_MM
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.stages.roi import ROI_MM, ROI_SIDE

NETWORKS = {"roi": (ROI_SIDE, ROI_MM), "myo": (MYO_SIDE, STANDARD_MM)}
"""Side of the images that each sees, and their pixel in mm."""

BATCH, OVERLAP = 2, 0.4
"""Of the sliding window in the sample app."""

ENOUGH_SECONDS = 20.0
"""A way that took so long is not measured again."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One way to segment the scan; seconds, cpu_seconds: medians of its runs."""

    name: str
    seconds: float
    cpu_seconds: float


class OneChannel(nn.Module):
    """A network that is given one channel, and sees it in all of its own."""

    def __init__(self, network: ResUNet, views: Sequence[View]) -> None:
        super().__init__()
        self.network = network
        self.views = views

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, S, S) -> probabilities (N, outputs, S, S)."""
        seen = images.as_tensor() if hasattr(images, "as_tensor") else images
        channels = self.network.config.inputs
        drawn = mean_probability(self.network, seen.expand(-1, channels, -1, -1), self.views)
        return drawn.clone()  # made in inference mode, and the window multiplies it in place


class StockTask(BasicInferTask):
    """The steps of the sample app's `Segmentation`, in two dimensions."""

    def __init__(self, name: str, views: Sequence[View]) -> None:
        side, self.pixel_mm = NETWORKS[name]
        super().__init__(
            path=None,
            network=OneChannel(load_network(name, ResUNet), views),
            type=InferType.SEGMENTATION,
            labels={name: 1},
            dimension=3,
            description=name,
            roi_size=(side, side),
        )

    def pre_transforms(self, data: Any = None) -> Sequence[Callable[..., Any]]:
        """As in the sample app; slices keep their distance."""
        return [
            LoadImaged(keys="image"),
            DeleteItemsd(keys="image_path"),  # text, which MONAI's Spacingd takes for metadata
            EnsureTyped(keys="image"),
            EnsureChannelFirstd(keys="image"),
            Orientationd(keys="image", axcodes="RAS", labels=None),
            Spacingd(keys="image", pixdim=(self.pixel_mm, self.pixel_mm, -1)),
            NormalizeIntensityd(keys="image", nonzero=True),
            ScaleIntensityd(keys="image", minv=0.0, maxv=1.0),
        ]

    def inferer(self, data: Any = None) -> Inferer:
        """MONAI's, over the whole image."""
        return SliceInferer(
            spatial_dim=2,
            roi_size=self.roi_size,
            sw_batch_size=BATCH,
            overlap=OVERLAP,
            padding_mode="replicate",
            mode="gaussian",
        )

    def inverse_transforms(self, data: Any = None) -> Sequence[Callable[..., Any]]:
        """All of them, as in the sample app: the way back to the scan's grid."""
        return []

    def post_transforms(self, data: Any = None) -> Sequence[Callable[..., Any]]:
        """A threshold, as the network gives probabilities already, and one map of all outputs."""
        return [
            EnsureTyped(keys="pred"),
            AsDiscreted(keys="pred", threshold=0.5),
            Lambdad(keys="pred", func=lambda masks: masks.amax(0)),
        ]


def main() -> None:
    """Print seconds and ratios to the chain; write them as JSON, too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path, help="NIfTI file, along the axes of the patient")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    parser.add_argument("--runs", type=int, default=5, help="of each, fewer of slow ones")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    rows = [
        stock(args.scan, "MONAI Label stock, as it lies", AS_IT_IS, args.runs),
        stock(args.scan, "MONAI Label stock, all turns and mirrors", ALL_VIEWS, args.runs),
        chain(args.scan, args.runs),
    ]
    shape = read_scan(args.scan).pixels.shape
    report = {
        "scan": args.scan.name,
        "slices, rows, columns": shape,
        "threads": torch.get_num_threads(),
        "rows": [{**asdict(row), "ratio": row.seconds / rows[-1].seconds} for row in rows],
    }
    console = Console(width=100)
    slices, height, width = shape
    console.print(
        f"{args.scan.name}, {slices} slices of {height} x {width}, {report['threads']} threads. "
        "Research use only.",
        highlight=False,
    )
    table = Table("", "seconds", "CPU seconds", "times acsnet")
    for row in report["rows"]:
        numbers = f"{row['seconds']:.2f}", f"{row['cpu_seconds']:.2f}", f"{row['ratio']:.1f}"
        table.add_row(row["name"], *numbers)
    console.print(table)
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")


def stock(scan: Path, name: str, views: Sequence[View], runs: int) -> Row:
    """Both networks, one task after the other, from file to file."""
    tasks = [StockTask(network, views) for network in NETWORKS]

    def run() -> None:
        for task in tasks:
            file, _ = task({"image": str(scan), "device": "cpu", "result_extension": ".nii.gz"})
            Path(file).unlink()

    seconds, cpu_seconds = timed(run, runs)
    return Row(name=name, seconds=seconds, cpu_seconds=cpu_seconds)


def chain(scan: Path, runs: int) -> Row:
    """Ours, with anatomy and all measures."""
    pipeline = Pipeline.load()
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu_seconds = timed(
            lambda: write_result(pipeline(read_scan(scan)), Path(folder)), runs
        )
    return Row(name="acsnet, the whole chain", seconds=seconds, cpu_seconds=cpu_seconds)


def timed(work: Callable[[], object], runs: int) -> tuple[float, float]:
    """Medians of seconds, by the clock and of all threads.

    The first run warms up, and counts only where it took so long that no other follows.
    """
    seconds, cpu_seconds = [], []
    while len(seconds) <= runs and sum(seconds) < ENOUGH_SECONDS:
        start, cpu = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu)
    return statistics.median(seconds[1:] or seconds), statistics.median(
        cpu_seconds[1:] or cpu_seconds
    )


if __name__ == "__main__":
    main()

"""The chain against MONAI Label's stock way to run the same networks on one scan, on the CPU.

Stock is a `BasicInferTask` for each network with the steps of the sample app "radiology", slice by
slice: MONAI's transforms, its window that slides over the whole image with that app's batch and
overlap, its way back and its writer. Networks and weights are the same; what they see is not (each
channel is the slice itself), so that only time is compared. Stock leaves out anatomy and measures.
"""

import argparse
import logging
import tempfile
from collections.abc import Callable, Sequence
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
from monailabel.transform.writer import Writer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from acsnet.export import write_result
from acsnet.io import read_scan
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import load_network
from acsnet.pipeline import Pipeline
from acsnet.preprocess import STANDARD_MM
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.stages.roi import ROI_MM, ROI_SIDE
from nnunet import in_turns

NETWORKS = {"roi": (ROI_SIDE, ROI_MM), "myo": (MYO_SIDE, STANDARD_MM)}
"""Side of the images that each sees, and their pixel in mm."""

REQUEST = {"device": "cpu", "result_extension": ".nii.gz", "result_dtype": "uint8"}

BATCH, OVERLAP = 2, 0.4
"""Of the sliding window in the sample app."""


class OneChannel(nn.Module):
    """A network that is given one channel, and sees it in all of its own."""

    def __init__(self, network: ResUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, S, S) -> probabilities (N, outputs, S, S)."""
        return torch.sigmoid(self.network(images.expand(-1, self.network.config.inputs, -1, -1)))


class StockTask(BasicInferTask):
    """The steps of the sample app's `Segmentation`, in two dimensions."""

    def __init__(self, name: str) -> None:
        side, self.pixel_mm = NETWORKS[name]
        super().__init__(
            path=None,
            network=OneChannel(load_network(name, ResUNet)),
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

    def writer(self, data: Any, extension: Any = None, dtype: Any = None) -> tuple[Any, Any]:
        """MONAI Label's, by nibabel: the usual one needs ITK, which is not installed."""
        return Writer(label=self.output_label_key, nibabel=True)(data)


def main() -> None:
    """Print seconds and CPU seconds of both, run in turns, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path, help="NIfTI file, along the axes of the patient")
    parser.add_argument("--runs", type=int, default=5, help="of each, in turns")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    pipeline, tasks = Pipeline.load(), [StockTask(name) for name in NETWORKS]

    def stock() -> None:
        for task in tasks:
            file, _ = task({**REQUEST, "image": str(args.scan)})
            Path(file).unlink()

    with tempfile.TemporaryDirectory() as folder:

        def chain() -> None:
            write_result(pipeline(read_scan(args.scan)), Path(folder))

        theirs, ours = in_turns(stock, chain, args.runs)
    table = Table("", "seconds", "CPU seconds")
    for name, taken in (("MONAI Label stock", theirs), ("acsnet, the whole chain", ours)):
        table.add_row(name, f"{taken.seconds:.2f}", f"{taken.cpu_seconds:.2f}")
    seconds, cpu = theirs.seconds / ours.seconds, theirs.cpu_seconds / ours.cpu_seconds
    table.add_row("times as long", f"{seconds:.1f}", f"{cpu:.1f}")
    slices, height, width = read_scan(args.scan).pixels.shape
    about = f"{slices} slices of {height} x {width}, threads: {torch.get_num_threads()}"
    Console(width=100).print(f"{about}. Research use only.", table, sep="\n", highlight=False)


if __name__ == "__main__":
    main()

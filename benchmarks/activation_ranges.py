"""Measure the ranges of both networks for 8 bits, and write them beside their weights.

On scans of the EMIDEC train list without the patients that the MYO network was not trained on: they
are left to compare with (`benchmarks/views.py`). Run it again after a training.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.inference import BLACK_BEYOND, Form, load_segmenter
from acsnet.nets.weights import RANGES, SHIPPED, read_weights, save_ranges
from acsnet.preprocess import StandardScan, between_neighbours, pad_to_square, standardise
from acsnet.stages.myocardium import myocardium_crops
from acsnet.stages.roi import ROI_SIDE, THRESHOLD, clean_roi, predict_roi, roi_grid
from acsnet.train.activation_ranges import activation_ranges
from acsnet.train.data.lists import emidec_cases, training_names
from views import LEFT_OUT

SCANS = 16
"""Spread over the list, which begins with normal hearts."""


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="folder to write to, too")
    args = parser.parse_args()
    names = [n for n in training_names(args.data, "emidec") if n not in LEFT_OUT]
    names = [names[k] for k in np.linspace(0, len(names) - 1, SCANS).round().astype(int)]
    scans = [
        standardise(case.scan)
        for case in track(emidec_cases(args.data, names), total=SCANS, description="reading")
    ]
    for name, seen in (("roi", roi_images), ("myo", myocardium_images)):
        network = read_weights(name, ResUNetConfig, folder=args.weights)
        images = track(list(seen(scans, args.weights)), description=name)
        ranges = activation_ranges(network, images, black_beyond=name in BLACK_BEYOND)
        save_ranges(name, ranges, folder=args.weights)
    Console().print(f"{SCANS} scans -> {args.weights / RANGES}. Research use only.")


def roi_images(scans: list[StandardScan], weights: Path) -> Iterator[np.ndarray]:
    """What the ROI network sees of each slice."""
    stride = read_weights("roi", ResUNetConfig, folder=weights).config.stride
    for scan in scans:
        square = pad_to_square(roi_grid(scan.equalised) / 255.0, side=ROI_SIDE, multiple=stride)
        yield from between_neighbours(square)


def myocardium_images(scans: list[StandardScan], weights: Path) -> Iterator[np.ndarray]:
    """What the MYO network sees of each slice in which the ROI network finds a ventricle."""
    net = load_segmenter("roi", Form(folder=weights))
    for scan in scans:
        crops = myocardium_crops(scan, clean_roi(predict_roi(net, scan) > THRESHOLD))
        if crops is not None:
            yield from crops.images


if __name__ == "__main__":
    main()

"""Measure the ranges of both networks for 8 bits, and write them beside their weights.

A training does so at its end, on what it trained on; this is for the weights that are shipped, or
that came about in another way. The MYO network is measured on what it sees of scans in use, where
stage 1 finds the ROI: on 13 patients of the train list the burden then moved by -0.01 points on
average, and by -0.10 with the ROI of the expert. All are of the EMIDEC train list without the
patients that the MYO network was not trained on, which are left to compare with
(`benchmarks/views.py`).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from acsnet.nets.inference import Form, load_segmenter
from acsnet.nets.weights import RANGES, SHIPPED
from acsnet.preprocess import standardise
from acsnet.stages.myocardium import myocardium_crops
from acsnet.stages.roi import clean_roi, predict_roi
from acsnet.train.activation_ranges import SCANS, images_seen, measure_ranges
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.lists import cases_of, training_names
from acsnet.train.samples.prepare import join_samples
from acsnet.train.samples.slices import case_samples
from shared.left_out import LEFT_OUT


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="folder to write to, too")
    args = parser.parse_args()
    names = [n for n in training_names(args.data, "emidec") if n not in LEFT_OUT]
    names = [names[k] for k in np.linspace(0, len(names) - 1, SCANS).round().astype(int)]
    cases = list(cases_of(args.data, "emidec", names))
    parts = [[case_samples(case)] for case in track(cases, description="reading")]
    roi = images_seen("roi", join_samples(cases, parts, "roi"))
    measure_ranges("roi", list(roi), folder=args.weights)
    measure_ranges("myo", list(myocardium_images(cases, args.weights)), folder=args.weights)
    Console().print(f"{SCANS} scans -> {args.weights / RANGES}. Research use only.")


def myocardium_images(cases: list[TrainingCase], weights: Path) -> Iterator[np.ndarray]:
    """What the MYO network sees of each slice in which the ROI network finds a ventricle."""
    net = load_segmenter("roi", Form(folder=weights))
    for case in cases:
        scan = standardise(case.scan)
        crops = myocardium_crops(scan, clean_roi(predict_roi(net, scan)))
        if crops is not None:
            yield from crops.images


if __name__ == "__main__":
    main()

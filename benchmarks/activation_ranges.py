"""Measure the ranges of both networks for 8 bits, and write them beside their weights.

A training does so at its end; this is for weights that came about in another way. On scans of the
EMIDEC train list without the patients that the MYO network was not trained on: they are left to
compare with (`benchmarks/views.py`).
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from acsnet.nets.weights import RANGES, SHIPPED
from acsnet.train.activation_ranges import SCANS, measure_ranges
from acsnet.train.data.lists import emidec_cases, training_names
from acsnet.train.data.prepare import join_samples
from acsnet.train.data.samples import case_samples
from views import LEFT_OUT


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="folder to write to, too")
    args = parser.parse_args()
    names = [n for n in training_names(args.data, "emidec") if n not in LEFT_OUT]
    names = [names[k] for k in np.linspace(0, len(names) - 1, SCANS).round().astype(int)]
    cases = list(emidec_cases(args.data, names))
    parts = [[case_samples(case)] for case in track(cases, description="reading")]
    for name, offset in (("roi", 0), ("myo", 2)):
        measure_ranges(name, join_samples(cases, parts, offset), folder=args.weights)
    Console().print(f"{SCANS} scans -> {args.weights / RANGES}. Research use only.")


if __name__ == "__main__":
    main()

"""Seconds from a scan's file to its features, cold and warm, by stage."""

import argparse
import os
import statistics
import time
from pathlib import Path

import torch
from rich.console import Console

from acsnet.io import read_scan
from acsnet.pipeline import Pipeline

RUNS = 5


def main() -> None:
    """Print the first (cold) and the median of the following (warm) runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    args = parser.parse_args()
    console = Console()
    start = time.perf_counter()
    pipeline = Pipeline.load()
    loaded = time.perf_counter() - start
    seconds, results = [], []
    for _ in range(1 + RUNS):
        start = time.perf_counter()
        results.append(pipeline(read_scan(args.scan)))
        seconds.append(time.perf_counter() - start)
    slices = len(results[0].labels)
    console.print(
        f"{args.scan.name}: {slices} slices, {os.cpu_count()} processors, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}",
        highlight=False,
    )
    warm = statistics.median(seconds[1:])
    console.print(
        f"load {loaded:.2f} s, first scan {seconds[0]:.2f} s, warm {warm:.2f} s (median of {RUNS})",
        highlight=False,
    )
    for stage in results[0].seconds:
        share = statistics.median(result.seconds[stage] for result in results[1:])
        console.print(f"  {stage:12s} {share:.3f} s", highlight=False)


if __name__ == "__main__":
    main()

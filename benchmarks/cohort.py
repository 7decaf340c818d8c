"""Throughput of `acsnet cohort` against that of its workers alone, and what a kill at half costs.

Scans are phantoms; with --data every second one is of the EMIDEC train list, with noise, signal and
size of its own. The ideal is what processes reach on the same scans without Ray, with as many
threads as a worker has: one of them times the workers, and as many at once as there are workers,
which share memory and whatever else the machine does. Both are measured before and after the
cohort.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier
from typing import Any

import nibabel as nib
import numpy as np
from rich.console import Console

from acsnet.cohort.case_worker import CaseWorker, CohortOptions
from acsnet.cohort.run import run_cohort
from acsnet.cohort.sources import FileSource
from acsnet.export import RECORD
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import random_spec
from shared.phantom_files import write_nifti

PLAIN = 20
"""Scans of which the rate of a process is told."""

COMMAND = (sys.executable, "-c", "from acsnet.cli.main import main; main()", "cohort")


def main() -> None:
    """Print the share of the ideal, and cases that were computed twice after a kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="takes scans of its EMIDEC train list, too")
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    threads = max(1, (os.cpu_count() or 1) // args.workers)
    report: dict[str, Any] = {
        "scans": args.scans,
        "source": "phantoms and augmented EMIDEC train" if args.data else "phantoms",
        "workers": args.workers,
        "threads_each": threads,
    }

    def found(**more: Any) -> None:
        for name, value in more.items():
            Console().print(f"{name}: {value}", highlight=False, soft_wrap=True)
        report.update(more)
        if args.json:
            args.json.write_text(json.dumps(report, indent=2) + "\n")

    # Ray makes its workers give way to other programs; the plain processes do not.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 # so it is called
    found(**report)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        scans = write_scans(folder / "scans", count=args.scans, data=args.data)
        plain = [(n, plain_rate(scans, folder / "plain", threads, n)) for n in (1, args.workers)]
        cohort = throughput(folder / "scans", folder / "cohort", args.workers)
        plain += [(n, plain_rate(scans, folder / "plain", threads, n)) for n in (args.workers, 1)]
        one, many = (np.mean([rate for n, rate in plain if n == k]) for k in (1, args.workers))
        found(
            plain_scans_per_minute=plain,
            **cohort,
            share_of_one_times_workers=cohort["scans_per_minute"] / (args.workers * one),
            share_of_as_many_at_once=cohort["scans_per_minute"] / many,
        )
        found(**kill_at_half(folder / "scans", folder / "killed", args.workers, args.scans))


def write_scans(folder: Path, *, count: int, data: Path | None) -> list[Path]:
    """NIfTI files, each of another content."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    names = json.loads((data / "splits.json").read_text())["emidec"]["train"] if data else []
    written = []
    for number in range(count):
        name = f"scan{number:04d}"
        if names and number % 2:
            image = nib.load(
                data / "emidec" / "images" / f"{names[number // 2 % len(names)]}.nii.gz"
            )
            written.append(folder / f"{name}.nii.gz")
            nib.save(augmented(image, rng), written[-1])
        else:
            spec = replace(random_spec(rng), name=name)
            written.append(write_nifti(make_phantom(spec), folder))
    return written


def augmented(image: nib.Nifti1Image, rng: np.random.Generator) -> nib.Nifti1Image:
    """Another signal, noise on top, and pixels of another size."""
    pixels = image.get_fdata(dtype=np.float32)
    pixels = pixels ** rng.uniform(0.9, 1.1) + rng.normal(0, 0.02 * pixels.std(), pixels.shape)
    stretch = np.diag([*(rng.uniform(0.9, 1.1) * np.ones(2)), 1, 1])
    return nib.Nifti1Image(pixels.astype(np.float32), image.affine @ stretch)


def plain_rate(scans: Sequence[Path], output: Path, threads: int, processes: int) -> float:
    """Scans a minute of processes that start together, each on scans evenly taken from all."""
    chosen = [scans[k] for k in np.linspace(0, len(scans) - 1, PLAIN).astype(int)]
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(processes, mp_context=context) as pool:
        together = manager.Barrier(processes)
        places = [output / str(number) for number in range(processes)]
        runs = [pool.submit(_rate, chosen, place, threads, together) for place in places]
        rate = sum(run.result() for run in runs)
    shutil.rmtree(output)
    return rate


def _rate(scans: Sequence[Path], output: Path, threads: int, together: Barrier) -> float:
    worker = CaseWorker(output=output, options=CohortOptions(), device="cpu", threads=threads)
    worker.work(FileSource(case="warm", path=scans[0]))
    together.wait()
    start = time.perf_counter()
    for number, scan in enumerate(scans):
        worker.work(FileSource(case=str(number), path=scan))
    return 60 * len(scans) / (time.perf_counter() - start)


def throughput(scans: Path, output: Path, workers: int) -> dict[str, float]:
    """Of the cohort: while it runs, from first outcome to last, and with its start and end."""
    start, ended = time.perf_counter(), []
    for outcome in run_cohort(str(scans), output=output, options=CohortOptions(), workers=workers):
        if outcome.reason is not None:
            raise RuntimeError(outcome.reason)
        ended.append(time.perf_counter())
    whole = time.perf_counter() - start
    # The first outcome of each worker tells when it was ready.
    running = ended[-1] - ended[workers - 1]
    return {
        "scans_per_minute": 60 * (len(ended) - workers) / running,
        "start_seconds": ended[0] - start,
        "whole_seconds": whole,
    }


def kill_at_half(scans: Path, output: Path, workers: int, count: int) -> dict[str, int]:
    """Kill the command when half of the cases are done, and start it again."""
    command = [*COMMAND, str(scans), "--output", str(output), "--workers", str(workers)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    while len(_stamps(output)) < count // 2:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(10)  # until workers have noticed that nobody is there any more
    before = _stamps(output)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    after = _stamps(output)
    twice = sum(after[case] != stamp for case, stamp in before.items())
    shutil.rmtree(output)
    return {
        "done_when_killed": len(before),
        "done_at_the_end": len(after),
        "computed_twice": twice,
    }


def _stamps(output: Path) -> dict[str, int]:
    return {file.parent.name: file.stat().st_mtime_ns for file in output.glob(f"*/{RECORD}")}


if __name__ == "__main__":
    main()

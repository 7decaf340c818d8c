"""How time and memory grow: with slices, pixels, scans and workers. A plot of each, and a table.

Phantoms of one field of view, cut into more slices or pixels. For scans and workers they have four
slices, so that what the cohort adds to each scan shows. Sizes go up, so that the largest memory so
far is that of the size at hand.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import matplotlib as mpl
import psutil

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.ticker import FormatStrFormatter, LogLocator
from rich.console import Console

from acsnet.cohort.case_worker import CohortOptions
from acsnet.cohort.run import run_cohort
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from acsnet.pipeline import Pipeline
from shared.phantom_files import write_nifti

SLICES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
PIXELS = (128, 192, 256, 384, 512)
SCANS = (1, 10, 100, 1000)
FIELD_MM, LENGTH_MM = 320.0, 90.0
WORKER_SCANS = 100
ENOUGH_SECONDS = 10.0
"""A size that took so long is not measured again."""

RIGHT = {"memory_mb": "resident memory, MB", "scans_per_minute": "scans a minute"}

Point = dict[str, float]


def main() -> None:
    """Measure what is asked for, all by default; write growth-<curve>.png and growth.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of plots and numbers")
    parser.add_argument("--curve", choices=tuple(CURVES), action="append", help="only this one")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    # Ray makes its workers give way to other programs, which would count as growth.
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 # so it is called
    file = args.output / "growth.json"
    found = json.loads(file.read_text()) if file.is_file() else {}
    console = Console()
    for name in args.curve or CURVES:
        found[name] = CURVES[name]()
        for point in found[name]:
            console.print(name, point)
        draw(name, found[name], args.output / f"growth-{name}.png")
        file.write_text(json.dumps(found, indent=2) + "\n")


def in_slices() -> list[Point]:
    """One scan of 160 x 160 pixels, cut into more slices."""
    specs = [(n, spec(slices=n, pixels=160)) for n in SLICES]
    return alone("slices", specs)


def in_pixels() -> list[Point]:
    """One scan of ten slices, cut into more pixels."""
    return alone("pixels", [(n, spec(slices=10, pixels=n)) for n in PIXELS])


def in_scans() -> list[Point]:
    """A cohort of more scans on all cores."""
    return [cohort("scans", count, scans=count, workers=os.cpu_count() or 1) for count in SCANS]


def in_workers() -> list[Point]:
    """The same cohort with more workers."""
    counts = range(1, (os.cpu_count() or 1) + 1)
    return [cohort("workers", n, scans=WORKER_SCANS, workers=n) for n in counts]


CURVES = {
    "slices": in_slices,
    "pixels": in_pixels,
    "scans": in_scans,
    "workers": in_workers,
}


def spec(*, slices: int, pixels: int) -> PhantomSpec:
    """The same heart on another grid."""
    step = LENGTH_MM / slices
    return PhantomSpec(
        name="growth",
        seed=1,
        slices=slices,
        matrix=(pixels, pixels),
        spacing_mm=(step, FIELD_MM / pixels, FIELD_MM / pixels),
        first_slice_mm=step / 2,
        lv_length_mm=LENGTH_MM,
        scar_slices=(slices // 4, slices // 2),
    )


def alone(name: str, specs: list[tuple[int, PhantomSpec]]) -> list[Point]:
    """One process, warm, each size twice where that is soon done: the faster one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_alone, name, specs).result()


def _alone(name: str, specs: list[tuple[int, PhantomSpec]]) -> list[Point]:
    pipeline = Pipeline.load()
    pipeline(make_phantom(specs[0][1]).scan)
    points = []
    for size, one in specs:
        scan = make_phantom(one).scan
        seconds: list[float] = []
        while len(seconds) < 2 and sum(seconds) < ENOUGH_SECONDS:
            start = time.perf_counter()
            pipeline(scan)
            seconds.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        points.append({name: size, "seconds": min(seconds), "memory_mb": peak})
    return points


def cohort(name: str, size: int, *, scans: int, workers: int) -> Point:
    """A cohort of small scans; memory is that of the process which shares them out."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small = spec(slices=4, pixels=96)
        first = write_nifti(make_phantom(small), folder / "scans")
        content = first.read_bytes()
        for number in range(1, scans):
            (folder / "scans" / f"{number:05d}.nii.gz").write_bytes(content)
        start, ended = time.perf_counter(), []
        for outcome in run_cohort(
            str(folder / "scans"), output=folder / "out", options=CohortOptions(), workers=workers
        ):
            if outcome.reason is not None:
                raise RuntimeError(outcome.reason)
            ended.append(time.perf_counter())
        whole = time.perf_counter() - start
    memory = psutil.Process().memory_info().rss / 2**20
    running = ended[-1] - ended[0]
    rate = 60 * (len(ended) - 1) / running if running else 0.0
    return {name: size, "seconds": whole, "memory_mb": memory, "scans_per_minute": rate}


def draw(name: str, points: list[Point], file: Path) -> None:
    """Sizes and seconds in powers of ten; on the right memory, or scans a minute, from 0."""
    right = "scans_per_minute" if name == "workers" else "memory_mb"
    figure, axis = plt.subplots(figsize=(5, 3.5), layout="constrained")
    sizes = [point[name] for point in points]
    other = axis.twinx()
    seconds = [point["seconds"] for point in points]
    axis.plot(sizes, seconds, "o-", color="tab:blue")
    values = [point[right] for point in points]
    other.plot(sizes, values, "s--", color="tab:orange")
    axis.set(xlabel=name, xscale="log", yscale="log")
    axis.set_ylim(min(seconds) / 1.3, 1.3 * max(seconds))  # at least two ticks
    axis.set_ylabel("seconds", color="tab:blue")
    axis.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    axis.minorticks_off()
    other.set_ylabel(RIGHT[right], color="tab:orange")
    other.set_ylim(0, 1.1 * max(values))
    figure.savefig(file, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()

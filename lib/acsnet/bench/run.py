"""All measures of one machine, each taken in processes of its own."""

import os
import platform
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psutil

from acsnet import __version__
from acsnet.bench.convolutions import Convolutions, measure_convolutions
from acsnet.bench.worker import OneScan, many_scans, one_scan
from acsnet.errors import InputError

SCANS = 10
"""Scans for each process whose throughput is measured."""

WORKERS = (1, 2)
PARTS = ("torch", "openvino", "numpy")
Measure = TypeVar("Measure")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Processes side by side, which share the threads of one."""

    workers: int
    threads_each: int
    scans_per_minute: float


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What `acsnet bench` found."""

    scan: str
    machine: dict[str, Any]
    one: OneScan
    throughput: tuple[Throughput, ...]
    convolutions: Convolutions

    def to_dict(self) -> dict[str, Any]:
        """Plain values; `seconds_per_scan` and the others of one scan stand at the top."""
        rest = asdict(self)
        return {"scan": rest.pop("scan"), **rest.pop("one"), **rest}


def run_bench(path: Path, *, tell: Callable[[str], None]) -> Bench:
    """Measure a scan on this machine; tell: takes a word on what is under way.

    Raises InputError and GeometryError as `read_scan` does.
    """
    if not path.exists():
        msg = f"{path.name} is not there"
        raise InputError(msg)
    tell("one scan, cold and warm")
    one = alone(partial(one_scan, path))
    rates = []
    for workers in WORKERS:
        tell(f"throughput of {workers} worker{'s' if workers > 1 else ''}")
        rates.append(throughput(path, workers=workers, threads=max(1, one.threads // workers)))
    tell("convolutions")
    return Bench(
        scan=path.name,
        machine=machine(),
        one=one,
        throughput=tuple(rates),
        convolutions=alone(measure_convolutions),
    )


def alone(measure: Callable[[], Measure]) -> Measure:
    """What a function gives in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure).result()


def throughput(path: Path, *, workers: int, threads: int) -> Throughput:
    """Scans a minute of `workers` processes that start together."""
    context = get_context("spawn")
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        together = manager.Barrier(workers)
        work = partial(many_scans, path, threads=threads, scans=SCANS, together=together)
        runs = [pool.submit(work) for _ in range(workers)]
        slowest = max(run.result() for run in runs)
    return Throughput(
        workers=workers,
        threads_each=threads,
        scans_per_minute=60.0 * workers * SCANS / slowest,
    )


def machine() -> dict[str, Any]:
    """Processor, memory, system and the versions that matter."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "acsnet": __version__,
        **{name: version(name) for name in PARTS},
    }


def processor() -> str:
    """Its name; the architecture where the system has none."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

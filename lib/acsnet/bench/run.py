"""All measures of this machine, each taken in its own process."""

import os
import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psutil

from acsnet import __version__
from acsnet.bench.convolutions import NetworkSpeed, measure_convolutions
from acsnet.bench.worker import ScanTiming, time_scan, time_scans
from acsnet.errors import InputError
from acsnet.nets.processor import instruction_set

SECONDS = 5.0  # for each measure of throughput
LATEST = 30.0
"""Seconds after which no throughput is measured any more: all takes a minute at most."""

IDLE_PERCENT = 10.0
"""Of all cores: where other programs take more, the figures are not those of the machine."""

WORKERS = (1, 2)
PARTS = ("openvino", "numpy")
Measure = TypeVar("Measure")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Throughput of parallel processes, which share the threads of one."""

    workers: int
    threads_each: int
    scans_per_minute: float


@dataclass(frozen=True, kw_only=True)
class Bench:
    """The result of `acsnet bench`."""

    scan: str
    machine: dict[str, Any]
    timing: ScanTiming
    throughput: tuple[Throughput, ...]
    networks: tuple[NetworkSpeed, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the timing of a scan is at the top level."""
        rest = asdict(self)
        return {"scan": rest.pop("scan"), **rest.pop("timing"), **rest}


def run_bench(
    path: Path,
    *,
    on_step: Callable[[str], None],
    phase: int | None = None,
    series: Sequence[str] | None = None,
) -> Bench:
    """Measure a scan on this machine; on_step: called with the name of each step.

    phase, series: as `read_scan` takes them. Raises InputError and GeometryError as it does.
    """
    if not path.exists():
        msg = f"{path.name} does not exist"
        raise InputError(msg)
    on_step("one scan, cold and warm")
    begin, busy = time.monotonic(), psutil.cpu_percent(interval=1.0)
    timing = alone(partial(time_scan, path, phase=phase, series=series))
    rates = []
    for workers in WORKERS:
        if time.monotonic() - begin > LATEST:
            break
        on_step(f"throughput of {workers} worker{'s' if workers > 1 else ''}")
        work = partial(time_scans, path, seconds=SECONDS, phase=phase, series=series)
        rates.append(throughput(work, workers=workers, threads=max(1, timing.threads // workers)))
    on_step("convolutions")
    return Bench(
        scan=path.name,
        machine={**machine(), "busy_percent": busy},
        timing=timing,
        throughput=tuple(rates),
        networks=alone(measure_convolutions),
    )


def alone(measure: Callable[[], Measure]) -> Measure:
    """Result of a function that runs in its own process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure).result()


def throughput(work: Callable[..., float], *, workers: int, threads: int) -> Throughput:
    """Scans a minute of `workers` processes started together; work: `time_scans` of a scan."""
    context = get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, mp_context=context) as pool:
        barrier = manager.Barrier(workers)
        run = partial(work, threads=threads, barrier=barrier)
        runs = [pool.submit(run) for _ in range(workers)]
        rate = sum(future.result() for future in runs)
    return Throughput(workers=workers, threads_each=threads, scans_per_minute=rate)


def machine() -> dict[str, Any]:
    """Processor, memory, system and versions."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "instruction_set": instruction_set(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "acsnet": __version__,
        **{name: version(name) for name in PARTS},
    }


def processor() -> str:
    """Name of the processor, or the architecture if the system does not name it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

"""Timing of a scan in one process, from its file to the features.

Runs in its own process, so that memory and cold start are those of the pipeline alone; nothing
heavy is imported before the imports are timed.
"""

import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Barrier

WARM_RUNS = 7


@dataclass(frozen=True, kw_only=True)
class ScanTiming:
    """Timing of a scan in a process that does nothing else.

    shape: slices, rows and columns; cold: seconds of imports, networks and first scan;
    seconds_per_scan, stages: median of the warm scans; cpu_seconds: of all threads, a warm scan.
    """

    shape: tuple[int, int, int]
    threads: int
    cold: dict[str, float]
    seconds_per_scan: float
    fastest_seconds: float
    stages: dict[str, float]
    cpu_seconds: float
    peak_memory_mb: float


def time_scan(
    path: Path,
    *,
    warm_runs: int = WARM_RUNS,
    phase: int | None = None,
    series: Sequence[str] | None = None,
) -> ScanTiming:
    """Time a scan, cold and warm. Raises as `read_scan`, which takes the rest, and the pipeline."""
    times = [time.perf_counter()]
    from acsnet.io import read_scan
    from acsnet.nets.openvino_runtime import thread_count
    from acsnet.pipeline import Pipeline

    times.append(time.perf_counter())
    pipeline = Pipeline.load()
    times.append(time.perf_counter())
    scan = pipeline(read_scan(path, phase=phase, series=series)).scan
    times.append(time.perf_counter())
    steps = [after - before for before, after in pairwise(times)]
    cold = dict(zip(("imports", "networks", "first scan"), steps, strict=True))
    whole, stages = [], []
    cpu = time.process_time()
    for _ in range(warm_runs):
        start = time.perf_counter()
        scan = read_scan(path, phase=phase, series=series)
        read = time.perf_counter() - start
        result = pipeline(scan)
        result.features_dict()
        whole.append(time.perf_counter() - start)
        stages.append({"read": read, **result.seconds})
    slices, rows, columns = scan.pixels.shape
    return ScanTiming(
        shape=(slices, rows, columns),
        threads=thread_count(),
        cold=cold,
        seconds_per_scan=statistics.median(whole),
        fastest_seconds=min(whole),
        stages={name: statistics.median(run[name] for run in stages) for name in stages[0]},
        cpu_seconds=(time.process_time() - cpu) / warm_runs,
        peak_memory_mb=peak_memory_mb(),
    )


def time_scans(
    path: Path,
    *,
    threads: int,
    scans: int,
    barrier: Barrier,
    phase: int | None = None,
    series: Sequence[str] | None = None,
) -> float:
    """Seconds for `scans` times the same scan, warm; starts when all processes are ready."""
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline

    pipeline = Pipeline.load(threads=threads)
    pipeline(read_scan(path, phase=phase, series=series))
    barrier.wait()
    start = time.perf_counter()
    for _ in range(scans):
        pipeline(read_scan(path, phase=phase, series=series)).features_dict()
    return time.perf_counter() - start


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

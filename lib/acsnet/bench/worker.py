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
WARM_SECONDS = 10.0
"""Enough for the warm runs: on a slow or busy machine there are fewer of them, at least two."""


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
    from acsnet.pipeline import Pipeline
    from acsnet.threads import thread_count

    times.append(time.perf_counter())
    pipeline = Pipeline.load()
    times.append(time.perf_counter())
    scan = pipeline(read_scan(path, phase=phase, series=series)).scan
    times.append(time.perf_counter())
    steps = [after - before for before, after in pairwise(times)]
    cold = dict(zip(("imports", "networks", "first scan"), steps, strict=True))
    whole: list[float] = []
    stages = []
    cpu = time.process_time()
    while len(whole) < 2 or (len(whole) < warm_runs and sum(whole) < WARM_SECONDS):
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
        cpu_seconds=(time.process_time() - cpu) / len(whole),
        peak_memory_mb=peak_memory_mb(),
    )


def time_scans(
    path: Path,
    *,
    threads: int,
    seconds: float,
    barrier: Barrier,
    phase: int | None = None,
    series: Sequence[str] | None = None,
) -> float:
    """Scans a minute of the same scan, warm, for `seconds`; starts when all processes are ready."""
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline

    pipeline = Pipeline.load(threads=threads)
    pipeline(read_scan(path, phase=phase, series=series))
    barrier.wait()
    start, scans = time.perf_counter(), 0
    while not scans or time.perf_counter() - start < seconds:
        pipeline(read_scan(path, phase=phase, series=series)).features_dict()
        scans += 1
    return 60.0 * scans / (time.perf_counter() - start)


def peak_memory_mb() -> float:
    """Peak resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

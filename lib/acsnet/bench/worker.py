"""What one process measures of one scan, from its file to the features.

Each measure is taken in a process of its own, so that memory and cold start are those of the chain
alone; nothing heavy is imported before `load` is timed.
"""

import resource
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Barrier

WARM_RUNS = 7


@dataclass(frozen=True, kw_only=True)
class OneScan:
    """Seconds of one scan in a process that does nothing else.

    cold: of imports, networks and the first scan, each after the other; warm: median of
    `WARM_RUNS` scans; stages: the same for each stage; cpu_seconds: of all threads, a warm scan;
    shape: slices, rows and columns.
    """

    shape: tuple[int, int, int]
    threads: int
    cold: dict[str, float]
    seconds_per_scan: float
    fastest_seconds: float
    stages: dict[str, float]
    cpu_seconds: float
    peak_memory_mb: float


def one_scan(path: Path) -> OneScan:
    """Measure a scan. Raises as `read_scan` and the pipeline do."""
    times = [time.perf_counter()]
    import torch

    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline

    times.append(time.perf_counter())
    pipeline = Pipeline.load()
    times.append(time.perf_counter())
    scan = pipeline(read_scan(path)).scan
    times.append(time.perf_counter())
    cold = dict(zip(("imports", "networks", "first scan"), _steps(times), strict=True))
    whole, stages = [], []
    cpu = time.process_time()
    for _ in range(WARM_RUNS):
        start = time.perf_counter()
        scan = read_scan(path)
        read = time.perf_counter() - start
        result = pipeline(scan)
        result.features_dict()
        whole.append(time.perf_counter() - start)
        stages.append({"read": read, **result.seconds})
    slices, rows, columns = scan.pixels.shape
    return OneScan(
        shape=(slices, rows, columns),
        threads=torch.get_num_threads(),
        cold=cold,
        seconds_per_scan=statistics.median(whole),
        fastest_seconds=min(whole),
        stages={name: statistics.median(one[name] for one in stages) for name in stages[0]},
        cpu_seconds=(time.process_time() - cpu) / WARM_RUNS,
        peak_memory_mb=peak_memory_mb(),
    )


def many_scans(path: Path, *, threads: int, scans: int, together: Barrier) -> float:
    """Seconds for `scans` times the same scan, warm; started when all processes are."""
    import torch

    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline

    torch.set_num_threads(threads)
    pipeline = Pipeline.load()
    pipeline(read_scan(path))
    together.wait()
    start = time.perf_counter()
    for _ in range(scans):
        pipeline(read_scan(path)).features_dict()
    return time.perf_counter() - start


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _steps(times: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(times)]

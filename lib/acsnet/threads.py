"""How many cores to use, and work on slices spread over them."""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray


def thread_count() -> int:
    """Threads to use: OMP_NUM_THREADS, else one for each core that this process may use."""
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(asked):
        return int(asked)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, psutil.cpu_count(logical=False) or sys.maxsize)


def slice_by_slice(
    function: Callable[[NDArray[np.float32]], NDArray[Any]], stack: NDArray[np.float32]
) -> NDArray[Any]:
    """`function` of every (H, W) slice of a (slice, H, W) stack, stacked; on all cores."""
    threads = min(thread_count(), len(stack))
    if threads == 1:
        return np.stack([function(plane) for plane in stack])
    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(function, stack)))

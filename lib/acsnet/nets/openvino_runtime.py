"""OpenVINO without telemetry, which would report every start to a web service.

Its telemetry package is hidden before the import, as if it were not installed.
"""

import os
import sys

import psutil

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None: "not installed"

from openvino import Core, Model, Tensor, Type, opset13  # noqa: E402

__all__ = ["Core", "Model", "Tensor", "Type", "opset13", "thread_count"]


def thread_count() -> int:
    """Threads of a network: OMP_NUM_THREADS, else one for each core that this process may use."""
    if (asked := os.environ.get("OMP_NUM_THREADS", "")).isdecimal() and int(asked):
        return int(asked)
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(allowed or 1, psutil.cpu_count(logical=False) or sys.maxsize)

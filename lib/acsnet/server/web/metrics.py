"""Prometheus metrics; labels come from fixed lists, never from scans, people or paths."""

from collections.abc import Callable, Mapping

import torch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from acsnet import __version__

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

STAGES = frozenset({"standardise", "roi", "myocardium", "anatomy", "quantify", "total", "wait"})
"""Stages of an inference that have a label of their own."""

REQUESTS = Histogram(
    "acsnet_request_seconds",
    "Requests by declared route",
    ("method", "route", "status"),
    registry=REGISTRY,
    buckets=SECONDS,
)
STAGE_SECONDS = Histogram(
    "acsnet_stage_seconds",
    "Inference by task and stage; wait: in the queue, total: from file to answer",
    ("task", "stage"),
    registry=REGISTRY,
    buckets=SECONDS,
)
INFERENCES = Counter(
    "acsnet_inferences", "Inferences by task and outcome", ("task", "outcome"), registry=REGISTRY
)
REFUSALS = Counter("acsnet_refusals", "Refused requests by reason", ("reason",), registry=REGISTRY)
SAVES = Counter("acsnet_saved_labels", "Labels saved by people", ("state",), registry=REGISTRY)
WAITING = Gauge("acsnet_queue_waiting", "Inferences that wait", registry=REGISTRY)
RUNNING = Gauge("acsnet_queue_running", "Inferences that run", registry=REGISTRY)
READY = Gauge("acsnet_ready", "1 where /readyz says so", registry=REGISTRY)
FREE_BYTES = Gauge("acsnet_disk_free_bytes", "Room for state and uploads", registry=REGISTRY)
GPU_BYTES = Gauge(
    "acsnet_gpu_memory_bytes", "GPU memory of this process", ("kind",), registry=REGISTRY
)
DRIFT_SCANS = Gauge(
    "acsnet_drift_scans", "Last scans that drift is told from", ("measure",), registry=REGISTRY
)
DRIFT_PSI = Gauge(
    "acsnet_drift_psi",
    "Population stability index of the last scans against training; above 0.25 is another scanner",
    ("measure",),
    registry=REGISTRY,
)
DRIFT_OUTSIDE = Gauge(
    "acsnet_drift_outside_share",
    "Share of the last scans outside what 98 % of the training scans are",
    ("measure",),
    registry=REGISTRY,
)
INPUT = Gauge("acsnet_input_median", "Median of the last scans", ("measure",), registry=REGISTRY)
Gauge("acsnet_build", "Version of the software", ("version",), registry=REGISTRY).labels(
    __version__
).set(1)


def watch_queue(waiting: Callable[[], float], running: Callable[[], float]) -> None:
    """Register the functions that read the queue."""
    WAITING.set_function(waiting)
    RUNNING.set_function(running)


def observe_stages(task: str, seconds: Mapping[str, float]) -> None:
    """Count the seconds of the stages of one inference."""
    for stage, value in seconds.items():
        if stage in STAGES:
            STAGE_SECONDS.labels(task, stage).observe(value)


def observe_gpu() -> None:
    """GPU memory now, where there is a GPU."""
    if torch.cuda.is_available():
        GPU_BYTES.labels("allocated").set(torch.cuda.memory_allocated())
        GPU_BYTES.labels("reserved").set(torch.cuda.memory_reserved())
        free, total = torch.cuda.mem_get_info()
        GPU_BYTES.labels("device_free").set(free)
        GPU_BYTES.labels("device_total").set(total)

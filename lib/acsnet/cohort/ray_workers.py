"""Ray: processes that hold the networks, and one case at a time for each of them.

A worker has no second case in waiting: it would be lost with the first if that ends the process,
and would save a few milliseconds a scan.

On one machine Ray listens on the loopback address only, asks for a secret that each process makes
for itself, keeps its files where no other user can read them, and reports nothing to anybody.
"""

import math
import os
import secrets
import signal
import socket
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from acsnet.cohort.case_worker import CaseWorker, CohortOptions
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import Listed, Source
from acsnet.errors import DeviceError, InputError, OutputFullError, WeightsError

KNOCK_S = 5.0
"""For somebody to answer at the address of a cluster."""

WORKER_BYTES = 1.5e9
"""Memory that a worker may need; sets how many there are by default."""

WORKERS_A_GPU = 16
"""At most, by default: each has its own networks there, about 1 GB with what CUDA keeps."""

STORE_BYTES = 80 * 2**20
"""Of Ray's object store, about the least it takes: cases travel as paths, not as pixels."""

SHORT = "/tmp" if os.name == "posix" else None  # noqa: S108 # a folder of our own is made in it
"""The path of a socket has 107 characters at most, and TMPDIR may take too many of them."""

TRIES_AGAIN = 1
"""How often a case is tried again whose process was killed: it may not be to blame."""

ALONE = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # despite its name: loopback only, on any system
    "RAY_AUTH_MODE": "token",
}


@dataclass(frozen=True, kw_only=True)
class WorkerPlan:
    """How many workers there are, what each of them takes, and threads of each."""

    workers: int
    threads: int
    num_cpus: float
    num_gpus: float


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Ray for as long as this is open: of a cluster, or by default of this machine alone.

    SIGTERM does what it did before. Raises InputError where it cannot be reached or started.
    """
    with tempfile.TemporaryDirectory(
        prefix="acsnet-", dir=SHORT, ignore_cleanup_errors=True
    ) as private:
        options = _here_only(Path(private)) if address is None else {"address": address}
        import ray  # looks at the environment as it is now

        on_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            if address is not None:
                _knock(address)
            ray.init(**options, log_to_driver=False, configure_logging=False)
        except SystemExit:  # by which Ray answers SIGTERM while it starts
            _put_back(on_sigterm)
            signal.raise_signal(signal.SIGTERM)
            raise
        except (OSError, RuntimeError, ValueError) as error:
            where = "Ray on this machine" if address is None else f"the Ray cluster at {address}"
            msg = f"{where} cannot be used: {str(error).splitlines()[0]}"
            if address is not None:
                msg += "; RAY_AUTH_TOKEN must be that of the cluster"
            raise InputError(msg) from error
        try:
            _put_back(on_sigterm)  # Ray's own handler prints the stack of its C++
            yield
        finally:
            ray.shutdown()


def _put_back(on_sigterm: Any) -> None:
    if threading.current_thread() is threading.main_thread():  # Ray, too, leaves it in any other
        signal.signal(signal.SIGTERM, on_sigterm)


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for a quarter of an hour."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=KNOCK_S).close()


def _here_only(private: Path) -> dict[str, Any]:
    os.environ.update(ALONE, RAY_AUTH_TOKEN=own_secret())
    return {
        "address": "local",
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": str(private / "ray"),  # Ray opens its own folder to everybody
    }


@lru_cache(maxsize=1)
def own_secret() -> str:
    """One for all runs of this process: Ray goes on with the first that it was given."""
    return secrets.token_hex(32)


def gather(*, device: str, workers: int | None) -> WorkerPlan:
    """How the cases are shared among what Ray has; workers: None for one a core.

    Workers share a GPU: of a scan's time the networks take a third, and the rest is one core's.
    Raises InputError where a GPU is asked for and there is none.
    """
    import ray

    there = ray.cluster_resources()
    cpus, gpus = max(1.0, there.get("CPU", 1.0)), there.get("GPU", 0.0)
    if device == "cuda" and not gpus:
        msg = "device cuda was asked for, but Ray finds no GPU: use --device cpu"
        raise InputError(msg)
    fit = int(min(cpus, there.get("memory", math.inf) / WORKER_BYTES))
    count = workers or max(1, min(fit, WORKERS_A_GPU * int(gpus)) if device == "cuda" else fit)
    smallest = min(node["Resources"].get("CPU", 1.0) for node in ray.nodes() if node["Alive"])
    return WorkerPlan(
        workers=count,
        threads=max(1, int(min(cpus // count, smallest))),
        # Shares that always fit: a worker that Ray has no place for would be waited for.
        num_cpus=0 if device == "cuda" else 1 / math.ceil(count / cpus),
        num_gpus=1 / math.ceil(count / gpus) if device == "cuda" else 0,
    )


def start_workers(
    plan: WorkerPlan, *, output: Path, options: CohortOptions, device: str
) -> list[Any]:
    """The planned `CaseWorker`s, each in a process of its own; one that dies is replaced."""
    import ray

    worker = ray.remote(CaseWorker).options(
        num_cpus=plan.num_cpus,
        num_gpus=plan.num_gpus,
        max_restarts=-1,
        max_task_retries=TRIES_AGAIN,
        scheduling_strategy="SPREAD",
        runtime_env={"env_vars": {"OMP_NUM_THREADS": str(plan.threads)}},
    )
    return [
        worker.remote(output=output, options=options, device=device, threads=plan.threads)
        for _ in range(plan.workers)
    ]


def work_all(listed: Iterator[Listed], workers: list[Any]) -> Iterator[Outcome]:
    """The outcome of each case as it comes; the list is gone through as workers become free.

    A case whose process fails has that as its reason. Raises WeightsError,
    DeviceError and OutputFullError, as every further case would be computed for nothing.
    """
    import ray

    idle = deque(workers)
    running: dict[Any, tuple[Any, Source]] = {}
    while True:
        while idle and (item := next(listed, None)) is not None:
            if isinstance(item, Outcome):
                yield item
            else:
                worker = idle.popleft()
                running[worker.work.remote(item)] = worker, item
        if not running:
            return
        (ready,), _ = ray.wait(list(running), num_returns=1)
        worker, source = running.pop(ready)
        idle.append(worker)
        yield _outcome(ready, source)


def _outcome(ready: Any, source: Source) -> Outcome:
    import ray
    from ray.exceptions import RayError, RayTaskError

    try:
        outcome: Outcome = ray.get(ready)
    except RayTaskError as error:
        if isinstance(error.cause, (WeightsError, DeviceError, OutputFullError)):
            raise error.cause from None
        reason = f"{type(error.cause).__name__}: {error.cause}"
    except RayError as error:
        reason = f"its process ended: {type(error).__name__}"
    else:
        return outcome
    return Outcome(case=source.case, place=source.place, reason=reason)

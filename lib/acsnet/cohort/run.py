"""Runs a cohort: from the list of scans to the tables."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from acsnet.cohort.case_worker import Settings
from acsnet.cohort.inputs import list_scans
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.ray_workers import connected, gather, start_workers, work_all
from acsnet.cohort.tables import remove_tables, write_tables
from acsnet.errors import InputError

LOCK = ".cohort.lock"
"""File of an output folder that one run at a time holds."""


def run_cohort(
    where: str,
    *,
    output: Path,
    settings: Settings,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Outcome]:
    """Segment all scans of a list to OUTPUT/<case>/; gives each outcome as it comes.

    where: as `list_scans` takes it; workers: processes, by default one a core; address: of
    a Ray cluster whose machines see the same folders, by default this machine. Cases that are done
    are passed over, failures do not stop the others, and the tables are written at the end. Stopped
    at any time, the same call goes on. Raises InputError for a list without scans, while another
    run writes to `output`, and as `list_scans` and `connected` do, WeightsError for networks that
    cannot be used.
    """
    listed = list_scans(where, output=output)
    first = next(listed, None)
    if first is None:
        itself = output.resolve() == Path(where).resolve()
        msg = f"{where} holds no scan" + (" besides what lies in the output folder" * itself)
        raise InputError(msg)
    output = output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    done, failed = [], []
    with alone_in(output):
        remove_tables(output)
        with connected(address):
            team = gather(device=device, workers=workers)
            actors = start_workers(team, output=output, settings=settings, device=device)
            for outcome in work_all(itertools.chain([first], listed), actors):
                if outcome.reason is None:
                    done.append(outcome.case)
                else:
                    failed.append(outcome)
                yield outcome
        write_tables(output, sorted(done), failed)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the lock of an output folder. Raises InputError while another run does."""
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        msg = f"another run writes to {folder}: wait for its end, or take another folder"
        raise InputError(msg) from None
    try:
        yield
    finally:
        lock.release()

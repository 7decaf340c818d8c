"""Runs a cohort: from the list of scans to the tables."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from acsnet.cohort.case_worker import CohortOptions
from acsnet.cohort.inputs import list_scans
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.ray_workers import connected, gather, start_workers, work_all
from acsnet.cohort.sources import Listed
from acsnet.cohort.tables import remove_tables, write_tables
from acsnet.errors import InputError
from acsnet.files.alone import alone_in
from acsnet.storage import natural_order

LOCK = ".cohort.lock"
"""File of an output folder that one run at a time holds."""


def run_cohort(
    where: str,
    *,
    output: Path,
    options: CohortOptions,
    device: str = "cpu",
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Outcome]:
    """Segment all scans of a list to OUTPUT/<case>/; gives each outcome, and what is skipped.

    where: as `list_scans` takes it; workers: processes, by default one a core; address: of
    a Ray cluster whose machines see the same folders, by default this machine. Cases that are done
    are passed over, failures do not stop the others, and the tables are written at the end. Stopped
    at any time, the same call goes on. Raises InputError for a list without scans, while another
    run writes to `output`, and as `list_scans` and `connected` do, WeightsError for networks that
    cannot be used, DeviceError for a device that is not there.
    """
    listed = list_scans(where, output=output)
    first: list[Listed] = []
    while not first or is_skipped(first[-1]):
        item = next(listed, None)
        if item is None:
            raise InputError(_nothing(where, output, first))
        first.append(item)
    output = output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    done, failed = [], []
    with alone_in(output, lock=LOCK):
        remove_tables(output)
        with connected(address):
            plan = gather(device=device, workers=workers)
            actors = start_workers(plan, output=output, options=options, device=device)
            for outcome in work_all(itertools.chain(first, listed), actors):
                if outcome.reason is None:
                    done.append(outcome.case)
                elif not outcome.skipped:
                    failed.append(outcome)
                yield outcome
        write_tables(output, sorted(done, key=natural_order), failed)


def is_skipped(item: Listed) -> bool:
    """Whether this is a file of a list that is taken for no scan."""
    return isinstance(item, Outcome) and item.skipped


def _nothing(where: str, output: Path, skipped: Sequence[Listed]) -> str:
    itself = output.resolve() == Path(where).resolve()
    words = f"{where} holds no scan" + (" besides what lies in the output folder" * itself)
    reasons = [item.reason for item in skipped if isinstance(item, Outcome)]
    return f"{words}: {reasons[0]}" if reasons else words

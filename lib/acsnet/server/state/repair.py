"""Repair at start: clean up what a killed process left half-written, and report it.

Everything is written under a temporary name and put in place whole, so what is in place is whole.
Left behind may be: temporary files and folders, a label without its record (nobody was told that
it is saved), and the last line of a log of lines cut short. Only what was there before this
process began, and is of no process that lives, is touched: others may work on the same state.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from acsnet import storage
from acsnet.annotations.label_versions import LABEL, RECORD
from acsnet.errors import InputError
from acsnet.files.abandoned import is_abandoned, remove_abandoned
from acsnet.files.temporary import TEMPORARY, discard
from acsnet.fine_tuning.training_request import RUNS
from acsnet.server.state.paths import AUDIT, DETAILS, RECORDS, SCORES

logger = logging.getLogger(__name__)

LEFT_BEHIND = re.compile(rf"{TEMPORARY.pattern}|\.main-\d+\.py|\..+\.dcm|.+\.tmp|new-.+")
"""Names under which files and folders are written before they are put in place, or once were."""

SCRATCH = "scratch"
SERVER_LOCK = "server.lock"


def scratch_folder(state: Path) -> Path:
    """Parent of the temporary folders of running servers."""
    return state / SCRATCH


def repair(state: Path, *, store: Path, models: Path, before: float) -> dict[str, int]:
    """Repair what is older than `before` (seconds since 1970); returns counts by kind."""
    roots = (state, state / "app", models, models / RUNS)
    done = {
        "temporary files removed": sum(
            map(discard, [*_temporary(roots, before=before), *_hidden(store, before=before)])
        ),
        "labels without a record removed": sum(map(discard, _unrecorded(store, before=before))),
        "folders of dead servers removed": sum(
            map(discard, _abandoned(scratch_folder(state), before=before))
        ),
        "parts of killed restores removed": remove_abandoned(state.parent),
        "lines that were cut short ended": sum(
            storage.end_last_line(file) for file in (state / AUDIT, store / SCORES)
        ),
    }
    done = {what: count for what, count in done.items() if count}
    if done:
        logger.warning("repaired after a server that was killed", extra={"fields": done})
    return done


def alone_on(store: Path) -> FileLock:
    """Keep every other server off a store until the lock is released, or the process ends.

    Raises InputError where another server works on it.
    """
    lock = FileLock(store / SERVER_LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        msg = (
            f"another server works on {store}: stop it first, or give this one another state "
            "folder with ACSNET_STATE"
        )
        raise InputError(msg) from None
    return lock


def process_began() -> float:
    """When this process began, in seconds since 1970."""
    return float(psutil.Process().create_time())


def _parts(store: Path) -> list[Path]:
    """The folders of a store in which files are written."""
    nested = [path for part in ("versions", "labels", "seg") for path in store.glob(f"{part}/*")]
    return [
        store,
        *(store / part for part in ("images", "uploads", "series", "scores", RECORDS, DETAILS)),
        *nested,
    ]


def _temporary(folders: Sequence[Path], *, before: float) -> Iterator[Path]:
    for folder in folders:
        for entry in folder.iterdir() if folder.is_dir() else ():
            name = LEFT_BEHIND.fullmatch(entry.name)
            if name is None or not _is_older(entry, before):
                continue
            process = name["process"]
            if process is None or is_abandoned(entry, int(process)):
                yield entry


def _is_older(path: Path, before: float) -> bool:
    """Whether a file or folder is there and last changed before that; others may remove it."""
    try:
        return path.lstat().st_mtime < before
    except FileNotFoundError:
        return False


def _hidden(store: Path, *, before: float) -> Iterator[Path]:
    """In a store others name scans and labels, but none of their names begins with a dot."""
    return (path for path in _temporary(_parts(store), before=before) if path.name[0] == ".")


def _unrecorded(store: Path, *, before: float) -> Iterator[Path]:
    for file in store.glob(f"versions/*/[0-9]*{LABEL}"):
        name = file.name.removesuffix(LABEL)
        if _is_older(file, before) and not file.with_name(f"{name}{RECORD}").exists():
            yield file
            yield from (
                path
                for state in ("reviewed", "withdrawn")
                if (path := file.with_name(f"{name}.{state}")).exists()
            )


def _abandoned(scratch: Path, *, before: float) -> Iterator[Path]:
    """Folders of servers that are gone, as `is_abandoned`, and those without an owner."""
    for folder in scratch.iterdir() if scratch.is_dir() else ():
        number = folder.name.partition("-")[0]
        ours = number.isdecimal()
        if is_abandoned(folder, int(number)) if ours else _is_older(folder, before):
            yield folder

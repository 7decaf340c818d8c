"""Repair at start: clean up what a killed process left half-written, and report it.

Everything is written under a temporary name and put in place whole, so what is in place is whole.
Left behind may be: temporary files and folders, a label without its record (nobody was told that
it is saved), and the last line of a log of lines cut short. Only the server that is alone on a
store writes labels and temporary files of its own there; all else that has a temporary name may be
of others at work, and goes once it is a day old.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from acsnet import storage
from acsnet.annotations.label_versions import LABEL, RECORD
from acsnet.errors import InputError
from acsnet.files.temporary import TEMPORARY, discard, is_left_behind
from acsnet.fine_tuning.training_request import RUNS
from acsnet.server.state.paths import AUDIT, DETAILS, RECORDS, SCORES

logger = logging.getLogger(__name__)

LEFT_BEHIND = re.compile(rf"{TEMPORARY.pattern}|\.main-\d+\.py|\..+\.dcm|.+\.tmp|new-.+")
"""Names under which files and folders are written before they are put in place, or once were."""

SCRATCH = "scratch"
SERVER_LOCK = "server.lock"


def scratch_folder(store: Path) -> Path:
    """The folder of all temporary files of the server that is alone on a store."""
    return store / SCRATCH


def repair(state: Path, *, store: Path, models: Path) -> dict[str, int]:
    """Repair what killed servers left; returns counts by kind. For whoever is `alone_on` it."""
    roots = (state, state / "app", models, models / RUNS)
    earlier = filter(is_left_behind, (state / SCRATCH).glob("*"))  # of earlier versions
    done = {
        "temporary files removed": sum(
            map(discard, [*_temporary(roots), *_hidden(store), *earlier])
        ),
        "labels without a record removed": sum(map(discard, [*_unrecorded(store)])),
        "uploads of a killed server removed": sum(map(discard, [*scratch_folder(store).glob("*")])),
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


def _parts(store: Path) -> list[Path]:
    """The folders of a store in which files are written."""
    nested = [path for part in ("versions", "labels", "seg") for path in store.glob(f"{part}/*")]
    return [
        store,
        *(store / part for part in ("images", "uploads", "series", "scores", RECORDS, DETAILS)),
        *nested,
    ]


def _temporary(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for entry in folder.iterdir() if folder.is_dir() else ():
            if LEFT_BEHIND.fullmatch(entry.name) and is_left_behind(entry):
                yield entry


def _hidden(store: Path) -> Iterator[Path]:
    """In a store others name scans and labels, but none of their names begins with a dot."""
    return (path for path in _temporary(_parts(store)) if path.name[0] == ".")


def _unrecorded(store: Path) -> Iterator[Path]:
    for file in store.glob(f"versions/*/[0-9]*{LABEL}"):
        name = file.name.removesuffix(LABEL)
        if not file.with_name(f"{name}{RECORD}").exists():
            yield file
            yield from (
                path
                for state in ("reviewed", "withdrawn")
                if (path := file.with_name(f"{name}.{state}")).exists()
            )

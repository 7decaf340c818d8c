"""Which patients are kept out of training, to measure on: frozen by patient, growing by rule.

Ours. A patient's number in [0, 1) follows from a digest of the patient's id, so that it is the same
on every machine and at every time. The first time, those with the smallest numbers are held out;
from then on a new patient is where the number is below the share. No patient ever changes sides,
whatever the share is set to later: nobody who was trained on is measured on.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acsnet.errors import InputError
from acsnet.storage import write_json
from acsnet.train.run_record import read_json

SHARE = 0.25
FILE = "holdout.json"


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """Digests of patient ids: those measured on, and those that may be trained on."""

    held: frozenset[str] = frozenset()
    trained: frozenset[str] = frozenset()

    def holds(self, patient: str) -> bool:
        """Whether a patient id, one of those it was extended by, is measured on."""
        return digest(patient) in self.held


def digest(patient: str) -> str:
    """What stands for a patient id in files."""
    return hashlib.sha256(patient.encode()).hexdigest()[:16]


def number(digest: str) -> float:
    """In [0, 1), evenly spread over digests."""
    return int(digest, 16) / 16.0 ** len(digest)


def extended(before: HoldOut, patients: Iterable[str], *, share: float = SHARE) -> HoldOut:
    """With a side for each of the patients; those who had one keep it.

    The first time, `share` of them is held out, but at least one, and one is left to train on.
    Raises InputError where there is only one patient the first time.
    """
    new = sorted({digest(p) for p in patients} - before.held - before.trained, key=number)
    if before.held:
        held = {d for d in new if number(d) < share}
    elif len(new) < 2:
        msg = f"training needs reviewed labels of at least 2 patients, got {len(new)}"
        raise InputError(msg)
    else:
        held = set(new[: min(max(1, round(share * len(new))), len(new) - 1)])
    return HoldOut(held=before.held | held, trained=before.trained | (set(new) - held))


def read_holdout(root: Path) -> HoldOut:
    """That of a models folder, empty before the first time. Raises InputError when it is broken.

    A broken one is never made anew: patients who were trained on could be measured on.
    """
    path = root / FILE
    if not path.exists():
        return HoldOut()
    try:
        content = read_json(path)
        sides = {side: frozenset(map(str, content[side])) for side in ("held", "trained")}
    except (InputError, KeyError, TypeError) as error:
        msg = (
            f"{path} is damaged, so it is not known on whom a model may be measured: put back that "
            "of a backup, or move the whole folder away to begin anew with the shipped model"
        )
        raise InputError(msg) from error
    return HoldOut(**sides)


def write_holdout(root: Path, holdout: HoldOut) -> None:
    """Put it in place whole."""
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / FILE, {side: sorted(ids) for side, ids in vars(holdout).items()})

"""Hold-out set: patients kept out of training, to measure on. Not from the paper.

A digest of the patient's id gives a number in [0, 1), the same on every machine. The first time,
the patients with the smallest numbers are held out; later, new patients with a number below the
share. Patients never change sides, whatever the share becomes: no one trained on is measured on.
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
    """Digests of the ids of patients held out (measured on) and trained on."""

    held: frozenset[str] = frozenset()
    trained: frozenset[str] = frozenset()

    def holds(self, patient: str) -> bool:
        """Whether a patient is held out."""
        return digest(patient) in self.held


def digest(patient: str) -> str:
    """Digest that replaces a patient id in files."""
    return hashlib.sha256(patient.encode()).hexdigest()[:16]


def number(digest: str) -> float:
    """Number in [0, 1) of a digest, uniformly distributed."""
    return int(digest, 16) / 16.0 ** len(digest)


def extended(before: HoldOut, patients: Iterable[str], *, share: float = SHARE) -> HoldOut:
    """The hold-out extended by new patients.

    The first time, `share` of them is held out, but at least one, with one left to train on.
    Raises InputError if there is only one patient the first time.
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


def regrouped(before: HoldOut, scans: Iterable[tuple[str, str]]) -> HoldOut:
    """The hold-out where earlier releases took scans of one patient for a patient each.

    scans: name, which was the patient then, and patient of each. A patient any of whose scans was
    trained on is not measured on any more.
    """
    pairs = [(digest(name), digest(patient)) for name, patient in scans if name != patient]
    trained = {patient for name, patient in pairs if name in before.trained}
    held = {patient for name, patient in pairs if name in before.held} - before.trained - trained
    kept = before.held - {name for name, _ in pairs} - trained
    return HoldOut(held=kept | held, trained=before.trained | trained)


def read_holdout(root: Path) -> HoldOut:
    """Read the hold-out of a models folder, empty before the first training.

    Raises InputError when it is broken: a new one could measure on patients who were trained on.
    """
    path = root / FILE
    if not path.exists():
        return HoldOut()
    try:
        content = read_json(path)
        sides = {side: frozenset(map(str, content[side])) for side in ("held", "trained")}
    except (InputError, KeyError, TypeError) as error:
        msg = (
            f"{path} is damaged, so the held-out patients are not known: restore it from "
            "a backup, or move the whole folder away to start again with the shipped model"
        )
        raise InputError(msg) from error
    return HoldOut(**sides)


def write_holdout(root: Path, holdout: HoldOut) -> None:
    """Write the hold-out atomically."""
    root.mkdir(parents=True, exist_ok=True)
    write_json(root / FILE, {side: sorted(ids) for side, ids in vars(holdout).items()})

"""Hold-out set: patients kept out of training, to measure on. Not from the paper.

A digest of the patient's id gives a number in [0, 1), the same on every machine. The first time,
the patients with the smallest numbers are held out; later, new patients with a number below the
share. Patients never change sides, whatever the share becomes: no one trained on is measured on.

Whose a scan is may be said otherwise later: a PatientID was corrected, a folder grew and is no
patient's any more, or a file came once more under another name. So the side of each scan is kept,
too, under all its marks: its name, its study, what its files hold, and whose it was said to be. A
patient is on the side of the scans.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from acsnet.errors import InputError
from acsnet.storage import write_json
from acsnet.train.run_record import read_json

SHARE = 0.25
FILE = "holdout.json"


@dataclass(frozen=True, kw_only=True)
class HoldOut:
    """Digests of the ids of patients held out (measured on) and trained on, and of their scans.

    held_scans, trained_scans: digests of the marks of scans. Empty in a file of an earlier release.
    """

    held: frozenset[str] = frozenset()
    trained: frozenset[str] = frozenset()
    held_scans: frozenset[str] = frozenset()
    trained_scans: frozenset[str] = frozenset()

    def holds(self, patient: str) -> bool:
        """Whether a patient is held out."""
        return digest(patient) in self.held

    def with_scans(self, *, held: Iterable[str], trained: Iterable[str]) -> "HoldOut":
        """With scans of these marks on their sides; a mark on both is trained."""
        trained_scans = self.trained_scans | set(map(digest, trained))
        held_scans = (self.held_scans | set(map(digest, held))) - trained_scans
        return replace(self, held_scans=held_scans, trained_scans=trained_scans)


def digest(patient: str) -> str:
    """Digest that replaces a patient id in files."""
    return hashlib.sha256(patient.encode()).hexdigest()[:16]


def number(digest: str) -> float:
    """Number in [0, 1) of a digest, uniformly distributed."""
    return int(digest, 16) / 16.0 ** len(digest)


def extended(before: HoldOut, patients: Iterable[str], *, share: float = SHARE) -> HoldOut:
    """The hold-out extended by new patients.

    Where none of the patients is held out yet, `share` of the new ones is, but at least one, with
    one left to train on. Raises InputError if there is only one patient then, and where nobody can
    be held out, as all have been trained on.
    """
    digests = {digest(p) for p in patients}
    new = sorted(digests - before.held - before.trained, key=number)
    to_train = 0 if digests & before.trained else 1
    if digests & before.held:
        held = {d for d in new if number(d) < share}
    elif to_train and len(new) < 2:
        msg = f"training needs reviewed labels of at least 2 patients, got {len(new)}"
        raise InputError(msg)
    elif not new:
        msg = "networks were trained on all patients: review labels of a new one to measure on"
        raise InputError(msg)
    else:
        held = set(new[: min(max(1, round(share * len(new))), len(new) - to_train)])
    return replace(before, held=before.held | held, trained=before.trained | (set(new) - held))


def taken_for(scans: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Patient -> the one of them who stands for all that are the same person.

    Two are if a scan of one has a mark of a scan of the other: its study, or what its files hold.

    scans: patient and mark of each; "" for a mark that is not known, which joins nobody.
    """
    from scipy.cluster.hierarchy import DisjointSet  # takes long to import

    pairs = list(scans)
    persons = DisjointSet(patient for patient, _ in pairs)
    first: dict[str, str] = {}
    for patient, mark in pairs:
        if mark:
            persons.merge(patient, first.setdefault(mark, patient))
    return {patient: min(same) for same in persons.subsets() for patient in same}


def regrouped(before: HoldOut, marks: Iterable[tuple[str, str]]) -> HoldOut:
    """The hold-out where scans are of other patients than they were taken to be.

    A patient any of whose scans was trained on is not measured on any more; one any of whose scans
    was held out, and none trained on, is held out.

    marks: each of the marks of each scan, and its patient. Earlier releases took a scan for a
    patient of its own, who had its name.
    """
    pairs = [(digest(mark), digest(patient)) for mark, patient in marks]
    on_trained = before.trained | before.trained_scans
    on_held = before.held | before.held_scans
    trained = before.trained | {patient for mark, patient in pairs if mark in on_trained}
    held = {patient for mark, patient in pairs if mark in on_held}
    kept = before.held - {mark for mark, patient in pairs if mark != patient}
    return replace(before, held=(kept | held) - trained, trained=trained)


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
        for side in ("held_scans", "trained_scans"):
            sides[side] = frozenset(map(str, content.get(side, [])))
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

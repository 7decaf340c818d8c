"""Training request: a run folder with all that a training process needs to run and to resume.

RUN/request.json   what to train, from which version, on which scans; never changed
RUN/labels/        copies of the reviewed labels
RUN/status.json    progress (`acsnet.fine_tuning.training_status`)
RUN/samples/       what is trained on (`acsnet.fine_tuning.kept_samples`)
RUN/<network>/     checkpoint, settings, history; RUN/weights: the resulting weights
"""

import hashlib
import logging
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from acsnet.errors import InputError
from acsnet.fine_tuning.holdout import (
    SHARE,
    HoldOut,
    digest,
    extended,
    read_holdout,
    regrouped,
    taken_for,
    write_holdout,
)
from acsnet.fine_tuning.trigger import Review
from acsnet.io.containers import content_digest
from acsnet.storage import write_json, writing_folder
from acsnet.train.run import STEPS
from acsnet.train.run_record import read_json

logger = logging.getLogger(__name__)

RUNS = "runs"
STAMP = "%Y%m%dT%H%M%S%f"
"""How the name of a run begins: the time it was asked for."""

REQUEST = "request.json"
LABELS = "labels"

MAX_NAMED = 5
"""So many scans are named in an error."""


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """A scan with a reviewed label.

    patient: id, the same for all scans of a patient as far as that is known; image: NIfTI file or
    DICOM folder; label: NIfTI file on the image's grid; at: time of the review, seconds since 1970;
    unchanged: whether the label is a draft of the networks, accepted as it is; study:
    StudyInstanceUID, empty where there is none.
    """

    name: str
    patient: str
    image: Path
    label: Path
    at: float
    unchanged: bool = False
    study: str = ""

    def review(self) -> Review:
        """The label's digest and the time of its review."""
        return Review(sha256=hashlib.sha256(self.label.read_bytes()).hexdigest(), at=self.at)


@dataclass(frozen=True, kw_only=True)
class RequestedScan:
    """A scan of a request.

    patient: digest; held: held out, not trained on; scan: `content_digest` of the image,
    empty where it could not be read, None in a request of an earlier release; unchanged: as in
    `Reviewed`, False in a request of an earlier release.
    """

    name: str
    patient: str
    image: Path
    label: Path
    sha256: str
    held: bool
    scan: str | None = None
    unchanged: bool = False

    def marks(self) -> tuple[str, ...]:
        """Its name and, where that is known, what its files held."""
        return (self.name, self.scan) if self.scan else (self.name,)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to train ("all" or a network), from which version, on which scans.

    epochs: None for the default.
    """

    trainer: str
    base: str
    epochs: int | None
    device: str
    threads: int
    quiet_s: float
    cases: tuple[RequestedScan, ...]

    @property
    def labels(self) -> dict[str, str]:
        """Scan -> digest of its label."""
        return {case.name: case.sha256 for case in self.cases}


def write_request(
    root: Path,
    reviewed: Sequence[Reviewed],
    *,
    trainer: str,
    base: str,
    device: str,
    threads: int,
    quiet_s: float,
    epochs: int | None = None,
    share: float = SHARE,
) -> Path:
    """Create a run folder with copies of the labels, and extend the hold-out.

    Patients with scans of one study, or whose files hold the same, are one. Raises InputError for
    an unknown trainer or invalid epochs, and if fewer than two patients, none to train on, or none
    to measure on, have a reviewed label.
    """
    if trainer not in STEPS:
        msg = f"trainer must be one of {', '.join(STEPS)}, got {trainer!r}"
        raise InputError(msg)
    if epochs is not None and epochs < 1:
        msg = f"epochs must be 1 or more, got {epochs}"
        raise InputError(msg)
    contents = {scan.name: content_digest(scan.image) for scan in reviewed}
    reviewed, holdout = _with_sides(root, reviewed, contents, share=share)
    write_holdout(root, holdout)
    runs = root / RUNS
    runs.mkdir(exist_ok=True)
    folder = runs / f"{_stamp(runs)}-{trainer}"
    with writing_folder(folder) as new:
        (new / LABELS).mkdir()
        by_name = enumerate(sorted(reviewed, key=lambda scan: scan.name))
        request = Request(
            trainer=trainer,
            base=base,
            epochs=epochs,
            device=device,
            threads=threads,
            quiet_s=quiet_s,
            cases=tuple(
                _copied_case(new, index, scan, holdout, content=contents[scan.name])
                for index, scan in by_name
            ),
        )
        write_json(new / REQUEST, _content_of(request, new))
    return folder


def _with_sides(
    root: Path, reviewed: Sequence[Reviewed], contents: Mapping[str, str], *, share: float
) -> tuple[list[Reviewed], HoldOut]:
    """Scans by their true patients, and the hold-out extended by them; contents: digest by name.

    Raises InputError where that leaves none to train on, or nothing to measure on but drafts that
    were accepted unchanged, on which no model can be shown to be better.
    """
    persons = taken_for(
        (scan.patient, mark) for scan in reviewed for mark in (contents[scan.name], scan.study)
    )
    marks = [
        (mark, persons[scan.patient])
        for scan in reviewed
        for mark in (scan.name, contents[scan.name], scan.patient, scan.study)
        if mark
    ]
    reviewed = [replace(scan, patient=persons[scan.patient]) for scan in reviewed]
    holdout = _extended(root, marks, share=share)
    if all(holdout.holds(scan.patient) for scan in reviewed):
        msg = "all patients with a reviewed label are held out: review labels of one more patient"
        raise InputError(msg)
    held = [scan for scan in reviewed if holdout.holds(scan.patient)]
    if all(scan.unchanged for scan in held):
        raise InputError(only_accepted(scan.name for scan in held))
    return reviewed, holdout


def only_accepted(held: Iterable[str]) -> str:
    """Why nothing is trained where all scans held out, by their names, have accepted drafts."""
    names = ", ".join(sorted(held)[:MAX_NAMED])
    return (
        "all labels of the patients held out are drafts that were accepted unchanged, on which "
        f"no model can be measured: draw or correct one of them ({names}), or review labels of "
        "more patients"
    )


def _copied_case(
    folder: Path, index: int, scan: Reviewed, holdout: HoldOut, *, content: str
) -> RequestedScan:
    """A scan of a request, with its label copied into the run folder; content: digest."""
    label = folder / LABELS / f"{index:05d}.nii.gz"
    shutil.copyfile(scan.label, label)
    return RequestedScan(
        name=scan.name,
        patient=digest(scan.patient),
        image=scan.image,
        label=label,
        sha256=hashlib.sha256(label.read_bytes()).hexdigest(),
        held=holdout.holds(scan.patient),
        scan=content,
        unchanged=scan.unchanged,
    )


def _extended(root: Path, marks: Sequence[tuple[str, str]], *, share: float) -> HoldOut:
    """The hold-out of a models folder, extended by what was reviewed, with the side of each scan.

    marks: as in `regrouped`.
    """
    before = read_holdout(root)
    if not before.held_scans | before.trained_scans:  # of an earlier release, or none yet
        earlier = [case for run in run_folders(root) for case in read_request(run).cases]
        before = before.with_scans(
            held=[mark for case in earlier if case.held for mark in case.marks()],
            trained=[mark for case in earlier if not case.held for mark in case.marks()],
        )
    patients = {patient for _, patient in marks}
    after = extended(regrouped(before, marks), patients, share=share)
    return after.with_scans(
        held=[mark for mark, patient in marks if after.holds(patient)],
        trained=[mark for mark, patient in marks if not after.holds(patient)],
    )


def _content_of(request: Request, folder: Path) -> dict[str, Any]:
    """What the file of a request in a run folder holds; labels by their place in the folder."""
    content = asdict(request)
    for case in content["cases"]:
        case.update(image=str(case["image"]), label=str(case["label"].relative_to(folder)))
    return content


def read_request(folder: Path) -> Request:
    """Read the request of a run folder. Raises InputError when it is missing or broken."""
    content = read_json(folder / REQUEST)
    try:
        cases = tuple(
            RequestedScan(**{**case, "image": Path(case["image"]), "label": folder / case["label"]})
            for case in content.pop("cases")
        )
        return Request(**content, cases=cases)
    except (KeyError, TypeError) as error:
        msg = f"{folder / REQUEST} is broken: {error}"
        raise InputError(msg) from error


def run_folders(root: Path) -> list[Path]:
    """All run folders, the newest last, without those whose request is damaged."""
    return sorted(path for path in (root / RUNS).glob("[0-9]*") if _is_request(path / REQUEST))


def _stamp(runs: Path) -> str:
    """The time as a name that comes after those of all runs, also where the clock was set back."""
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    for run in runs.glob("[0-9]*"):
        with suppress(ValueError):
            made = datetime.strptime(run.name.partition("-")[0], STAMP)
            now = max(now, made + timedelta(microseconds=1))
    return now.strftime(STAMP)


def _is_request(file: Path) -> bool:
    """Whether there is a request that can be read."""
    return file.is_file() and _is_whole(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1000)
def _is_whole(file: Path, changed: int) -> bool:
    """Whether a request can be read; changed: its time, as one that cannot is told of once."""
    try:
        read_request(file.parent)
    except InputError:
        logger.exception("a training is passed over: its %s is damaged", REQUEST)
        return False
    return True

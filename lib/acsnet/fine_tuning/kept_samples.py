"""The samples of a run: cut out of the reviewed scans once, and kept with the list of these.

A run that was killed goes on with the same samples, whatever became of the scans meanwhile, so that
what is on record of it is true.

RUN/samples/roi.npz, myo.npz, walls.npz: as far as they are asked for
RUN/samples/scans.json: which scans they are of, and why others are left out; written last
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from acsnet.errors import InputError
from acsnet.fine_tuning.replay import slice_samples
from acsnet.fine_tuning.reviewed_cases import read_cases
from acsnet.fine_tuning.training_request import RequestedScan, only_accepted, read_request
from acsnet.storage import write_json
from acsnet.train.job import BUILT
from acsnet.train.run import ON_CINE
from acsnet.train.run_record import read_json
from acsnet.train.samples.prepare import save
from acsnet.train.samples.walls import WallSamples, walls_of

SCANS = "scans.json"
WALLS = "walls.npz"


@dataclass(frozen=True, kw_only=True)
class TrainedScans:
    """Names of the scans that a run trains on, and the reasons why others are left out."""

    scans: tuple[str, ...]
    left_out: tuple[str, ...]


def trained_scans(run: Path) -> TrainedScans:
    """Of a run whose samples are kept."""
    content = read_json(run / BUILT / SCANS)
    return TrainedScans(scans=tuple(content["scans"]), left_out=tuple(content["left_out"]))


def learned_labels(run: Path) -> dict[str, str]:
    """Scan -> digest of its label, as far as a run that is done trained on it or held it out.

    All of its request where the list of what it trained on is damaged.
    """
    request = read_request(run)
    try:
        trained = set(trained_scans(run).scans)
    except (InputError, KeyError, TypeError):
        return request.labels
    used = (case for case in request.cases if case.held or case.name in trained)
    return {case.name: case.sha256 for case in used}


def keep_samples(
    run: Path, cases: Sequence[RequestedScan], *, steps: Sequence[str], phantoms: int, seed: int
) -> TrainedScans:
    """Cut the samples for these steps out of the cases to train on, unless the run has kept them.

    phantoms, seed: as in `slice_samples`. Raises InputError where no scan to train on can be read,
    and where no drawn one to measure on can, without which the training would be in vain.
    """
    folder = run / BUILT
    if (folder / SCANS).exists():
        return trained_scans(run)
    held = [case for case in cases if case.held]
    if all(case.unchanged for case in held):  # asked for by an earlier release
        raise InputError(only_accepted(case.name for case in held))
    measured = read_cases([case for case in held if not case.unchanged])
    if not measured.cases:
        msg = f"no scan to measure on can be read: {'; '.join(measured.left_out)}"
        raise InputError(msg)
    read = read_cases([case for case in cases if not case.held])
    if not read.cases:
        msg = f"no scan to train on can be read: {'; '.join(read.left_out)}"
        raise InputError(msg)
    contents = [content for _, content in read.cases]
    folder.mkdir(exist_ok=True)
    if set(steps) & set(ON_CINE):
        for name, samples in slice_samples(contents, phantoms=phantoms, seed=seed).items():
            save(folder / f"{name}.npz", samples)
    if set(steps) - set(ON_CINE):
        save(folder / WALLS, walls_of(contents))
    kept = TrainedScans(scans=tuple(case.name for case, _ in read.cases), left_out=read.left_out)
    write_json(folder / SCANS, asdict(kept))
    return kept


def kept_walls(run: Path) -> WallSamples:
    """The walls of a run whose samples are kept."""
    with np.load(run / BUILT / WALLS) as arrays:
        return WallSamples(**{key: arrays[key] for key in arrays.files})

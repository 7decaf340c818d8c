"""What the networks are trained on: train and test lists that share no patient, and their cases.

A data folder is laid out as its users download it: `emidec/` and `acdc/`, as the challenges hand
them out or flat with `images/` and `labels/`, `sunnybrook/` if there is one, and `splits.json` with
patient-level `train` and `test` lists. A frame, a visit or a slice of a test patient in the train
list would make every figure of the test list too good: cases of one patient are told by their
names. Readers of other data sets: `benchmarks/data_sets.py`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from acsnet.errors import InputError
from acsnet.phantom import make_phantom, random_spec
from acsnet.train.data.case import TrainingCase, tissue_of
from acsnet.train.data.datasets import ACDC, EMIDEC, SUNNYBROOK


def training_names(data: Path, data_set: str) -> list[str]:
    """Case names of the patient-level train list.

    Raises InputError when `splits.json` is missing or broken, or has no such list.
    """
    path = data / "splits.json"
    try:
        names: list[str] = json.loads(path.read_text())[data_set]["train"]
    except FileNotFoundError as error:
        msg = f"{path} with the patient-level train lists is missing"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path} is broken or has no train list for {data_set!r}"
        raise InputError(msg) from error
    if not names:
        msg = f"{path}: the train list of {data_set!r} is empty"
        raise InputError(msg)
    return names


def emidec_cases(data: Path, names: list[str]) -> Iterator[TrainingCase]:
    """EMIDEC: true LGE with infarct and no-reflow. Errors as `read_case`."""
    return EMIDEC.cases(data / "emidec", names)


def acdc_cases(data: Path, names: list[str]) -> Iterator[TrainingCase]:
    """ACDC: cine, without enhancement until made LGE-like. Errors as `read_case`."""
    return ACDC.cases(data / "acdc", names)


def sunnybrook_cases(data: Path, names: list[str]) -> Iterator[TrainingCase]:
    """Sunnybrook: cine of another vendor at end-diastole, as ACDC. Errors as `read_case`."""
    return SUNNYBROOK.cases(data / "sunnybrook", names)


READERS: dict[str, Callable[[Path, list[str]], Iterator[TrainingCase]]] = {
    "emidec": emidec_cases,
    "acdc": acdc_cases,
    "sunnybrook": sunnybrook_cases,
}
"""The data sets that are trained on, true LGE first."""


def phantom_cases(*, count: int, rng: np.random.Generator) -> Iterator[TrainingCase]:
    """Random phantoms; the sample patients are not among them."""
    for _ in range(count):
        phantom = make_phantom(random_spec(rng))
        yield TrainingCase(scan=phantom.scan, tissue=tissue_of(phantom.labels), source="phantom")


def acdc_patient(name: str) -> str:
    """patient001_frame01 and patient001_frame12 are two phases of patient001."""
    return name.partition("_frame")[0]


PATIENT_OF: dict[str, Callable[[str], str]] = {
    "emidec": str,
    "acdc": acdc_patient,
    "sunnybrook": str,
}
"""The data sets that are trained on: case name -> patient; `str` where it is one case a patient."""

REQUIRED = ("emidec", "acdc")
"""Without these there is nothing to train on; others are taken where `splits.json` lists them."""


def training_lists(data: Path) -> dict[str, list[str]]:
    """The train list of each data set, none of whose patients is in the test list beside it.

    Raises InputError, naming the patient, where one is in both or a case is listed twice, and as
    `training_names` does.
    """
    listed = _read_splits(data)
    return {
        data_set: _training_list(data, data_set)
        for data_set in PATIENT_OF
        if data_set in REQUIRED or data_set in listed
    }


def held_back(names: Iterable[str], *, data: Path) -> list[str]:
    """Those names that are called as a case of a patient in a test list of any data set.

    Raises InputError as `training_names` does, and for an entry without lists.
    """
    names, held = list(names), set()
    for data_set in _read_splits(data):
        patient_of = PATIENT_OF.get(data_set, str)
        patients = {patient_of(name) for name in _test_list(data, data_set)}
        held |= {name for name in names if patient_of(name) in patients}
    return sorted(held)


def _read_splits(data: Path) -> dict[str, Any]:
    """The content of `splits.json`. Raises InputError as `training_names` does."""
    training_names(data, REQUIRED[0])
    content: dict[str, Any] = json.loads((data / "splits.json").read_text())
    return content


def _test_list(data: Path, data_set: str) -> list[str]:
    path = data / "splits.json"
    lists = _read_splits(data)[data_set]
    if not isinstance(lists, dict):
        msg = f"{path}: {data_set!r} must be a data set with its train and test lists"
        raise InputError(msg)
    return _names(lists.get("test", []), f"{path}: the test list of {data_set!r}")


def _names(listed: object, what: str) -> list[str]:
    """Names, each once. Raises InputError for anything else; what: that they are in, in words."""
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        msg = f"{what} must be a list of case names"
        raise InputError(msg)
    if twice := sorted(name for name, count in Counter(listed).items() if count > 1):
        msg = f"{what} has {twice[0]} more than once"
        raise InputError(msg)
    return listed


def _training_list(data: Path, data_set: str) -> list[str]:
    path = data / "splits.json"
    train = _names(training_names(data, data_set), f"{path}: the train list of {data_set!r}")
    test = _test_list(data, data_set)
    patient_of = PATIENT_OF[data_set]
    both = sorted({patient_of(name) for name in train} & {patient_of(name) for name in test})
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        msg = f"{path}: {both[0]}{more} of {data_set!r} is in the train and in the test list"
        raise InputError(msg)
    return train

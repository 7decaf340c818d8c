"""Train and test lists that share no patient.

A frame, a visit or a slice of a test patient in the train list would make every figure of the test
list too good. Cases of one patient are told by their names, as each data set writes them.
"""

import json
from collections.abc import Callable
from pathlib import Path

from acsnet.errors import InputError
from acsnet.train.data import training_names


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

    Raises InputError, naming the patient, where one is in both, and as `training_names` does.
    """
    training_names(data, REQUIRED[0])
    listed = json.loads((data / "splits.json").read_text())
    return {
        data_set: _training_list(data, data_set)
        for data_set in PATIENT_OF
        if data_set in REQUIRED or data_set in listed
    }


def _training_list(data: Path, data_set: str) -> list[str]:
    train = training_names(data, data_set)
    path = data / "splits.json"
    test = json.loads(path.read_text())[data_set].get("test", [])
    for which, names in (("train", train), ("test", test)):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            msg = f"{path}: the {which} list of {data_set!r} must be a list of case names"
            raise InputError(msg)
    patient_of = PATIENT_OF[data_set]
    both = sorted({patient_of(name) for name in train} & {patient_of(name) for name in test})
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        msg = f"{path}: {both[0]}{more} of {data_set!r} is in the train and in the test list"
        raise InputError(msg)
    return train

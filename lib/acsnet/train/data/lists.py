"""What the networks are trained on: train and test lists that share no patient, and their cases.

A data folder holds data sets of `ADAPTERS` under their names, each laid out as its users download
it, and `splits.json` with patient-level `train` and `test` lists of each. A frame, a visit or a
slice of a test patient in the train list would make every figure of the test list too good: cases
of one patient are told by their names.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from acsnet.errors import InputError
from acsnet.phantom import make_phantom, random_spec
from acsnet.train.data.case import TrainingCase, tissue_of
from acsnet.train.data.datasets import ADAPTERS
from acsnet.train.data.fingerprint import digest_of_file


def cases_of(data: Path, data_set: str, names: list[str]) -> Iterator[TrainingCase]:
    """The named cases of a data set of `ADAPTERS`, one by one. Errors as `read_case`."""
    return ADAPTERS[data_set].cases(data / data_set, names)


def phantom_cases(*, count: int, rng: np.random.Generator) -> Iterator[TrainingCase]:
    """Random phantoms; the sample patients are not among them."""
    for _ in range(count):
        phantom = make_phantom(random_spec(rng))
        yield TrainingCase(scan=phantom.scan, tissue=tissue_of(phantom.labels), source="phantom")


def training_names(data: Path, data_set: str) -> list[str]:
    """Case names of the patient-level train list.

    Raises InputError when `splits.json` is missing or broken, or has no such list.
    """
    return _read_splits(data).train(data_set)


def training_lists(data: Path) -> dict[str, list[str]]:
    """The train list of each data set, none of whose patients is in the test list beside it.

    A data set that has a test list alone is there to be measured on. Raises InputError, naming the
    patient, where one is in both or a case is listed twice, where no true LGE with enhancement is
    listed, and as `training_names` does.
    """
    splits = _read_splits(data)
    listed = [
        data_set
        for data_set in ADAPTERS
        if data_set in splits.data_sets() and not splits.is_test_only(data_set)
    ]
    if not any(ADAPTERS[data_set].shows_scar for data_set in listed):
        usable = " or ".join(name for name, adapter in ADAPTERS.items() if adapter.shows_scar)
        msg = f"{splits.path} must list true LGE with enhancement drawn: {usable}"
        raise InputError(msg)
    return {data_set: _training_list(splits, data_set) for data_set in listed}


def held_back(names: Iterable[str], *, data: Path) -> list[str]:
    """Those names that are called as a case of a patient in a test list of any data set.

    In small letters or capitals. Raises InputError as `training_names` does, and for an entry
    without lists.
    """
    names, held = list(names), set()
    splits = _read_splits(data)
    for data_set in splits.data_sets():
        tested = splits.test(data_set)
        patient_of = ADAPTERS[data_set].patient_of if data_set in ADAPTERS else str
        patients = {patient_of(name.casefold()) for name in tested}
        held |= {name for name in names if patient_of(name.casefold()) in patients}
    return sorted(held)


def check_no_copies(images: Mapping[str, str], *, data: Path) -> None:
    """Raises InputError where an image is a copy, byte for byte, of one in a test list.

    images: what each is called -> SHA-256. Of data sets that are not read nothing is asked.
    """
    tested = {digest_of_file(image): image for image in _images_held_back(data)}
    for name, digest in images.items():
        if image := tested.get(digest):
            msg = f"{name} is a copy of {image}, which is in a test list of {data / 'splits.json'}"
            raise InputError(msg)


def _images_held_back(data: Path) -> Iterator[Path]:
    """The images of the cases in test lists of the adapters' data sets, as far as they are there.

    Raises InputError for a test list that is none.
    """
    splits = _read_splits(data)
    for data_set in (name for name in splits.data_sets() if name in ADAPTERS):
        for name in splits.test(data_set):
            image, _ = ADAPTERS[data_set].find_files(data / data_set, name)
            if image.is_file():
                yield image


def repeated(names: Sequence[str]) -> list[str]:
    """Those that are there more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


@dataclass(frozen=True)
class _Splits:
    """What `splits.json` holds; content: None where it is no JSON."""

    path: Path
    content: Any

    def data_sets(self) -> list[str]:
        """Raises InputError where the file is no JSON object."""
        if not isinstance(self.content, dict):
            msg = f"{self.path} is broken: it must hold the lists of each data set"
            raise InputError(msg)
        return list(self.content)

    def is_test_only(self, data_set: str) -> bool:
        lists = self.content[data_set]
        return isinstance(lists, dict) and "test" in lists and "train" not in lists

    def train(self, data_set: str) -> list[str]:
        try:
            names: list[str] = self.content[data_set]["train"]
        except (KeyError, TypeError) as error:
            msg = f"{self.path} is broken or has no train list for {data_set!r}"
            raise InputError(msg) from error
        if not names:
            msg = f"{self.path}: the train list of {data_set!r} is empty"
            raise InputError(msg)
        return names

    def test(self, data_set: str) -> list[str]:
        lists = self.content[data_set]
        if not isinstance(lists, dict):
            msg = f"{self.path}: {data_set!r} must be a data set with its train and test lists"
            raise InputError(msg)
        return _names(lists.get("test", []), f"{self.path}: the test list of {data_set!r}")


def _read_splits(data: Path) -> _Splits:
    path = data / "splits.json"
    try:
        return _Splits(path, json.loads(path.read_text()))
    except FileNotFoundError as error:
        msg = f"{path} with the patient-level train lists is missing"
        raise InputError(msg) from error
    except ValueError:
        return _Splits(path, None)


def _training_list(splits: _Splits, data_set: str) -> list[str]:
    train = _names(splits.train(data_set), f"{splits.path}: the train list of {data_set!r}")
    patient_of = ADAPTERS[data_set].patient_of
    tested = {patient_of(name.casefold()) for name in splits.test(data_set)}
    both = sorted({patient_of(name) for name in train if patient_of(name.casefold()) in tested})
    if both:
        more = f" and {len(both) - 1} more" if len(both) > 1 else ""
        msg = f"{splits.path}: {both[0]}{more} of {data_set!r} is in the train and in the test list"
        raise InputError(msg)
    return train


def _names(listed: object, what: str) -> list[str]:
    """Names, each once. Raises InputError for anything else; what: that they are in, in words."""
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        msg = f"{what} must be a list of case names"
        raise InputError(msg)
    if twice := repeated(listed):
        msg = f"{what} has {twice[0]} more than once"
        raise InputError(msg)
    return listed

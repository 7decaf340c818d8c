"""What the networks are trained on: the patient-level train lists, and the cases they name.

A data folder is laid out as its users download it: `emidec/` and `acdc/`, as the challenges hand
them out or flat with `images/` and `labels/`, `sunnybrook/` if there is one, and `splits.json` with
patient-level `train` and `test` lists. Only `train` is read here. Other data sets:
`acsnet.train.adapters`.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from acsnet.errors import InputError
from acsnet.phantom import make_phantom, random_spec
from acsnet.train.adapters import ACDC, ACSNET_TISSUE, EMIDEC, SUNNYBROOK
from acsnet.train.case import BACKGROUND, POOL, SCAR, WALL, TrainingCase, read_case, translate

__all__ = [
    "BACKGROUND",
    "POOL",
    "READERS",
    "SCAR",
    "WALL",
    "TrainingCase",
    "acdc_cases",
    "emidec_cases",
    "phantom_cases",
    "read_case",
    "sunnybrook_cases",
    "training_names",
    "translate",
]


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
        tissue = translate(phantom.labels, ACSNET_TISSUE, source=phantom.spec.name)
        yield TrainingCase(scan=phantom.scan, tissue=tissue, source="phantom")

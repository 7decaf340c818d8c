"""Labelled scans for training: one `TrainingCase`, and a short adapter for each public data set.

A data folder is laid out as its users download it: `emidec/` and `acdc/`, each with `images/` and
`labels/`, and `splits.json` with patient-level `train` and `test` lists. Only `train` is read here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.phantom import make_phantom, random_spec
from acsnet.scan import ShortAxisScan

BACKGROUND, POOL, WALL, SCAR = range(4)
"""Values of `TrainingCase.tissue`: the whole myocardium is WALL and SCAR."""

AFFINE_TOLERANCE_MM = 0.01


@dataclass(frozen=True, kw_only=True)
class TrainingCase:
    """A scan with its expert tissue map.

    tissue: (slice, row, column) uint8 of BACKGROUND, POOL, WALL, SCAR; source: where it is from
    ("lge", "cine" or "phantom"). Cine has no enhancement until it is made LGE-like.
    """

    scan: ShortAxisScan
    tissue: NDArray[np.uint8]
    source: str


def translate(
    labels: NDArray[Any], table: dict[int, int], *, source: str | Path
) -> NDArray[np.uint8]:
    """Label values of a data set -> tissue values, same shape.

    Raises InputError, naming `source`, for values that the table does not have.
    """
    unknown = [value for value in np.unique(labels).tolist() if value not in table]
    if unknown:
        shown = ", ".join(f"{value:g}" for value in unknown[:5])
        msg = f"{source}: label values must be among {sorted(table)}, got {shown}"
        raise InputError(msg)
    tissue = np.zeros(labels.shape, np.uint8)
    for value, name in table.items():
        tissue[labels == value] = name
    return tissue


EMIDEC_TISSUE = {0: BACKGROUND, 1: POOL, 2: WALL, 3: SCAR, 4: SCAR}
"""Cavity, healthy wall, infarct, no-reflow."""

ACDC_TISSUE = {0: BACKGROUND, 1: BACKGROUND, 2: WALL, 3: POOL}
"""1 is the right ventricle: outside the left one, so background on purpose."""

PHANTOM_TISSUE = {
    int(Label.BACKGROUND): BACKGROUND,
    int(Label.LV_BLOOD_POOL): POOL,
    **{int(label): WALL for label in MYOCARDIUM},
    **{int(label): SCAR for label in ENHANCEMENT},
}


def read_case(image: Path, label: Path, *, table: dict[int, int], source: str) -> TrainingCase:
    """An image and its label file, both NIfTI on one grid.

    Raises InputError, naming the file, when one is missing or damaged, when their grids differ, or
    when the labels hold an unknown value or no left ventricle.
    """
    scan, expert = _read(image), _read(label)
    if expert.grid.shape != scan.grid.shape:
        msg = f"{label}: shape {expert.grid.shape} differs from its image's {scan.grid.shape}"
        raise InputError(msg)
    if not np.allclose(expert.grid.affine, scan.grid.affine, atol=AFFINE_TOLERANCE_MM):
        msg = f"{label}: the affine differs from its image's"
        raise InputError(msg)
    values = expert.grid.to_input(expert.pixels)
    tissue = translate(scan.grid.from_input(values), table, source=label)
    if not tissue.any():
        msg = f"{label}: no left ventricle is drawn"
        raise InputError(msg)
    return TrainingCase(scan=scan, tissue=np.ascontiguousarray(tissue), source=source)


def _read(path: Path) -> ShortAxisScan:
    """`read_scan`, whose errors name the folder too: an image and its labels share a file name."""
    try:
        return read_scan(path)
    except AcsnetError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error


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
    """EMIDEC: 1 cavity, 2 healthy wall, 3 infarct, 4 no-reflow (doi 10.3390/data5040089)."""
    folder = data / "emidec"
    for name in names:
        image, label = (folder / kind / f"{name}.nii.gz" for kind in ("images", "labels"))
        yield read_case(image, label, table=EMIDEC_TISSUE, source="lge")


def acdc_cases(data: Path, names: list[str]) -> Iterator[TrainingCase]:
    """ACDC cine: 2 wall, 3 cavity, 1 right ventricle (doi 10.1109/TMI.2018.2837502)."""
    folder = data / "acdc"
    for name in names:
        image, label = (folder / kind / f"{name}.nii.gz" for kind in ("images", "labels"))
        yield read_case(image, label, table=ACDC_TISSUE, source="cine")


def phantom_cases(*, count: int, rng: np.random.Generator) -> Iterator[TrainingCase]:
    """Random phantoms; the sample patients are not among them."""
    for _ in range(count):
        phantom = make_phantom(random_spec(rng))
        tissue = translate(phantom.labels, PHANTOM_TISSUE, source=phantom.spec.name)
        yield TrainingCase(scan=phantom.scan, tissue=tissue, source="phantom")

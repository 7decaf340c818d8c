"""`TrainingCase`: a scan with an expert's tissue map, the one form that all training data take."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io import read_scan
from acsnet.io.label_map import on_grid, read_label_map
from acsnet.scan import ShortAxisScan

BACKGROUND, POOL, WALL, SCAR = range(4)
"""Values of `TrainingCase.tissue`: the whole myocardium is WALL and SCAR."""


@dataclass(frozen=True, kw_only=True)
class TrainingCase:
    """A scan with its expert tissue map.

    tissue: (slice, row, column) uint8 of BACKGROUND, POOL, WALL, SCAR; source: where it is from
    ("lge", "cine" or "phantom"); has_scar: whether enhancement was drawn. Without it WALL is the
    whole myocardium, enhanced or not, and says nothing about scar. Cine has no enhancement until
    it is made LGE-like.
    """

    scan: ShortAxisScan
    tissue: NDArray[np.uint8]
    source: str
    has_scar: bool = True


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


def read_case(
    image: Path, label: Path, *, table: dict[int, int], source: str, has_scar: bool = True
) -> TrainingCase:
    """An image and its label file, both NIfTI on one grid.

    Raises InputError, naming the file, when one is missing or damaged, when their grids differ, or
    when the labels hold an unknown value or no left ventricle.
    """
    scan = _read(image)
    if not label.is_file():
        msg = f"{label}: {label.name} is not there, or is neither a file nor a folder"
        raise InputError(msg)
    expert = read_label_map(label, name=f"{label}: {label.name}")
    if sorted(expert.labels.shape) != sorted(scan.grid.shape):
        msg = f"{label}: shape {expert.labels.shape} differs from its image's {scan.grid.shape}"
        raise InputError(msg)
    try:
        values = on_grid(expert, scan.grid)
    except GeometryError as error:
        msg = f"{label}: the affine differs from its image's"
        raise InputError(msg) from error
    tissue = translate(scan.grid.from_input(values), table, source=label)
    if not tissue.any():
        msg = f"{label}: no left ventricle is drawn"
        raise InputError(msg)
    return TrainingCase(
        scan=scan, tissue=np.ascontiguousarray(tissue), source=source, has_scar=has_scar
    )


def _read(path: Path) -> ShortAxisScan:
    """`read_scan`, whose errors name the folder too: an image and its labels share a file name."""
    try:
        return read_scan(path)
    except AcsnetError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error

"""`TrainingCase`: a scan with an expert's tissue map, the one form that all training data take."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.errors import IN_FOLDERS, AcsnetError, InputError, worded
from acsnet.io import read_scan
from acsnet.label_conventions import CONVENTIONS, to_labels
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.scan import ShortAxisScan

BACKGROUND, POOL, WALL, SCAR = range(4)
"""Values of `TrainingCase.tissue`: the whole myocardium is WALL and SCAR."""

_TISSUE = np.zeros(len(Label), np.uint8)
_TISSUE[Label.LV_BLOOD_POOL] = POOL
_TISSUE[list(MYOCARDIUM)] = WALL
_TISSUE[list(ENHANCEMENT)] = SCAR


@dataclass(frozen=True, kw_only=True)
class TrainingCase:
    """A scan with its expert tissue map.

    tissue: (slice, row, column) uint8 of BACKGROUND, POOL, WALL, SCAR; source: where it is from
    ("lge", "cine" or "phantom"); cine has no enhancement until it is made LGE-like; scar_unknown:
    true LGE in which the expert drew no enhancement, whether or not there is any.
    """

    scan: ShortAxisScan
    tissue: NDArray[np.uint8]
    source: str
    scar_unknown: bool = False


def tissue_of(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Values of `acsnet.labels.Label` -> tissue values, same shape."""
    return np.ascontiguousarray(_TISSUE[labels])


def read_case(image: Path, label: Path, *, convention: str, source: str) -> TrainingCase:
    """An image and its label file, both NIfTI on one grid; convention: of the labels.

    Raises InputError, naming the file, when one is missing or damaged, when their grids differ, or
    when the labels hold an unknown value or no left ventricle.
    """
    try:
        scan = read_scan(image)
    except AcsnetError as error:
        reason = worded(error, IN_FOLDERS)
        msg = f"{image}: {reason}"  # with its folder: an image and its labels share a file name
        raise InputError(msg) from error
    drawn = read_drawn_labels(label, scan=scan, image=image, truth=convention)
    labels = to_labels(scan.grid.from_input(drawn.labels), drawn.convention, source=label)
    if not labels.any():
        msg = f"{label}: no left ventricle is drawn"
        raise InputError(msg)
    scar_unknown = source == "lge" and not CONVENTIONS[drawn.convention].has_scar
    return TrainingCase(
        scan=scan, tissue=tissue_of(labels), source=source, scar_unknown=scar_unknown
    )

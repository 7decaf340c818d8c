"""An answer as a client gets it: a label map file and a JSON of measures."""

import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from acsnet.io import write_label_map
from acsnet.io.volume import viewer_affine
from acsnet.labels import LABEL_VALUES
from acsnet.quantify.features import Features
from acsnet.result import Measured
from acsnet.scan import InputGrid

MEASURES = frozenset(field.name for field in fields(Features))
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a client gets: labels on the `grid` of the input, and the JSON part of the reply."""

    labels: NDArray[np.uint8]
    grid: InputGrid
    params: dict[str, Any]


def answer_of(measured: Measured) -> Answer:
    """A label map with its measures as an answer."""
    return Answer(
        labels=measured.label_map(), grid=measured.scan.grid, params=result_params(measured)
    )


def write_answer(answer: Answer, *, folder: Path, suffix: str) -> Path:
    """Write the label map on the grid of the input; the caller removes the file.

    suffix: `.nii.gz`, `.nii` or `.nrrd` (what 3D Slicer and OHIF ask for).
    """
    path = folder / f"{uuid.uuid4().hex}{suffix}"
    if suffix == ".nrrd":
        write_nrrd(path, answer.labels, answer.grid)
    else:
        write_label_map(path, answer.labels, answer.grid)
    return path


def write_nrrd(path: Path, labels: NDArray[np.uint8], grid: InputGrid) -> None:
    """Write labels of `grid.shape` as uncompressed NRRD, where viewers show the image, in LPS mm.

    Uncompressed because viewers in a browser unpack slowly and a label map is small.
    """
    affine = viewer_affine(grid)
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": (RAS_TO_LPS @ affine[:3, :3]).T,
        "space origin": RAS_TO_LPS @ affine[:3, 3],
        "encoding": "raw",
    }
    nrrd.write(str(path), labels, header, index_order="F")


def result_params(measured: Measured) -> dict[str, Any]:
    """The JSON part of an inference reply: all of `features.json`, and seconds by stage.

    Measures that are numbers are also at the top level, where simple clients look.
    """
    features = measured.features_dict()
    return {
        **numbers_of(features),
        "features": features,
        "label_names": dict(LABEL_VALUES),
        "latencies": {stage: round(value, 3) for stage, value in measured.seconds.items()},
        "centroids": {},
    }


def numbers_of(features: dict[str, Any]) -> dict[str, float]:
    """Of all measures those of the whole scan that are a number, by name."""
    return {
        name: value
        for name, value in features.items()
        if isinstance(value, (int, float)) and name in MEASURES
    }

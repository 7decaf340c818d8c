"""An answer as a client gets it: a label map file and a JSON of measures."""

import uuid
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from acsnet.io import write_label_map
from acsnet.labels import LABEL_VALUES
from acsnet.quantify.features import Features
from acsnet.result import Result
from acsnet.scan import InputGrid

MEASURES = frozenset(field.name for field in fields(Features))
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a client gets: labels on the `grid` of the input, and the JSON part of the reply."""

    labels: NDArray[np.uint8]
    grid: InputGrid
    params: dict[str, Any]


def answer_of(result: Result) -> Answer:
    """A whole result as an answer."""
    return Answer(labels=result.label_map(), grid=result.scan.grid, params=result_params(result))


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
    """Write labels of `grid.shape` as uncompressed NRRD, geometry in LPS mm as viewers expect.

    Uncompressed because viewers in a browser unpack slowly and a label map is small.
    """
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": (RAS_TO_LPS @ grid.affine[:3, :3]).T,
        "space origin": RAS_TO_LPS @ grid.affine[:3, 3],
        "encoding": "raw",
    }
    nrrd.write(str(path), labels, header, index_order="F")


def result_params(result: Result) -> dict[str, Any]:
    """The JSON part of an inference reply: all of `features.json`, and seconds by stage."""
    seconds = {stage: round(value, 3) for stage, value in result.seconds.items()}
    return feature_params(result.features_dict(), seconds=seconds)


def feature_params(features: dict[str, Any], *, seconds: dict[str, float]) -> dict[str, Any]:
    """The JSON part of a reply with measures.

    Those that are numbers are also at the top level, where simple clients look.
    """
    measures = {
        name: value
        for name, value in features.items()
        if isinstance(value, (int, float)) and name in MEASURES
    }
    return {
        **measures,
        "features": features,
        "label_names": dict(LABEL_VALUES),
        "latencies": dict(seconds),
        "centroids": {},
    }

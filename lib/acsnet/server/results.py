"""A `Result` as a client gets it: a label map file and a JSON of measures."""

import uuid
from pathlib import Path
from typing import Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from acsnet.io import write_label_map
from acsnet.labels import LABEL_VALUES
from acsnet.result import Result
from acsnet.scan import InputGrid

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])


def write_result(result: Result, *, folder: Path, suffix: str) -> Path:
    """Write the label map on the grid of the input; the caller removes the file.

    suffix: `.nii.gz`, `.nii` or `.nrrd` (what 3D Slicer and OHIF ask for).
    """
    path = folder / f"{uuid.uuid4().hex}{suffix}"
    if suffix == ".nrrd":
        write_nrrd(path, result.label_map(), result.scan.grid)
    else:
        write_label_map(path, result.label_map(), result.scan.grid)
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
    """The JSON part of an inference reply.

    features: all of `features.json`; the measures are also at the top level, where simple
    clients look. latencies: seconds by stage.
    """
    measures = {
        name: value
        for name, value in result.features.to_dict().items()
        if isinstance(value, (int, float))
    }
    seconds = {stage: round(value, 3) for stage, value in result.seconds.items()}
    return {
        **measures,
        "features": result.features_dict(),
        "label_names": dict(LABEL_VALUES),
        "latencies": seconds,
        "centroids": {},
    }

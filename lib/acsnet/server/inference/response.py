"""An answer to a client: a label map on the grid of the input, and a JSON of measures."""

import io
from dataclasses import dataclass, replace
from typing import Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from acsnet.io.geometry import LPS_TO_RAS
from acsnet.io.nifti import label_map_nifti, packed
from acsnet.io.volume import viewer_affine
from acsnet.labels import LABEL_VALUES
from acsnet.measure import numbers_of
from acsnet.result import Measured, Result
from acsnet.scan import InputGrid


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Labels on the `grid` of the input, and the JSON part of the reply.

    version: of the model; waited_s: time in the queue; draft: the result that becomes the draft of
    an image of the datastore.
    """

    labels: NDArray[np.uint8]
    grid: InputGrid
    params: dict[str, Any]
    version: str = ""
    waited_s: float = 0.0
    draft: Result | None = None


def answer_of(measured: Measured, *, draft: Result | None = None) -> Answer:
    """A label map with its measures as an answer."""
    return Answer(
        labels=measured.label_map(),
        grid=measured.scan.grid,
        params=result_params(measured),
        draft=draft,
    )


def with_warning(answer: Answer, warning: str) -> Answer:
    """An answer with one more warning, before the others and kept with no label map."""
    params = dict(answer.params)
    if "warnings" in params:
        params["warnings"] = [warning, *params["warnings"]]
    else:
        features = params["features"]
        params["features"] = {**features, "warnings": [warning, *features["warnings"]]}
    return replace(answer, params=params)


def label_map_bytes(answer: Answer, suffix: str) -> bytes:
    """The label map as the content of a file: `.nii.gz`, `.nii` or `.nrrd`."""
    if suffix == ".nrrd":
        return nrrd_bytes(answer.labels, answer.grid)
    content = label_map_nifti(answer.labels, answer.grid)
    return packed(content) if suffix == ".nii.gz" else content


def nrrd_bytes(labels: NDArray[np.uint8], grid: InputGrid) -> bytes:
    """Labels of `grid.shape` as an uncompressed NRRD file, geometry in LPS mm as viewers expect.

    Uncompressed because viewers in a browser unpack slowly and a label map is small.
    """
    affine = LPS_TO_RAS @ viewer_affine(grid)
    header = {
        "space": "left-posterior-superior",
        "kinds": ["domain"] * 3,
        "space directions": affine[:3, :3].T,
        "space origin": affine[:3, 3],
        "encoding": "raw",
    }
    stream = io.BytesIO()
    nrrd.write(stream, labels, header, index_order="F")
    return stream.getvalue()


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

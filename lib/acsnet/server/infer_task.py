"""The inference task `acsnet`: a scan in, a measured label map out."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from acsnet.io import read_scan
from acsnet.labels import LABEL_VALUES
from acsnet.pipeline import Pipeline
from acsnet.result import Result
from acsnet.server.results import result_params, write_result


class AcsnetInferTask(InferTask):
    """Runs one pipeline for all clients, one scan at a time.

    pipeline: loaded, hence with verified weights; folder: where result files go; keep: takes the
    image id and the result of each image of the datastore.
    MONAI Label's own `BasicInferTask` is not used: with a missing weights file it would run
    on random weights, and it keeps one network where the method has several.
    """

    def __init__(
        self, pipeline: Pipeline, *, folder: Path, keep: Callable[[str, Result], None]
    ) -> None:
        super().__init__(
            type=InferType.SEGMENTATION,
            labels=dict(LABEL_VALUES),
            dimension=3,
            description="Left ventricle, scar and grey zone on short-axis LGE cardiac MRI. "
            "Research use only, not a medical device.",
        )
        self._pipeline = pipeline
        self._folder = folder
        self._keep = keep
        self._lock = threading.Lock()

    def is_valid(self) -> bool:
        """Always: a pipeline cannot be loaded without verified weights."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Segment `request["image"]`, a path; raises AcsnetError for what is no scan.

        image_id: its id, where it is an image of the datastore: the result is then kept.
        """
        start = time.perf_counter()
        scan = read_scan(Path(request["image"]))
        image_id = request.get("image_id")
        with self._lock:
            result = self._pipeline(scan)
            if image_id:
                self._keep(image_id, result)
        suffix = request.get("result_extension") or ".nii.gz"
        path = write_result(result, folder=self._folder, suffix=suffix)
        params = result_params(result)
        params["latencies"]["total"] = round(time.perf_counter() - start, 3)
        return str(path), params

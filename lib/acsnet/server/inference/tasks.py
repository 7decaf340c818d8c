"""The inference tasks of MONAI Label: a scan in, a label map and its measures out."""

import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from acsnet import NOTICE
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_with_warnings
from acsnet.labels import LABEL_VALUES
from acsnet.pipeline import Pipeline
from acsnet.quantify.scar import ScarMethod
from acsnet.result import Result
from acsnet.scan import ShortAxisScan, named_as_case
from acsnet.server.inference.infer_options import (
    KEEP_VALID,
    METHOD_TITLES,
    PHASE,
    SCAR_METHOD,
    SERIES,
    TITLES,
    UNCERTAINTY,
    Options,
    check_method,
    choice_of,
    options_of,
)
from acsnet.server.inference.model_server import ModelServer
from acsnet.server.inference.request import InferenceRequest
from acsnet.server.inference.response import Answer, answer_of
from acsnet.server.inference.work_queue import InferenceQueue, volume_place


class Task(InferTask):
    """A task that answers with a label map.

    kind: MONAI Label's type, by which clients choose what they send. MONAI Label's own
    `BasicInferTask` is not used: with a missing weights file it would run on random weights, and it
    keeps one network where the method has several.
    """

    takes: tuple[str, ...] = ()
    """Names of the parameters that it takes."""

    def __init__(
        self,
        *,
        description: str,
        kind: str = "segmentation",
        config: dict[str, Any] | None = None,
        labels: dict[str, int] = LABEL_VALUES,
    ) -> None:
        super().__init__(
            type=InferType(kind),
            labels=dict(labels),
            dimension=3,
            description=f"{description} {NOTICE}",
            config=config or {},
        )

    def is_valid(self) -> bool:
        """Always: a model cannot be loaded without verified weights."""
        return True

    @abstractmethod
    def run(self, request: InferenceRequest) -> Answer:
        """Answer a request."""

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Only MONAI Label's own routes call this, and the server has none of them: see `run`."""
        msg = "start the server with `acsnet serve`, or with the application of acsnet.server.asgi"
        raise NotImplementedError(msg)


class SegmentationTask(Task):
    """A task of the model that is served, one scan at a time.

    served: loaded, hence with verified weights; options: the names of the parameters that it takes.
    """

    def __init__(
        self,
        served: ModelServer,
        queue: InferenceQueue,
        *,
        description: str,
        options: tuple[str, ...] = (),
        labels: dict[str, int] = LABEL_VALUES,
    ) -> None:
        offered = {
            SCAR_METHOD: [METHOD_TITLES[method] for method in get_args(ScarMethod)],
            KEEP_VALID: Options.keep_valid_masks,
            UNCERTAINTY: Options.uncertainty,
            PHASE: 0,
        }
        super().__init__(
            description=description,
            config={TITLES[name]: offered[name] for name in options},
            labels=labels,
        )
        self._served, self._queue, self._options = served, queue, options
        self.takes = (*options, SERIES)

    def run(self, request: InferenceRequest) -> Answer:
        """Segment a scan when it is its turn.

        Raises as `InferenceQueue.run`, and AcsnetError for what is no scan.
        """
        chosen = request.parameters
        options = options_of({name: chosen[name] for name in self._options if name in chosen})
        choice = choice_of(chosen)
        asked = time.perf_counter()

        def work() -> Answer:
            began = time.perf_counter()
            with volume_place(personal=False):
                scan = read_scan(request.image, **choice)
            scan = named_as_case(scan, request.image_id or scan.name)
            check_method(scan, options)
            with self._served.serving() as model:
                answer = self.segment(scan, options.on(model.pipeline), request)
            answer.params["model_version"] = model.name
            answer.params["latencies"]["total"] = round(time.perf_counter() - began, 3)
            return replace(answer, version=model.name, waited_s=began - asked)

        return self._queue.run(
            work, owner=request.client, background=request.background, gone=request.is_gone
        )

    @abstractmethod
    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: InferenceRequest) -> Answer:
        """The task's work on a scan, alone on the machine while it runs."""


class AcsnetTask(SegmentationTask):
    """The whole method."""

    def __init__(self, served: ModelServer, queue: InferenceQueue) -> None:
        super().__init__(
            served,
            queue,
            description="Left ventricle, scar and grey zone on short-axis LGE cardiac MRI.",
            options=(SCAR_METHOD, KEEP_VALID, UNCERTAINTY, PHASE),
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: InferenceRequest) -> Answer:
        """Segment and measure; the result is the draft of an image of the datastore."""
        result = pipeline(scan)
        return answer_of(result, draft=result)

    def when_idle(self, image: Path, *, quiet_s: float) -> Result | None:
        """The result of a scan, kept nowhere; None where somebody needs the networks.

        quiet_s: least time since the last request. Raises as `run` does.
        """
        pipeline = self._served.follow().pipeline
        return self._queue.when_idle(lambda: pipeline(read_scan(image)), quiet_s=quiet_s)


class RoiTask(SegmentationTask):
    """Stage 1 alone."""

    def __init__(self, served: ModelServer, queue: InferenceQueue) -> None:
        super().__init__(
            served,
            queue,
            description="The left ventricle as one region: blood pool and wall.",
            options=(PHASE,),
            labels={"left_ventricle": 1},
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: InferenceRequest) -> Answer:
        """Find the left ventricle."""
        located = pipeline.find_ventricle(scan)
        mask = located.on_scan()
        params = {
            "left_ventricle_ml": round(float(mask.sum()) * scan.voxel_ml, 3),
            "warnings": [*scan.warnings, *located.standard.warnings, *located.notes],
            "label_names": dict(self.labels),
            "latencies": {},
            "centroids": {},
        }
        grid = located.scan.grid
        return Answer(labels=grid.to_input(mask.astype(np.uint8)), grid=grid, params=params)


class MyocardiumTask(SegmentationTask):
    """Stages 1 and 2, as the networks draw."""

    def __init__(self, served: ModelServer, queue: InferenceQueue) -> None:
        super().__init__(
            served,
            queue,
            description="Wall and enhancement from the networks, without anatomical correction.",
            options=(SCAR_METHOD, PHASE),
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: InferenceRequest) -> Answer:
        """Draw wall and enhancement, and measure them as they are."""
        return answer_of(pipeline.without_correction(scan))


@dataclass(frozen=True, kw_only=True)
class SavedLabel:
    """A label map that a person saved: its file, what it is to who asks, its version and author."""

    file: Path
    source: str
    version: str
    author: str


class CorrectTask(SegmentationTask):
    """Stage 3 on what a person drew.

    saved: gives what a person saved for an image id, first of all the reader of a name; or None.
    """

    def __init__(
        self,
        served: ModelServer,
        queue: InferenceQueue,
        *,
        saved: Callable[[str, str], SavedLabel | None],
    ) -> None:
        super().__init__(
            served,
            queue,
            description="Your own label map with every wall made anatomically possible: the one "
            "sent with the request, else your last one saved for the image, else the accepted one.",
            options=(KEEP_VALID, PHASE),
        )
        self._saved = saved

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: InferenceRequest) -> Answer:
        """Correct the label map. Raises InputError where there is none, or none of this scan."""
        reader, sent, image = request.author, request.label_map, request.image_id
        if sent is not None:
            start = SavedLabel(file=sent, source="sent", version="", author=reader)
        elif image and (saved := self._saved(image, reader)) is not None:
            start = saved
        else:
            msg = "send a label map to correct, or save one for this image first"
            raise InputError(msg)
        segments = request.segments if sent else None
        labels, notes = read_with_warnings(start.file, grid=scan.grid, segments=segments)
        answer = answer_of(pipeline.correct(scan, scan.grid.from_input(labels)))
        features = answer.params["features"]
        features = {**features, "warnings": [*notes, *features["warnings"]]}
        if start.author != reader:
            whose = f"this is a label map of {start.author}, not yours: you have saved none"
            features = {**features, "warnings": [whose, *features["warnings"]]}
        about = {"source": start.source, "version": start.version, "author": start.author}
        params = {**answer.params, "features": features, "started_from": about}
        return replace(answer, params=params)

"""The inference tasks of MONAI Label: a scan in, a label map and its measures out."""

import time
import uuid
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABEL_VALUES
from acsnet.pipeline import Pipeline
from acsnet.quantify.scar import ScarMethod
from acsnet.result import NOTICE, Result
from acsnet.scan import ShortAxisScan
from acsnet.server.inference.model_server import ModelServer
from acsnet.server.inference.pauses import with_pauses
from acsnet.server.inference.response import Answer, answer_of, label_map_bytes
from acsnet.server.inference.work_queue import InferenceQueue, volume_place

SCAR_METHOD, KEEP_VALID, UNCERTAINTY = "scar_method", "keep_valid_masks", "uncertainty"
PHASE, SERIES = "phase", "series"
"""Parameters as programs send them."""

TITLES = {
    SCAR_METHOD: "Threshold of core scar",
    KEEP_VALID: "Keep walls that are possible",
    UNCERTAINTY: "With 90 % intervals (slower)",
    PHASE: "Image of each slice (0: the only one)",
}
METHOD_TITLES: dict[str, str] = {
    "remote": "half-way from remote wall to peak",
    "half_max": "half of the peak",
}
"""The same as 3D Slicer and OHIF's panel show them: what they show they also send."""

MAX_NEGATIVE = 0.01
"""Share of the signal: from there on the images are signed, as phase-sensitive ones are. Ours."""

MAX_PHASE = 10_000


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a client may choose; the pipeline's own defaults where it does not."""

    scar_method: ScarMethod = "remote"
    keep_valid_masks: bool = True
    uncertainty: bool = False

    def on(self, pipeline: Pipeline) -> Pipeline:
        """The pipeline with these options; the networks are shared."""
        return replace(
            pipeline,
            scar_method=self.scar_method,
            corrector=replace(pipeline.corrector, keep_valid=self.keep_valid_masks),
            uncertainty=self.uncertainty,
        )


def named(request: dict[str, Any]) -> dict[str, Any]:
    """A request with the names of parameters in place of what viewers show."""
    names = {title: name for name, title in TITLES.items()}
    values = {title: value for value, title in METHOD_TITLES.items()}
    request = {names.get(key, key): value for key, value in request.items()}
    method = request.get(SCAR_METHOD)
    method = method[0] if isinstance(method, list) and method else method
    if isinstance(method, str):
        request[SCAR_METHOD] = values.get(method, method)
    return request


def check_method(scan: ShortAxisScan, options: Options) -> None:
    """Refuse half of the peak on signed images before the networks run. Raises InputError."""
    if options.scar_method != "half_max":
        return
    signal = scan.pixels if scan.signal is None else scan.pixels[scan.signal]
    if signal.size and float((signal < 0).mean()) > MAX_NEGATIVE:
        msg = (
            "half of the peak has no meaning on images with negative values, as phase-sensitive "
            f"ones have (lowest {signal.min():g}): take the other threshold of core scar (remote)"
        )
        raise InputError(msg)


def options_of(request: dict[str, Any]) -> Options:
    """The options in a request. Raises InputError for a value that there is not.

    A list is one as `/info/` offers it, the choice in front.
    """
    method = request.get(SCAR_METHOD, Options.scar_method)
    method = method[0] if isinstance(method, list) and method else method
    if method not in get_args(ScarMethod):
        msg = f"{SCAR_METHOD} must be one of {', '.join(get_args(ScarMethod))}, got {method!r}"
        raise InputError(msg)
    switches = {
        KEEP_VALID: request.get(KEEP_VALID, Options.keep_valid_masks),
        UNCERTAINTY: request.get(UNCERTAINTY, Options.uncertainty),
    }
    for name, value in switches.items():
        if not isinstance(value, bool):
            msg = f"{name} must be true or false, got {value!r}"
            raise InputError(msg)
    return Options(scar_method=cast(ScarMethod, method), **switches)


def choice_of(request: dict[str, Any]) -> dict[str, Any]:
    """What `read_scan` takes to choose among the images of a DICOM folder.

    Clients send numbers as text, too, and 0 or nothing where nobody chose. Raises InputError for
    what is neither.
    """
    phase, series = request.get(PHASE) or 0, request.get(SERIES) or ""
    phase = int(phase) if isinstance(phase, str) and phase.strip().isdecimal() else phase
    if isinstance(phase, bool) or not isinstance(phase, int) or not 0 <= phase <= MAX_PHASE:
        msg = f"{PHASE} must be a whole number, 1 for the first image of each slice, got {phase!r}"
        raise InputError(msg)
    if not isinstance(series, (str, int)) or isinstance(series, bool) or len(str(series)) > 1000:
        msg = f"{SERIES} must be a SeriesInstanceUID or SeriesNumber, got {type(series).__name__}"
        raise InputError(msg)
    return {PHASE: phase or None, SERIES: str(series).strip() or None}


class Task(InferTask):
    """A task that answers with a label map.

    folder: where `__call__` writes; kind: MONAI Label's type, by which clients choose what they
    send. MONAI Label's own `BasicInferTask` is not used: with a missing weights file it would run
    on random weights, and it keeps one network where the method has several.
    """

    def __init__(
        self,
        *,
        folder: Path,
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
        self._folder = folder

    def is_valid(self) -> bool:
        """Always: a chain cannot be loaded without verified weights."""
        return True

    @abstractmethod
    def run(self, request: dict[str, Any]) -> Answer:
        """Answer a request; `request["image"]` is a path."""

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """As MONAI Label calls a task: a file, which the caller removes, and measures."""
        answer = self.run(request)
        suffix = request.get("result_extension") or ".nii.gz"
        path = self._folder / f"{uuid.uuid4().hex}{suffix}"
        path.write_bytes(label_map_bytes(answer, suffix))
        return str(path), answer.params


class ChainTask(Task):
    """A task of the chain that is served, one scan at a time.

    served: loaded, hence with verified weights; options: the names of the parameters that it takes.
    """

    def __init__(
        self,
        served: ModelServer,
        queue: InferenceQueue,
        *,
        folder: Path,
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
            folder=folder,
            description=description,
            config={TITLES[name]: offered[name] for name in options},
            labels=labels,
        )
        self._served, self._queue, self._options = served, queue, options

    def run(self, request: dict[str, Any]) -> Answer:
        """Segment `request["image"]`, a path, when it is its turn.

        image_id: its id, where it is an image of the datastore; label: path of a label map on it;
        asker, background, gone: see `InferenceQueue.run`, with its errors. Raises AcsnetError for
        what is no scan.
        """
        request = named(request)
        options = options_of({name: request[name] for name in self._options if name in request})
        choice = choice_of(request)
        asked = time.perf_counter()

        def work() -> Answer:
            began = time.perf_counter()
            with volume_place(personal=False):
                scan = read_scan(Path(request["image"]), **choice)
            check_method(scan, options)
            with self._served.serving() as chain:
                pipeline = with_pauses(options.on(chain.pipeline), self._queue.pause)
                answer = self.segment(scan, pipeline, request)
            answer.params["model_version"] = chain.version
            answer.params["latencies"]["total"] = round(time.perf_counter() - began, 3)
            return replace(answer, version=chain.version, waited_s=began - asked)

        owner, background = str(request.get("asker") or ""), bool(request.get("background"))
        gone = request.get("gone", lambda: False)
        return self._queue.run(work, owner=owner, background=background, gone=gone)

    @abstractmethod
    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: dict[str, Any]) -> Answer:
        """The task's work on a scan, alone on the machine while it runs."""


class AcsnetTask(ChainTask):
    """The whole method."""

    def __init__(self, served: ModelServer, queue: InferenceQueue, *, folder: Path) -> None:
        super().__init__(
            served,
            queue,
            folder=folder,
            description="Left ventricle, scar and grey zone on short-axis LGE cardiac MRI.",
            options=(SCAR_METHOD, KEEP_VALID, UNCERTAINTY, PHASE),
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: dict[str, Any]) -> Answer:
        """Segment and measure; the result is the draft of an image of the datastore."""
        result = pipeline(scan)
        return answer_of(result, draft=result)

    def when_idle(self, image: Path, *, quiet_s: float) -> Result | None:
        """The result of a scan, kept nowhere; None where somebody needs the networks.

        quiet_s: least time since the last request. Raises as `run` does.
        """
        chain = self._served.follow()
        pipeline = with_pauses(chain.pipeline, self._queue.pause)
        return self._queue.when_idle(lambda: pipeline(read_scan(image)), quiet_s=quiet_s)


class RoiTask(ChainTask):
    """Stage 1 alone."""

    def __init__(self, served: ModelServer, queue: InferenceQueue, *, folder: Path) -> None:
        super().__init__(
            served,
            queue,
            folder=folder,
            description="The left ventricle as one region: blood pool and wall.",
            options=(PHASE,),
            labels={"left_ventricle": 1},
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: dict[str, Any]) -> Answer:
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


class MyocardiumTask(ChainTask):
    """Stages 1 and 2, as the networks draw."""

    def __init__(self, served: ModelServer, queue: InferenceQueue, *, folder: Path) -> None:
        super().__init__(
            served,
            queue,
            folder=folder,
            description="Wall and enhancement from the networks, without anatomical correction.",
            options=(SCAR_METHOD, PHASE),
        )

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: dict[str, Any]) -> Answer:
        """Draw wall and enhancement, and measure them as they are."""
        return answer_of(pipeline.without_correction(scan))


class CorrectTask(ChainTask):
    """Stage 3 on what a person drew.

    saved: gives the newest label map that a person saved for an image id, or None.
    """

    def __init__(
        self,
        served: ModelServer,
        queue: InferenceQueue,
        *,
        folder: Path,
        saved: Callable[[str], Path | None],
    ) -> None:
        super().__init__(
            served,
            queue,
            folder=folder,
            description="Your own label map with every wall made anatomically possible: the one "
            "sent with the request, else the last one saved for the image.",
            options=(KEEP_VALID, PHASE),
        )
        self._saved = saved

    def segment(self, scan: ShortAxisScan, pipeline: Pipeline, request: dict[str, Any]) -> Answer:
        """Correct the label map. Raises InputError where there is none, or none of this scan."""
        labels = self._labels(scan, request)
        return answer_of(pipeline.correct(scan, scan.grid.from_input(labels)))

    def _labels(self, scan: ShortAxisScan, request: dict[str, Any]) -> NDArray[np.uint8]:
        if sent := request.get("label"):
            segments = request.get("label_info")
            return read_client_labels(Path(sent), grid=scan.grid, segments=segments)
        saved = self._saved(request["image_id"]) if request.get("image_id") else None
        if saved is None:
            msg = "send a label map to correct, or save one for this image first"
            raise InputError(msg)
        return read_client_labels(saved, grid=scan.grid)

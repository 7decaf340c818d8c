"""The inference tasks: a scan in, a label map and its measures out, all by the one chain served."""

import time
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
from acsnet.io.label_map import read_label_map
from acsnet.labels import LABEL_VALUES
from acsnet.pipeline import Masks, Pipeline, label_map
from acsnet.preprocess import standardise
from acsnet.quantify.quantification import quantify
from acsnet.quantify.scar import ScarMethod, classify_enhancement
from acsnet.result import NOTICE, Measured, Result
from acsnet.scan import ShortAxisScan
from acsnet.server.inference.model_server import Chain, ServedModels
from acsnet.server.inference.response import Answer, answer_of, write_answer
from acsnet.server.inference.volumes import volume_place
from acsnet.server.web.drift import measures_of

SCAR_METHOD, KEEP_VALID, UNCERTAINTY = "scar_method", "keep_valid_masks", "uncertainty"
"""Parameters as clients show and send them."""


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


class ChainTask(InferTask):
    """A task of the chain that is served, one scan at a time.

    served: loaded, hence with verified weights; folder: where result files go; options: the names
    of the parameters that it takes.
    MONAI Label's own `BasicInferTask` is not used: with a missing weights file it would run
    on random weights, and it keeps one network where the method has several.
    """

    def __init__(
        self,
        served: ServedModels,
        *,
        folder: Path,
        description: str,
        options: tuple[str, ...] = (),
        labels: dict[str, int] = LABEL_VALUES,
    ) -> None:
        offered = {
            SCAR_METHOD: list(get_args(ScarMethod)),
            KEEP_VALID: Options.keep_valid_masks,
            UNCERTAINTY: Options.uncertainty,
        }
        super().__init__(
            type=InferType.SEGMENTATION,
            labels=dict(labels),
            dimension=3,
            description=f"{description} {NOTICE}",
            config={name: offered[name] for name in options},
        )
        self._served = served
        self._folder = folder

    def is_valid(self) -> bool:
        """Always: a chain cannot be loaded without verified weights."""
        return True

    def __call__(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Segment `request["image"]`, a path; raises AcsnetError for what is no scan.

        image_id: its id, where it is an image of the datastore; label: path of a label map on it.
        """
        start = time.perf_counter()
        options = options_of({name: request[name] for name in self.config() if name in request})
        with volume_place():
            scan = read_scan(Path(request["image"]))

        def work(chain: Chain) -> Answer:
            pipeline = options.on(chain.pipeline)
            answer = self.segment(scan, replace(chain, pipeline=pipeline), request)
            return replace(answer, params={**answer.params, "model_version": chain.version})

        answer = self._served.run(work)
        suffix = request.get("result_extension") or ".nii.gz"
        path = write_answer(answer, folder=self._folder, suffix=suffix)
        answer.params["latencies"]["total"] = round(time.perf_counter() - start, 3)
        return str(path), answer.params

    @abstractmethod
    def segment(self, scan: ShortAxisScan, chain: Chain, request: dict[str, Any]) -> Answer:
        """What the task does with a scan, alone on the machine while it runs."""


class AcsnetTask(ChainTask):
    """The whole method.

    keep: takes the image id, the result and the model version for each image of the datastore;
    watch: takes what is watched of each scan that was asked for.
    """

    def __init__(
        self,
        served: ServedModels,
        *,
        folder: Path,
        keep: Callable[[str, Result, str], None],
        watch: Callable[[dict[str, float]], None],
    ) -> None:
        super().__init__(
            served,
            folder=folder,
            description="Left ventricle, scar and grey zone on short-axis LGE cardiac MRI.",
            options=(SCAR_METHOD, KEEP_VALID, UNCERTAINTY),
        )
        self._keep, self._watch = keep, watch

    def segment(self, scan: ShortAxisScan, chain: Chain, request: dict[str, Any]) -> Answer:
        """Segment and measure; the result of an image of the datastore is kept as its draft."""
        result = chain.pipeline(scan)
        self._watch(measures_of(result.scan, result.features.scar_burden_percent))
        if image_id := request.get("image_id"):
            self._keep(image_id, result, chain.version)
        return answer_of(result)

    def when_idle(self, image: Path, *, quiet_s: float) -> Result | None:
        """The result of a scan, kept nowhere; None where somebody needs the networks.

        quiet_s: so long after a request it may follow. Raises as a call does.
        """
        return self._served.when_idle(
            lambda chain: chain.pipeline(read_scan(image)), quiet_s=quiet_s
        )


class RoiTask(ChainTask):
    """Stage 1 alone."""

    def __init__(self, served: ServedModels, *, folder: Path) -> None:
        super().__init__(
            served,
            folder=folder,
            description="Where the left ventricle is, blood pool and wall as one.",
            labels={"left_ventricle": 1},
        )

    def segment(self, scan: ShortAxisScan, chain: Chain, request: dict[str, Any]) -> Answer:
        """Find the left ventricle."""
        located = chain.pipeline.locate(scan, standardise(scan))
        mask = located.on_scan()
        warnings = [*scan.warnings, *located.standard.warnings, *located.notes]
        params = {
            "left_ventricle_ml": round(float(mask.sum()) * scan.voxel_ml, 3),
            "warnings": warnings,
            "label_names": dict(self.labels),
            "latencies": {},
            "centroids": {},
        }
        grid = located.scan.grid
        return Answer(labels=grid.to_input(mask.astype(np.uint8)), grid=grid, params=params)


class MyocardiumTask(ChainTask):
    """Stages 1 and 2, as the networks draw."""

    def __init__(self, served: ServedModels, *, folder: Path) -> None:
        super().__init__(
            served,
            folder=folder,
            description="As the networks draw, before the anatomy is corrected.",
            options=(SCAR_METHOD,),
        )

    def segment(self, scan: ShortAxisScan, chain: Chain, request: dict[str, Any]) -> Answer:
        """Draw wall and enhancement, and measure them as they are."""
        pipeline = chain.pipeline
        located = pipeline.locate(scan, standardise(scan))
        drawn, scan = pipeline.draw(located), located.scan
        masks = Masks(
            pool=drawn.ventricle & ~drawn.wall,
            wall=drawn.wall,
            enhancement=drawn.enhancement & drawn.wall,
        )
        zones = classify_enhancement(
            scan.pixels, masks.wall, masks.enhancement, method=pipeline.scar_method
        )
        labels = label_map(masks, core=zones.core)
        found = quantify(scan, labels, threshold=zones.threshold)
        warnings = (
            *scan.warnings,
            *located.standard.warnings,
            *located.notes,
            *found.warnings,
            "the wall is as the network drew it: it was not checked for a possible anatomy",
        )
        return answer_of(
            Measured(
                scan=scan,
                labels=labels,
                quantification=found,
                warnings=warnings,
                weights=pipeline.weights,
                seconds={},
            )
        )


class CorrectTask(ChainTask):
    """Stage 3 on what a person drew.

    saved: gives the newest label map that a person saved for an image id, or None.
    """

    def __init__(
        self, served: ServedModels, *, folder: Path, saved: Callable[[str], Path | None]
    ) -> None:
        super().__init__(
            served,
            folder=folder,
            description="Your own label map with every wall made anatomically possible: the one "
            "sent with the request, else the last one saved for the image.",
            options=(KEEP_VALID,),
        )
        self._saved = saved

    def segment(self, scan: ShortAxisScan, chain: Chain, request: dict[str, Any]) -> Answer:
        """Correct the label map. Raises InputError where there is none, or none of this scan."""
        labels = self._labels(scan, request)
        return answer_of(chain.pipeline.correct(scan, scan.grid.from_input(labels)))

    def _labels(self, scan: ShortAxisScan, request: dict[str, Any]) -> NDArray[np.uint8]:
        if sent := request.get("label"):
            segments = request.get("label_info")
            return read_label_map(Path(sent), grid=scan.grid, segments=segments)
        saved = self._saved(request["image_id"]) if request.get("image_id") else None
        if saved is None:
            msg = "send a label map to correct, or save one for this image first"
            raise InputError(msg)
        return read_label_map(saved, grid=scan.grid)

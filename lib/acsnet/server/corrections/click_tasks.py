"""The tasks of MONAI Label that take clicks and strokes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.labels import LABEL_VALUES, find_label
from acsnet.server.corrections.desk import Corrected, CorrectionDesk, Reader
from acsnet.server.corrections.points import BACKGROUND, input_index
from acsnet.server.corrections.reader_states import ReaderStates
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.identity import login_name
from acsnet.server.inference.model_server import ModelServer
from acsnet.server.inference.request import ClickRequest, InferenceRequest
from acsnet.server.inference.response import Answer
from acsnet.server.inference.tasks import Task
from acsnet.server.state.paths import CLICKS

CLICK, SCRIBBLES = "acsnet_click", "acsnet_scribbles"

NO_VALUE = max(LABEL_VALUES.values()) + 1
"""Of background in the task's list of labels, in no answer: MONAI Label's OHIF panel takes a label
that the list lacks for whichever value comes next."""


def correction_desk(
    store: StudyStore,
    served: ModelServer,
    segment: Callable[[InferenceRequest], Answer],
    *,
    folder: Path,
    scratch: Path,
) -> CorrectionDesk:
    """What answers clicks.

    Args:
        store: of the scans.
        served: the model, whose limits and autoencoder walls are held to.
        segment: answers a request for the whole method.
        folder: of the store; the states of readers lie in it.
        scratch: for what goes when the server stops.
    """

    def run(image: str, path: Path) -> NDArray[np.uint8]:
        request = InferenceRequest(
            model="acsnet", image=path, image_id=image, user=login_name(), client="clicks"
        )
        return segment(request).labels

    return CorrectionDesk(
        store,
        states=ReaderStates(folder / CLICKS),
        passing=ReaderStates(scratch / CLICKS),
        corrector=lambda: served.current().pipeline.corrector,
        run=run,
    )


def correction_tasks(desk: CorrectionDesk) -> dict[str, Task]:
    """The tasks by name."""
    return {CLICK: ClickTask(desk), SCRIBBLES: ScribbleTask(desk)}


class ClickTask(Task):
    """The wall moves to where a reader clicks, and stays possible."""

    def __init__(self, desk: CorrectionDesk) -> None:
        super().__init__(
            description="Click where wall, blood pool, scar or background should be: the wall "
            "moves there and stays anatomically possible.",
            kind="deepedit",
            labels={**LABEL_VALUES, BACKGROUND: NO_VALUE},
        )
        self._desk = desk

    def run(self, request: InferenceRequest) -> Answer:
        """Answer the clicks of a request, beside the queue of the networks.

        Raises as `CorrectionDesk.click`.
        """
        clicks = request.clicks or ClickRequest(points=lambda _: [])
        corrected = self._desk.click(request.image, request.image_id, reader_of(request), clicks)
        return click_answer(corrected)


class ScribbleTask(Task):
    """Strokes on a label and off it: the same as clicks, from the mask that was sent on."""

    def __init__(self, desk: CorrectionDesk) -> None:
        super().__init__(
            description="Paint strokes on wall, blood pool or scar, and on what is none.",
            kind="scribbles",
        )
        self._desk = desk

    def run(self, request: InferenceRequest) -> Answer:
        """The selected label after the strokes in the mask, as a mask of one segment.

        Raises InputError for a request without mask or label, and as `read_strokes`.
        """
        label = find_label(request.selected_label)
        if label is None:
            msg = f"selected_label_name must be one of {', '.join(LABEL_VALUES)}"
            raise InputError(msg)
        if request.label_map is None:
            msg = "send the mask with the strokes"
            raise InputError(msg)
        corrected = self._desk.stroke(
            request.image,
            request.image_id,
            reader_of(request),
            mask=request.label_map,
            segments=request.segments,
            label=label,
        )
        whole = click_answer(corrected)
        names = {label.name.lower(): 1}
        return Answer(
            labels=(whole.labels == label).astype(np.uint8),
            grid=whole.grid,
            params={**whole.params, "label_names": names},
        )


def reader_of(request: InferenceRequest) -> Reader:
    """The reader who asks."""
    return Reader(name=request.author, key=request.client)


def click_answer(corrected: Corrected) -> Answer:
    """Labels after clicks as an answer: the whole label map, measures, and which clicks hold."""
    measures, clicked, grid = corrected.measures(), corrected.clicked, corrected.scan.grid
    params: dict[str, Any] = {
        **{name: value for name, value in measures.items() if isinstance(value, int | float)},
        "features": measures,
        "label_names": dict(LABEL_VALUES),
        "started_from": {"source": corrected.start.source, "version": corrected.start.version},
        "start_model": corrected.start.model,
        "kept": corrected.start.digest,
        "clicks": [
            {"point": list(input_index(click.at, grid)), "kind": click.kind.value, "held": held}
            for click, held in zip(clicked.clicks, clicked.held, strict=True)
        ],
        "changed_slices": sorted(grid.slice_number(k) for k in clicked.changed),
        "warnings": [*corrected.scan.warnings, *corrected.notes],
        "latencies": {"total": round(corrected.seconds, 3)},
        "centroids": {},
    }
    return Answer(labels=corrected.labels, grid=grid, params=params)

"""Training routes, in place of MONAI Label's own.

Those start a second copy of the app for each training and forget all trainings at a restart.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException

from acsnet.server.app import App
from acsnet.server.identity import signed
from acsnet.server.learning.trainers import DESCRIPTIONS, stop_training, task_of

router = APIRouter()

PARAMETERS = ("epochs", "device", "client_id", "user")
"""Of a training; the last two are how clients name who asks."""


@router.get("/train/")
def status(app: App, all: bool = False, check_if_running: bool = False) -> Any:  # noqa: A002 # the client's
    """The newest training, or all of them; HTTP 404 where there is none, or none under way."""
    runs = app.trainings.runs()
    if not runs or (check_if_running and not runs[-1][1].under_way):
        raise HTTPException(404, "no training is under way" if runs else "there was no training")
    tasks = [task_of(folder, status) for folder, status in (runs if all else runs[-1:])]
    return tasks if all else tasks[0]


@router.post("/train/")
@router.post("/train/{model}")
def start(
    app: App, params: Annotated[dict[str, Any] | None, Body()] = None, model: str = "all"
) -> Any:
    """Begin to train in the background.

    params: `epochs` and `device`, themselves or, as OHIF's panel sends them, by trainer.
    """
    if model not in DESCRIPTIONS:
        raise HTTPException(
            404, f"there is no trainer {model!r}; there is {', '.join(DESCRIPTIONS)}"
        )
    own = (params or {}).get(model)
    asked = {**(params or {}), **(own if isinstance(own, dict) else {})}
    unknown = [name for name in asked if name not in {*PARAMETERS, *DESCRIPTIONS}]
    if unknown:
        msg = f"there is no parameter {unknown[0][:40]!r} of a training; there is epochs, device"
        raise HTTPException(422, msg)
    return app.train({**signed(asked), "model": model})


@router.delete("/train/")
def stop(app: App) -> Any:
    """Stop the training that is under way, and tell of the newest; HTTP 404 where there was none.

    3D Slicer asks for a stop before each training of its own, under way or not.
    """
    newest = stop_training(app.trainings) or app.trainings.latest()
    if newest is None:
        raise HTTPException(404, "there was no training")
    return task_of(*newest)

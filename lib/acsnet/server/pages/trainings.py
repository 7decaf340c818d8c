"""The page of trainings: how far one is, its end, those before it, and which model is served."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse, Response

from acsnet.fine_tuning.training_request import read_request
from acsnet.server.app import App
from acsnet.server.identity import Role, logged_in, signed
from acsnet.server.learning.trainers import DESCRIPTIONS, stop_training
from acsnet.server.web.templates import page
from acsnet.settings import read_settings

router = APIRouter(prefix="/acsnet")

LAST = 10
"""Runs that are listed."""

WORDS = {
    "waiting": "waits for its turn",
    "training": "is training",
    "measuring": "is measured on the held-out patients",
    "done": "is done",
    "failed": "has failed",
    "cancelled": "was stopped",
}

NETWORKS = {
    "roi": "ROI (finds the ventricle)",
    "myo": "MYO (segments wall and scar)",
    "autoencoder": "autoencoder (possible walls)",
    "prior": "latent prior (of the possible walls)",
}
"""Step of a training -> the network, in words."""


@router.get("/training")
def training(app: App) -> Response:
    """The page of trainings."""
    runs = [
        {
            "name": folder.name,
            "trainer": read_request(folder).trainer,
            "status": status,
            "word": WORDS.get(status.state, status.state),
            "started": moment(status.started),
            "ended": moment(status.ended),
        }
        for folder, status in reversed(app.trainings.runs()[-LAST:])
    ]
    person = logged_in()
    return page(
        "training.html",
        runs=runs,
        latest=runs[0] if runs else None,
        served=app.served.current().version,
        trainers=DESCRIPTIONS,
        networks=NETWORKS,
        after=read_settings().train.after,
        reviewed=len(app.datastore().get_labeled_images()),
        may_train=person is None or person.role >= Role.ADMIN,
        duration=duration,
    )


@router.post("/training/start")
def start(app: App, trainer: Annotated[str, Form()] = "all") -> RedirectResponse:
    """Begin to train in the background, from the model that is served."""
    if trainer not in DESCRIPTIONS:
        raise HTTPException(404, f"there is no trainer {trainer!r}")
    app.train(signed({"model": trainer}))
    return RedirectResponse("/acsnet/training", 303)


@router.post("/training/stop")
def stop(app: App) -> RedirectResponse:
    """Stop the training that is under way; nothing where it has ended meanwhile."""
    stop_training(app.trainings)
    return RedirectResponse("/acsnet/training", 303)


def duration(seconds: float | None) -> str:
    """Seconds as a person says them."""
    if seconds is None:
        return "not known yet"
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def moment(text: str) -> str:
    """A time of a run as the pages show it; empty where there is none."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M %Z}"
    except ValueError:
        return ""

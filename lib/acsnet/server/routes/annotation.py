"""Routes of the annotation loop: batches, scores, the next scan to draw on, agreement."""

from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, Field

from acsnet.annotations.agreement import compare_all
from acsnet.server.app import AcsnetApp, App
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.datastores.protocol import require_case
from acsnet.server.identity import signed
from acsnet.server.inference.batch import MAX_IMAGES
from acsnet.server.web.request_checks import upload_suffix

router = APIRouter()

DIGITS, LONGEST = 12, 50
"""Characters of a digest, and of an id, in the name of a copy."""


class Chosen(BaseModel, extra="forbid"):
    """What a program sends to begin a batch: the ids of its images."""

    images: Annotated[list[str], Field(min_length=1, max_length=MAX_IMAGES)]


@router.post("/batch/infer")
def start_batch(app: App, chosen: Chosen) -> dict[str, Any]:
    """Segment images of the datastore by their ids, in the background; each gets a draft."""
    known = set(app.datastore().list_images())
    if unknown := [image for image in chosen.images if image not in known]:
        raise HTTPException(404, f"there is no image {unknown[0]!r} in the studies")
    app.batch.start(chosen.images)
    return app.batch.status()


@router.get("/batch/infer")
def batch_status(app: App) -> dict[str, Any]:
    """How far the batch is."""
    return app.batch.status()


@router.delete("/batch/infer")
def stop_batch(app: App) -> dict[str, Any]:
    """End the batch after the image at hand."""
    app.batch.stop()
    return app.batch.status()


@router.post("/scoring/{method}")
def score(app: App, method: str) -> dict[str, Any]:
    """Run a scoring method now."""
    _scoring(app, method)
    return app.scoring({"method": method})


@router.get("/scoring/{method}")
def scores(app: App, method: str) -> list[dict[str, Any]]:
    """All scores so far, oldest first."""
    return _scoring(app, method).history()


@router.get("/acsnet/cases/{image}/agreement.json")
def agreement(app: App, image: str) -> list[dict[str, Any]]:
    """How far every two people agree on an image, by the newest label map of each."""
    require_case(app.datastore(), image)
    return [
        {"first": first, "second": second, **agreement.to_dict()}
        for first, second, agreement in compare_all(app.datastore().drawn_by(image))
    ]


def _scoring(app: AcsnetApp, method: str) -> Any:
    if method not in app.scoring_methods:
        known = ", ".join(app.scoring_methods)
        raise HTTPException(404, f"there is no scoring method {method!r}; there is {known}")
    return app.scoring_methods[method]


@router.post("/activelearning/{strategy}")
def next_sample(
    app: App, strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None
) -> dict[str, Any]:
    """The scan that a reader gets next and why; only a reason where there is none.

    `name` is what 3D Slicer keeps a copy of the scan by: it loads a file that it has by that name
    and does not ask again, so each state of the files has a name of its own.
    """
    signs = signed(params or {})
    author_of(signs)
    sample = app.next_sample({**signs, "strategy": strategy})
    return {**sample, "name": _name_of_copy(app, sample)} if "id" in sample else sample


def _name_of_copy(app: AcsnetApp, sample: dict[str, Any]) -> str:
    """File name of a scan as it is now, with the ending of what `/datastore/image` sends."""
    image, name = str(sample["id"]), str(sample["name"])
    state = app.datastore().image_fingerprint(image)
    digest = sha256(f"{image}/{state}".encode()).hexdigest()[:DIGITS]
    return f"{image[:LONGEST]}-{digest}{upload_suffix(name)}"

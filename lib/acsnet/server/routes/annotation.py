"""Routes of the annotation loop: batches, scores, the next scan to draw on, agreement."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException
from monailabel.interfaces.utils.app import app_instance

from acsnet.annotations.agreement import compare_all
from acsnet.server.app import AcsnetApp
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.inference.batch import MAX_IMAGES
from acsnet.server.routes.common import known_case

router = APIRouter()


@router.post("/batch/infer")
def start_batch(
    images: Annotated[list[str], Body(embed=True, min_length=1, max_length=MAX_IMAGES)],
) -> dict[str, Any]:
    """Segment images of the datastore by their ids, in the background; each gets a draft."""
    app: AcsnetApp = app_instance()
    known = set(app.datastore().list_images())
    if unknown := [image for image in images if image not in known]:
        raise HTTPException(404, f"there is no image {unknown[0]!r} in the studies")
    app.batch.start(images)
    return app.batch.status()


@router.get("/batch/infer")
def batch_status() -> dict[str, Any]:
    """How far the batch is."""
    app: AcsnetApp = app_instance()
    return app.batch.status()


@router.delete("/batch/infer")
def stop_batch() -> dict[str, Any]:
    """End the batch after the image at hand."""
    app: AcsnetApp = app_instance()
    app.batch.stop()
    return app.batch.status()


@router.post("/scoring/{method}")
def score(method: str) -> dict[str, Any]:
    """Run a scoring method now."""
    app: AcsnetApp = app_instance()
    _scoring(app, method)
    return app.scoring({"method": method})


@router.get("/scoring/{method}")
def scores(method: str) -> list[dict[str, Any]]:
    """All scores so far, oldest first."""
    return _scoring(app_instance(), method).history()


@router.get("/acsnet/cases/{image}/agreement.json")
def agreement(image: str) -> list[dict[str, Any]]:
    """How far every two people agree on an image, by the newest label map of each."""
    app: AcsnetApp = app_instance()
    known_case(app, image)
    return [
        {"first": one, "second": other, **found.to_dict()}
        for one, other, found in compare_all(app.datastore().drawn_by(image))
    ]


def _scoring(app: AcsnetApp, method: str) -> Any:
    if method not in app.scoring_methods:
        known = ", ".join(app.scoring_methods)
        raise HTTPException(404, f"there is no scoring method {method!r}; there is {known}")
    return app.scoring_methods[method]


@router.post("/activelearning/{strategy}")
def next_sample(
    strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None
) -> dict[str, Any]:
    """The scan that a reader gets next and why; only a reason where there is none."""
    app: AcsnetApp = app_instance()
    signs = signed(params or {})
    author_of(signs)
    return app.next_sample({**signs, "strategy": strategy})

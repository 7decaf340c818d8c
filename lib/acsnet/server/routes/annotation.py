"""Routes of the annotation loop: batches, scores, versions of labels, review, agreement."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Form, HTTPException
from fastapi.responses import RedirectResponse
from monailabel.interfaces.utils.app import app_instance

from acsnet.annotations.agreement import compare_all
from acsnet.server.app import AcsnetApp
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.inference.batch import MAX_IMAGES

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


@router.get("/acsnet/cases/{image}/versions.json")
def versions(image: str) -> list[dict[str, Any]]:
    """All versions of an image's labels, newest first."""
    app: AcsnetApp = app_instance()
    _known(app, image)
    return app.datastore().versions(image)


@router.post("/acsnet/cases/{image}/review")
def review(
    image: str, version: Annotated[str, Form()], by: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Say that a version is reviewed, so that it may train, and show the case.

    by: the reviewer, where nobody is logged in.
    """
    app: AcsnetApp = app_instance()
    _known(app, image)
    who = signed({"user": by.strip()})
    if not who["user"]:
        raise HTTPException(422, "say who reviewed it")
    app.review(image, version, by=author_of(who))
    return RedirectResponse(f"/acsnet/cases/{quote(image)}", 303)


@router.delete("/datastore/label")
def withdraw(id: str, tag: str) -> dict[str, Any]:  # noqa: A002 - the name that clients send
    """Take the label map that holds under a tag out of use; its version is kept."""
    app: AcsnetApp = app_instance()
    _known(app, id)
    if tag not in app.datastore().get_labels_by_image_id(id):
        raise HTTPException(404, f"image {id!r} has no label with tag {tag!r}")
    app.withdraw(id, tag, by=signed({"user": ""})["user"])
    return {}


@router.get("/acsnet/cases/{image}/agreement.json")
def agreement(image: str) -> list[dict[str, Any]]:
    """How far every two people agree on an image, by the newest label map of each."""
    app: AcsnetApp = app_instance()
    _known(app, image)
    return [
        {"first": one, "second": other, **found.to_dict()}
        for one, other, found in compare_all(app.datastore().drawn_by(image))
    ]


def _known(app: AcsnetApp, image: str) -> None:
    if image not in app.datastore().list_images():
        raise HTTPException(404, f"there is no case {image!r}")


def _scoring(app: AcsnetApp, method: str) -> Any:
    if method not in app.scoring_methods:
        known = ", ".join(app.scoring_methods)
        raise HTTPException(404, f"there is no scoring method {method!r}; there is {known}")
    return app.scoring_methods[method]

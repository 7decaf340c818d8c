"""Many cases at once from the work list: segment the ticked ones or all new ones, and stop."""

from typing import Annotated

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse

from acsnet.server.app import App
from acsnet.server.inference.batch import MAX_IMAGES
from acsnet.server.pages.case_index import index_of
from acsnet.server.pages.cases import State

router = APIRouter(prefix="/acsnet")


@router.post("/batch")
def start(
    app: App,
    image: Annotated[list[str] | None, Form()] = None,
    which: Annotated[str, Form()] = "ticked",
) -> RedirectResponse:
    """Segment cases in the background, each once its turn has come.

    image: ids of those that were ticked; which: `new` for all cases that nothing was drawn on, of
    which as many are taken as a batch may have.
    """
    store = app.datastore()
    if which == "new":
        new = index_of(store).listed().chosen(state=State.NEW.value)
        images = [case.id for case in new if store.verdict(case.id).is_offered][:MAX_IMAGES]
    else:
        images = list(dict.fromkeys(image or ()))
    known = set(store.list_images())
    if unknown := [name for name in images if name not in known]:
        raise HTTPException(404, f"there is no case {unknown[0]!r}")
    if not images:
        none = "there are no new cases" if which == "new" else "tick at least one case"
        raise HTTPException(422, none)
    if len(images) > MAX_IMAGES:
        raise HTTPException(422, f"a batch may have at most {MAX_IMAGES} cases, got {len(images)}")
    app.batch.start(images)
    return RedirectResponse("/acsnet/", 303)


@router.post("/batch/stop")
def stop(app: App) -> RedirectResponse:
    """End the batch after the case at hand."""
    app.batch.stop()
    return RedirectResponse("/acsnet/", 303)

"""Many cases at once from the work list: segment the ticked ones or all new ones, and stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse

from acsnet.server.app import App
from acsnet.server.inference.batch import MAX_IMAGES
from acsnet.server.pages.case_index import index_of
from acsnet.server.pages.cases import State
from acsnet.server.web.error_responses import came_from

FIELDS = 2 * MAX_IMAGES
"""Of a form: one for each ticked case, and so many that who ticks too many is told the reason."""

router = APIRouter(prefix="/acsnet", form_limits={"max_fields": FIELDS})


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a batch is.

    done: how many of `total` cases are segmented; at: id of the one at hand, empty for none;
    failed: id -> why it was refused or has failed; not_begun: how many wait or were left out.
    """

    running: bool
    total: int
    done: int
    at: str
    failed: Mapping[str, str]
    not_begun: int

    @property
    def title(self) -> str:
        """State and numbers in one line."""
        stopped = self.not_begun and not self.running
        state = "under way" if self.running else "stopped" if stopped else "ended"
        parts = [f"Batch {state}: {self.done} of {self.total} segmented"]
        parts += [f"{len(self.failed)} refused or failed"] if self.failed else []
        parts += [f"{self.not_begun} not begun"] if stopped else []
        return ", ".join(parts)


def progress_of(status: Mapping[str, Any]) -> Progress:
    """The progress of a batch from its status, which names an outcome for each image."""
    images: Mapping[str, str] = status["images"]
    outcomes = list(images.values())
    others = ("waiting", "stopped", "running", "done")
    return Progress(
        running=status["running"],
        total=len(images),
        done=outcomes.count("done"),
        at=next((image for image, outcome in images.items() if outcome == "running"), ""),
        failed={image: outcome for image, outcome in images.items() if outcome not in others},
        not_begun=outcomes.count("waiting") + outcomes.count("stopped"),
    )


@router.post("/batch")
def start(
    app: App,
    http: Request,
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
    return _back(http)


@router.post("/batch/stop")
def stop(app: App, http: Request) -> RedirectResponse:
    """End the batch after the case at hand."""
    app.batch.stop()
    return _back(http)


def _back(http: Request) -> RedirectResponse:
    """To the work list as it was searched."""
    return RedirectResponse(came_from(http) or "/acsnet/", 303)

"""What a reader enters for a case: body size, indication, comment, marks in the slices."""

import json
import time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import RedirectResponse

from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.server.app import App
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.state.audit_trail import note
from acsnet.server.state.paths import DETAILS

router = APIRouter(prefix="/acsnet")

Text = Annotated[str, Form()]


@router.post("/cases/{image}/details")
def save_details(
    app: App,
    image: str,
    by: Text = "",
    height_cm: Text = "",
    weight_kg: Text = "",
    indication: Text = "",
    comment: Text = "",
    rv_insertion: Text = "",
    remote_region: Text = "",
) -> RedirectResponse:
    """Keep what was entered in place of what was there, and show the case."""
    if image not in app.datastore().list_images():
        raise HTTPException(404, f"there is no case {image!r}")
    height, weight = _number("height", height_cm), _number("weight", weight_kg)
    details = ReadingDetails.from_dict(
        {
            "height_cm": height,
            "weight_kg": weight,
            "body_size_source": None if height is None else "entered",
            "indication": indication.replace("\r\n", "\n").strip(),
            "comment": comment.replace("\r\n", "\n").strip(),
            "rv_insertion": _points("the insertion of the right ventricle", rv_insertion),
            "remote_region": _points("the remote region", remote_region),
        }
    )
    who = signed({"user": by.strip()})
    if not who["user"]:
        raise HTTPException(422, "enter your name: there is no login")
    start = time.perf_counter()
    saved = DetailsStore(app.store_folder() / DETAILS).save(image, details, reader=author_of(who))
    note(
        "save",
        user=saved.reader,
        image=image,
        seconds=time.perf_counter() - start,
        details={"what": "details"},
    )
    return RedirectResponse(f"/acsnet/cases/{quote(image)}#details", 303)


def _number(name: str, text: str) -> float | None:
    """A number that was typed, with a point or a comma; None for nothing. Raises HTTP 422."""
    if not text.strip():
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise HTTPException(422, f"{name} must be a number, got {text!r}") from None


def _points(name: str, text: str) -> Any:
    """Slice number -> [row, column] as the script sends it. Raises HTTP 422."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise HTTPException(422, f"{name} is not JSON") from None

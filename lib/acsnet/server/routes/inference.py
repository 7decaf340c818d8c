"""The route that runs a model on a scan.

It is a plain function, so that the web framework runs it in a thread of its own: MONAI Label's
own route holds up every other request until it is done.
"""

import json
import uuid
from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from monailabel.endpoints.infer import ResultType
from urllib3 import encode_multipart_formdata
from urllib3.fields import RequestField

from acsnet.server.app import App
from acsnet.server.corrections.desk import Reader
from acsnet.server.corrections.points import POINT_LISTS
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.inference.infer_options import (
    KEEP_VALID,
    PHASE,
    SCAR_METHOD,
    SERIES,
    UNCERTAINTY,
    named,
)
from acsnet.server.inference.response import Answer, label_map_bytes
from acsnet.server.routes.common import client_session, image_path, saved_upload
from acsnet.server.web.load_limits import asker, gone
from acsnet.server.web.request_checks import json_object, result_suffix

router = APIRouter()

TAKEN = (SCAR_METHOD, KEEP_VALID, UNCERTAINTY, PHASE, SERIES, "label_info", "client_id")
"""What of a client's parameters reaches a task."""

POINTS = (*POINT_LISTS, "label", "reset_state")
"""What of them is about clicks."""

MEDIA_TYPE = "application/octet-stream"
"""Of a label map: NIfTI and NRRD have no registered type."""


@router.post("/infer/{model}", response_model=None)
def infer(
    app: App,
    http: Request,
    model: str,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    label: Annotated[UploadFile | None, File()] = None,
    output: ResultType | None = None,
) -> Response:
    """Segment a session's scan, an uploaded file or an image of the datastore, in this order.

    label: a label map on it, for the tasks that take one; output: label map, measures, or both.
    """
    if model not in app.models:
        raise HTTPException(404, f"there is no model {model!r}; there is {', '.join(app.models)}")
    if output is ResultType.dicom_seg:
        raise HTTPException(422, "DICOM SEG is not available: ask for image, json or all")
    wishes = named(signed(json_object(params)))
    suffix = result_suffix(wishes)
    request: dict[str, Any] = {name: wishes[name] for name in TAKEN if name in wishes}
    who = asker(http, author_of(wishes))
    request |= {"model": model, "asker": who, "gone": gone(http)}
    request |= {
        "reader": Reader(name=author_of(wishes), key=who),
        "points": {name: wishes[name] for name in POINTS if name in wishes},
        "selected": wishes.get("selected_label_name"),
    }
    with ExitStack() as uploads:
        if label is not None:
            request["label"] = str(uploads.enter_context(saved_upload(app, label)))
        if file is not None and not session_id:
            request["image"] = str(uploads.enter_context(saved_upload(app, file)))
        elif session_id:
            request["image"] = client_session(app, session_id, http, used=True).image
        else:
            request |= {"image": str(image_path(app, image)), "image_id": image}
        answer = app.segment(request)
    return _response(answer, suffix=suffix, output=output)


def _response(answer: Answer, *, suffix: str, output: ResultType | None) -> Response:
    """The parts of an answer that a client asks for; both as one multipart form.

    suffix: of the label map's format, `.nii.gz`, `.nii` or `.nrrd`.
    """
    if output is ResultType.json:
        return JSONResponse(answer.params)
    name = f"{uuid.uuid4().hex}{suffix}"
    content = label_map_bytes(answer, suffix)
    if output is ResultType.image:
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=MEDIA_TYPE, headers=headers)
    params = RequestField("params", json.dumps(answer.params))
    params.make_multipart(content_type="application/json")
    body, kind = encode_multipart_formdata([params, ("image", (name, content, MEDIA_TYPE))])
    return Response(body, media_type=kind)

"""The route that runs a model on a scan.

It is a plain function, so that the web framework runs it in a thread of its own: MONAI Label's
own route holds up every other request until it is done.
"""

import json
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse, Response
from monailabel.endpoints.infer import ResultType
from urllib3 import encode_multipart_formdata
from urllib3.fields import RequestField

from acsnet.server.app import App
from acsnet.server.corrections.points import points_of
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.inference.infer_options import named
from acsnet.server.inference.request import ClickRequest, InferenceRequest
from acsnet.server.inference.response import Answer, label_map_bytes
from acsnet.server.routes.common import client_session, image_path, saved_upload
from acsnet.server.web.load_limits import asker, gone
from acsnet.server.web.request_checks import json_object, result_suffix

router = APIRouter()

PARAMS = (
    'The parameters as a JSON object, such as {"uncertainty": true}; '
    "docs/how-to-annotate.md lists those of each model."
)

MEDIA_TYPE = "application/octet-stream"
"""Of a label map: NIfTI and NRRD have no registered type."""


@router.post("/infer/{model}", response_model=None)
def infer(
    app: App,
    http: Request,
    model: str,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form(description=PARAMS)] = "{}",
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
    suffix, author, image_id = result_suffix(wishes), author_of(wishes), ""
    with ExitStack() as uploads:
        sent = None if label is None else uploads.enter_context(saved_upload(app, label))
        if file is not None and not session_id:
            path = uploads.enter_context(saved_upload(app, file))
        elif session_id:
            path = Path(client_session(app, session_id, http, used=True).image)
        else:
            path, image_id = image_path(app, image), image
        request = InferenceRequest(
            model=model,
            image=path,
            image_id=image_id,
            user=str(wishes.get("client_id") or ""),
            author=author,
            client=asker(http, author),
            is_gone=gone(http),
            parameters=wishes,
            label_map=sent,
            segments=wishes.get("label_info"),
            selected_label=str(wishes.get("selected_label_name") or ""),
            clicks=ClickRequest(
                points=lambda scan: points_of(wishes, scan.grid),
                anew=wishes.get("reset_state") is True,
            ),
        )
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

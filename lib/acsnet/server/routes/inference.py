"""The route that runs a model on a scan.

It is a plain function, so that the web framework runs it in a thread of its own: MONAI Label's
own route holds up every other request until it is done.
"""

from contextlib import ExitStack
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, File, Form, HTTPException, Request, UploadFile
from monailabel.endpoints.infer import ResultType, send_response
from monailabel.interfaces.utils.app import app_instance

from acsnet.server.app import AcsnetApp
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.identity import signed
from acsnet.server.inference.tasks import KEEP_VALID, SCAR_METHOD, UNCERTAINTY
from acsnet.server.routes.common import client_session, image_path, saved_upload
from acsnet.server.web.load_limits import asker
from acsnet.server.web.request_checks import json_object, result_suffix

router = APIRouter()

TAKEN = (SCAR_METHOD, KEEP_VALID, UNCERTAINTY, "label_info", "client_id")
"""What of a client's parameters reaches a task."""


@router.post("/infer/{model}")
def infer(
    http: Request,
    background_tasks: BackgroundTasks,
    model: str,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    label: Annotated[UploadFile | None, File()] = None,
    output: ResultType | None = None,
) -> Any:
    """Segment a session's scan, an uploaded file or an image of the datastore, in this order.

    label: a label map on it, for the tasks that take one.
    """
    app: AcsnetApp = app_instance()
    models = sorted(app.info()["models"])
    if model not in models:
        raise HTTPException(404, f"there is no model {model!r}; there is {', '.join(models)}")
    if output is ResultType.dicom_seg:
        raise HTTPException(422, "DICOM SEG is not available: ask for image, json or all")
    wishes = signed(json_object(params))
    request = {"model": model, "result_extension": result_suffix(wishes)}
    request |= {name: wishes[name] for name in TAKEN if name in wishes}
    request["asker"] = asker(http, author_of(wishes))
    with ExitStack() as uploads:
        if label is not None:
            request["label"] = str(uploads.enter_context(saved_upload(app, label)))
        if file is not None and not session_id:
            request["image"] = str(uploads.enter_context(saved_upload(app, file)))
        elif session_id:
            request["image"] = client_session(app, session_id, used=True).image
        else:
            request |= {"image": str(image_path(app, image)), "image_id": image}
        result = app.infer(request)
    return send_response(app.datastore(), result, output, background_tasks)

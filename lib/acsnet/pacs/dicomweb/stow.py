"""Storing an instance (STOW-RS, PS3.18 section 10.5): the request, and what the answer says."""

import io
import json
import uuid

import pydicom
import requests
from pydicom.dataset import Dataset

from acsnet.dicom import dicom_json
from acsnet.errors import PacsError
from acsnet.io.dicom_files.dicom_file import DAMAGED, quiet_pydicom, text_of

JSON_KINDS = ("application/dicom+json", "application/json")


class NotStoredError(PacsError):
    """An instance that the service refused; it may accept others."""


def body_of(dataset: Dataset) -> tuple[io.BytesIO, str]:
    """The multipart body of a request and its type. Raises NotStoredError for a damaged dataset."""
    boundary = uuid.uuid4().hex
    kind = "application/dicom"
    # A stream, which is sent in pieces: the time-out is for a piece, not for the whole instance.
    body = io.BytesIO()
    body.write(f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode())
    content = io.BytesIO()
    try:
        with quiet_pydicom():
            pydicom.dcmwrite(content, dataset)
    except DAMAGED as error:
        msg = f"{text_of(dataset, 'SOPInstanceUID') or 'the instance'} cannot be written: {error}"
        raise NotStoredError(msg) from error
    body.write(content.getbuffer())
    body.write(f"\r\n--{boundary}--\r\n".encode())
    body.seek(0)
    return body, f'multipart/related; type="{kind}"; boundary={boundary}'


def failure_in(response: requests.Response) -> str | None:
    """Why the one instance of a request was not stored; None where the answer names no failure."""
    failed = _answer_of(response).get("FailedSOPSequence")
    if not failed:
        return None
    code = failed[0].get("FailureReason")
    return f"reason {code:#06x}" if isinstance(code, int) else "without a reason"


def is_said_stored(response: requests.Response, uid: str) -> bool:
    """Whether an answer names an instance among those that are stored."""
    with quiet_pydicom():
        stored = _answer_of(response).get("ReferencedSOPSequence") or []
        return any(text_of(item, "ReferencedSOPInstanceUID") == uid for item in stored)


def _answer_of(response: requests.Response) -> Dataset:
    """What an answer in JSON says; an empty dataset of another, such as XML or the page of a login.

    What says nothing is no success: the service is asked then.
    """
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in JSON_KINDS:
        return Dataset()
    try:
        content = json.loads(response.content)
        return dicom_json.header(content[0] if isinstance(content, list) else content)
    except DAMAGED:
        return Dataset()

"""Checks of names, suffixes and parameters of a request, before anything is opened."""

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.exceptions import HTTPException

from acsnet.io.volume import is_packed
from acsnet.storage import broken_rule

SCAN_SUFFIXES = (".nii.gz", ".nii", ".seg.nrrd", ".nrrd", ".mha")
"""Of files that hold a whole volume, as clients may send them and the store keeps them."""

HEADER_SUFFIXES = (".nhdr", ".mhd", ".hdr", ".img")
"""Of files in the studies folder whose pixels lie in another file beside them."""

RESULT_SUFFIXES = (".nii.gz", ".nii", ".nrrd")
MAX_PART = 255
"""Bytes: what a file system takes as one name."""

_TAG = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")  # also a UID, as a PACS has for an id
_SESSION = re.compile(r"[A-Za-z0-9-]{1,64}")


def name_fault(key: str, value: str) -> str | None:
    """What is wrong with a query parameter that names something, or None.

    An empty `image` or `session_id` is how clients say that they send none.
    """
    if key == "tag":
        plain = bool(_TAG.fullmatch(value))
        rule = "tag must be 1 to 64 letters, digits, '-', '_' and '.', not first '.'"
        return None if plain else rule
    if key == "session_id":
        plain = not value or bool(_SESSION.fullmatch(value))
        return None if plain else "session_id must be an id that this server gave"
    if key in ("image", "label", "id", "model", "strategy"):
        rule = broken_rule(value) if value else ""
        return f"{key} must be a name {rule}: rename it" if rule else None
    return None


def path_fault(path: str) -> str | None:
    """The fault of a decoded URL path, or None."""
    parts = path.split("/")
    if any(len(part.encode(errors="surrogatepass")) > MAX_PART for part in parts):
        return f"no part of the address may be longer than {MAX_PART} bytes"
    if path.endswith("/") and "%" in path:  # a redirect to it without "/" would decode it again
        return "leave out the / at the end of the address"
    unsafe = any(part in (".", "..") or "\\" in part or "\x00" in part for part in parts)
    return "the address must not climb out of its folder" if unsafe else None


def json_object(text: str) -> dict[str, Any]:
    """The `params` form field as a dict; HTTP 422 where it is anything else."""
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits
        raise HTTPException(422, f"params must be a JSON object: {error}") from error
    if not isinstance(value, dict):
        raise HTTPException(422, f"params must be a JSON object, got {type(value).__name__}")
    return value


def result_suffix(params: dict[str, Any]) -> str:
    """The file type a client wants its label map in; `.nii.gz` unless it says otherwise."""
    suffix = params.get("result_extension") or RESULT_SUFFIXES[0]
    if suffix not in RESULT_SUFFIXES:
        raise HTTPException(422, f"result_extension must be one of {RESULT_SUFFIXES}")
    if params.get("result_dtype") not in (None, "", "uint8"):
        raise HTTPException(422, "result_dtype must be uint8: a label map holds label values")
    return str(suffix)


def upload_suffix(filename: str | None) -> str:
    """The ending of an uploaded file, one of `SCAN_SUFFIXES`.

    HTTP 415 for any other, 422 for an archive whose name is no plain name.
    """
    lowered = (filename or "").lower()
    for suffix in SCAN_SUFFIXES:
        if lowered.endswith(suffix):
            return suffix
    if is_packed(Path(lowered)):
        msg = f"{upload_name(filename)} is packed: unpack it and send the files in it"
        raise HTTPException(415, msg)
    raise HTTPException(
        415,
        "send a NIfTI file, named .nii.gz or .nii, or a .nrrd, .seg.nrrd or .mha file; the DICOM "
        "files of a scan go to PUT /session/",
    )


def upload_name(filename: str | None) -> str:
    """The last part of an uploaded file's name; HTTP 422 where that is no plain name."""
    name = PurePosixPath((filename or "").replace("\\", "/")).name
    if rule := broken_rule(name):
        raise HTTPException(422, f"every uploaded file must have a name {rule}: rename it")
    return name

"""What a client may say of a label that it saves, and what it is told in return."""

from typing import Any

from acsnet.dicom import State
from acsnet.errors import InputError
from acsnet.measure import numbers_of
from acsnet.result import NOTICE

NOBODY = "unknown annotator"
MAX_AUTHOR = 64
"""Characters of a DICOM person name (PS3.5 table 6.2-1)."""


def author_of(info: dict[str, Any]) -> str:
    """Who saved a label: `user`, or `client_id` as 3D Slicer sends it. Raises InputError.

    The name is what the client says, unless somebody is logged in (`login.person.signed`).
    """
    author = str(info.get("user") or info.get("client_id") or NOBODY).strip()
    if len(author) > MAX_AUTHOR or not author.isprintable():
        msg = f"the annotator's name must be at most {MAX_AUTHOR} printable characters"
        raise InputError(msg)
    return author


def state_of(info: dict[str, Any]) -> State:
    """`state` as a client sends it: draft or reviewed; draft where it sends none.

    Raises InputError for anything else.
    """
    state = info.get("state") or "draft"
    if state == "draft":
        return "draft"
    if state == "reviewed":
        return "reviewed"
    msg = f"state must be draft or reviewed, got {state!r}"
    raise InputError(msg)


def saved_answer(info: dict[str, Any]) -> dict[str, Any]:
    """What a client is told of a label that was saved; 3D Slicer shows it as it is."""
    features = info["features"]
    return {
        "version": info["version"],
        "state": state_of(info),
        "author": author_of(info),
        "model": info["model"],
        "warnings": features["warnings"],
        "measurements": {name: round(value, 2) for name, value in numbers_of(features).items()},
        "notice": NOTICE,
    }

"""Versions of labels as records of MONAI Label, and which of them holds under which tag."""

from collections.abc import Sequence
from typing import Any

from monailabel.interfaces.datastore import DefaultLabelTag

from acsnet.annotations.label_versions import Version, newest_of

DRAFT, REVIEWED = str(DefaultLabelTag.ORIGINAL.value), str(DefaultLabelTag.FINAL.value)
"""MONAI Label's tags for what a network drew and for a finished label, which is a reviewed one."""

DRAWN = "draft"
"""The tag of what a person saved and nobody has reviewed yet."""


def held(versions: Sequence[Version]) -> dict[str, Version]:
    """Tag -> the version that holds under it; versions: of one image, newest first.

    A person's draft holds until something newer is reviewed. Other tags are a client's own.
    """
    used = [one for one in versions if one.state != "withdrawn"]
    held = {one.tag: one for one in reversed(used) if one.tag != REVIEWED}
    if reviewed := newest_of(used, "reviewed"):
        held[REVIEWED] = reviewed
    newest = next((one for one in used if one.tag == REVIEWED), None)
    if newest is not None and newest.state == "draft":
        held[DRAWN] = newest
    return held


def record_of(version: Version) -> dict[str, Any]:
    """As a record of a label: `user` and `ts` are what MONAI Label calls author and time."""
    return {
        "version": version.id,
        "state": version.state,
        "user": version.author,
        "ts": int(version.saved.timestamp()),
        "model": version.model,
        "reviewer": version.reviewer,
        "features": version.features,
    }

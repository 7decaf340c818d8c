"""Segmentations in a PACS as records of MONAI Label, and which of them holds under which tag."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from acsnet.pacs.annotations import Annotation
from acsnet.pacs.worklist import Entry
from acsnet.server.datastores.label_records import DRAFT, DRAWN, REVIEWED
from acsnet.storage import write_json


class KeptMeasures:
    """Measures of SEGs by SOPInstanceUID, so that pages need not read a SEG: it never changes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, instance: str, features: dict[str, Any]) -> None:
        """Keep the measures of a SEG."""
        write_json(self._folder / f"{instance}.json", features, private=True)

    def of(self, instance: str) -> dict[str, Any]:
        """The measures of a SEG; empty while nobody has read it."""
        file = self._folder / f"{instance}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def tagged(entry: Entry) -> dict[str, Annotation]:
    """Tag -> the SEG that holds."""
    newest = entry.drawn[0] if entry.drawn else None
    found = {
        REVIEWED: entry.newest("reviewed"),
        DRAFT: entry.model_draft,
        DRAWN: newest if newest is not None and newest.state == "draft" else None,
    }
    return {tag: one for tag, one in found.items() if one is not None}


def seg_record(annotation: Annotation) -> dict[str, Any]:
    """As a record of a label: `user` and `ts` are what MONAI Label calls author and time."""
    return {
        "state": annotation.state,
        "user": annotation.author,
        "ts": _seconds(annotation.made_at),
        "version": annotation.instance,
    }


def _seconds(made_at: str) -> int:
    """YYYYMMDDHHMMSS of this machine's clock -> seconds since 1970; 0 where it is none."""
    try:
        return int(datetime.strptime(made_at[:14], "%Y%m%d%H%M%S").timestamp())
    except ValueError:
        return 0

"""What this server knows of the segmentations of a PACS that they cannot say themselves.

A SEG in a PACS is never changed or removed. That it was rejected, who took over a draft of the
networks as it is, and what they said of it are lines of a file in the state folder. These lines,
and notes of what is to be stored, tell at the next start what the audit log has no line about.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from acsnet.annotations import audit_log
from acsnet.annotations.audit_log import Event
from acsnet.pacs.annotations import Annotation
from acsnet.pacs.worklist import Entry
from acsnet.server.state.audit_trail import COMPLETED
from acsnet.server.state.paths import DECISIONS, SAVES, audit_log_file
from acsnet.storage import append_line, read_lines

Missing = dict[tuple[Event, str], dict[str, Any]]
"""By event and SOPInstanceUID of the SEG, what else `audit_log.record` is told."""


@dataclass(frozen=True, kw_only=True)
class SegDecision:
    """What people decided on one SEG.

    instance: its SOPInstanceUID; author: who drew it, where it names another; draft: of a reviewed
    one, SOPInstanceUID of the person's draft that it is made of, empty where that is not noted;
    reviewer, comment, withdrawn_by: as in `LabelRecord`.
    """

    instance: str
    author: str = ""
    draft: str = ""
    reviewer: str = ""
    comment: str = ""
    withdrawn_by: str = ""


class SegDecisions:
    """Decisions on the SEGs of one PACS, in a file of JSON lines that only ever grows."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._change = threading.Lock()
        self._known: dict[str, SegDecision] = {}
        self._marked: tuple[Mapping[str, Entry], dict[str, Entry]] | None = None
        names = SegDecision.__dataclass_fields__
        for line in read_lines(file):
            about = {name: str(line[name]) for name in names if name in line}
            if "instance" in about:
                self._known[about["instance"]] = SegDecision(**about)

    def of(self, instance: str) -> SegDecision | None:
        """What was decided last; None where nothing was."""
        return self._known.get(instance)

    def add(self, decision: SegDecision) -> None:
        """Keep a decision; it is on the disk when this returns."""
        with self._change:
            append_line(self._file, {**asdict(decision), "time": _now()})
            self._known[decision.instance] = decision
            self._marked = None

    def marked(self, entries: Mapping[str, Entry]) -> dict[str, Entry]:
        """A work list with the withdrawn SEGs marked as such."""
        with self._change:
            if self._marked is None or self._marked[0] is not entries:
                self._marked = entries, {uid: self._entry(entry) for uid, entry in entries.items()}
            return self._marked[1]

    def _entry(self, entry: Entry) -> Entry:
        marked = tuple(self._annotation(annotation) for annotation in entry.annotations)
        return entry if marked == entry.annotations else replace(entry, annotations=marked)

    def _annotation(self, annotation: Annotation) -> Annotation:
        decision = self.of(annotation.instance)
        if decision is None or not decision.withdrawn_by:
            return annotation
        return replace(annotation, state="withdrawn")


class SegSaves:
    """What this server is about to store in one PACS for a person, noted before it does."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, version: str, *, user: str, image: str, model: str = "", state: str = "") -> None:
        """Note a save that is to come; on the disk when this returns.

        version: SOPInstanceUID of the SEG; the others as in the audit log.
        """
        about = {"user": user, "model": model, "image": image, "state": state}
        append_line(self._file, {"version": version, **about, "time": _now()})


def unrecorded(store: Path) -> Missing:
    """What people did with SEGs, as noted in a store, that the audit log has no line about.

    Also of SEGs that never came to be, as saves and reviews are noted before they are stored.
    """
    saves, decisions = read_lines(store / SAVES), read_lines(store / DECISIONS)
    if not saves and not decisions:
        return {}
    log = {(line.get("event"), line.get("version")) for line in audit_log.read(audit_log_file())}
    missing: Missing = {}
    for event, instance, about in (*_saves(saves), *_decisions(decisions, saves)):
        if (event, instance) not in log:
            missing.setdefault((event, instance), about)
    return missing


def complete(missing: Missing, images: Mapping[str, str]) -> int:
    """Add the lines that are missing about the SEGs in the PACS, by SOPInstanceUID; how many.

    images: id of the image of each of these.
    """
    lines = {key: about for key, about in missing.items() if key[1] in images}
    for (event, instance), about in lines.items():
        details = {"version": instance, **about["details"], **COMPLETED}
        image = about["image"] or images[instance]
        audit_log.record(audit_log_file(), event, **{**about, "image": image, "details": details})
    return len(lines)


def _saves(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Event, str, dict[str, Any]]]:
    for line in lines:
        if isinstance(line.get("version"), str):
            about = {name: str(line.get(name, "")) for name in ("user", "model", "image")}
            details = {"state": str(line.get("state", "")), **_at(line)}
            yield "save", line["version"], {**about, "details": details}


def _decisions(
    lines: Sequence[Mapping[str, Any]], saves: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Event, str, dict[str, Any]]]:
    models = {line.get("version"): str(line.get("model", "")) for line in saves}
    for line in lines:
        instance = line.get("instance")
        if not isinstance(instance, str):
            continue
        about = {"model": models.get(instance, ""), "image": "", "details": _at(line)}
        if line.get("reviewer"):
            yield "review", instance, {**about, "user": str(line["reviewer"])}
        if line.get("withdrawn_by"):
            yield "withdraw", instance, {**about, "model": "", "user": str(line["withdrawn_by"])}


def _at(line: Mapping[str, Any]) -> dict[str, str]:
    """When what a line tells of happened; earlier versions noted none of saves."""
    return {"at": str(line["time"])} if "time" in line else {}


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")

"""What this server knows of the segmentations of a PACS that they cannot say themselves.

A SEG in a PACS is never changed or removed. That it was rejected, who took over a draft of the
networks as it is, and what they said of it are lines of a file in the state folder.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from acsnet.annotations import audit_log
from acsnet.pacs.annotations import Annotation
from acsnet.pacs.worklist import Entry
from acsnet.server.state.audit_trail import COMPLETED
from acsnet.server.state.paths import audit_log_file
from acsnet.storage import append_line, read_lines

FIELDS = ("user", "model", "image", "state")


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
            time = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            append_line(self._file, {**asdict(decision), "time": time})
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
    """What this server is about to store in one PACS for a person, noted before it does.

    A save whose line in the audit log could not be written is found here at the next start: the
    SEG is in the PACS, and who sent it is known.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, version: str, *, user: str, image: str, model: str = "", state: str = "") -> None:
        """Note a save that is to come; on the disk when this returns.

        version: SOPInstanceUID of the SEG; the others as in the audit log.
        """
        about = {"user": user, "model": model, "image": image, "state": state}
        append_line(self._file, {"version": version, **about})

    def unrecorded(self) -> list[dict[str, str]]:
        """Saves that the audit log has no line about, whether they came to be or not."""
        lines = [line for line in read_lines(self._file) if isinstance(line.get("version"), str)]
        if not lines:
            return []
        saved = {
            line.get("version")
            for line in audit_log.read(audit_log_file())
            if line.get("event") == "save"
        }
        left = [line for line in lines if line["version"] not in saved]
        return [{name: str(line.get(name, "")) for name in ("version", *FIELDS)} for line in left]

    def complete(self, stored: Collection[str]) -> int:
        """Add the missing lines of the SEGs that are in the PACS; how many."""
        missing = [line for line in self.unrecorded() if line["version"] in stored]
        for line in missing:
            audit_log.record(
                audit_log_file(),
                "save",
                user=line["user"],
                model=line["model"],
                image=line["image"],
                details={"version": line["version"], "state": line["state"], **COMPLETED},
            )
        return len(missing)

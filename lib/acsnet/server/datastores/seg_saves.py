"""What this server is about to store in a PACS for a person, noted before it does.

A save whose line in the audit log could not be written is found here at the next start: the SEG is
in the PACS, and who sent it is known.
"""

from collections.abc import Collection
from pathlib import Path

from acsnet.annotations import audit_log
from acsnet.server.state.audit_trail import COMPLETED
from acsnet.server.state.paths import audit_log_file
from acsnet.storage import append_line, read_lines

FIELDS = ("user", "model", "image", "state")


class SegSaves:
    """The saves of one PACS, in a file of JSON lines that only ever grows."""

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
            details = {"version": line["version"], "state": line["state"], **COMPLETED}
            about = {name: line[name] for name in ("user", "model", "image")}
            audit_log.record(audit_log_file(), "save", **about, details=details)
        return len(missing)

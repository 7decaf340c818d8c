"""The audit log of a server: lines that must not fail what they tell of, and are completed later.

What is saved, reviewed, withdrawn or served is told by the state itself. Where a line is missing,
for the disk was full or the process killed between the two, it is added at the next start.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from acsnet.annotations import audit_log
from acsnet.annotations.audit_log import Event
from acsnet.annotations.label_versions import Version, VersionStore, by_networks
from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Models
from acsnet.server.state.paths import audit_log_file

logger = logging.getLogger(__name__)

COMPLETED = {"completed": True}
"""In a line that was added later; `at` says when what it tells of happened."""


def note(event: Event, **about: Any) -> tuple[str, ...]:
    """Write a line as `audit_log.record` does; a warning where that cannot be done.

    What it tells of has happened: the answer to who asked for it is yes.
    """
    try:
        audit_log.record(audit_log_file(), event, **about)
    except OSError:
        logger.exception("a line of the audit log could not be written")
        return ("its line in the audit log could not be written: look at the disk of the server",)
    return ()


def complete(versions: VersionStore, models: Models) -> int:
    """Add the lines that are missing; how many."""
    lines = audit_log.read(audit_log_file())
    known = {(line.get("event"), line.get("version")) for line in lines}
    missing = [
        line
        for of_image in versions.all()
        for version in reversed(of_image)
        for line in _lines_of(version)
        if (line[0], version.id) not in known
    ]
    missing += _lines_of_models(models, lines)
    for event, about in missing:
        details = {**about.pop("details"), **COMPLETED}
        audit_log.record(audit_log_file(), event, **about, details=details)
        logger.warning("a line that was missing in the audit log is added: %s", event)
    return len(missing)


def _lines_of(version: Version) -> Iterator[tuple[Event, dict[str, Any]]]:
    """What the log must say of a version."""
    about = {"model": version.model, "image": version.image}
    reviewer, reviewed = version.reviewer, version.reviewed
    saver = reviewer if by_networks(version.author) and reviewer else version.author
    state = "reviewed" if reviewed == version.saved else "draft"
    details = {"version": version.id, "state": state, "at": version.saved.isoformat()}
    if reviewer or not by_networks(version.author):  # a draft of theirs that is rejected is no save
        yield "save", {**about, "user": saver, "details": details}
    if reviewed is not None and (state == "draft" or saver != version.author):
        details = {"version": version.id, "at": reviewed.isoformat()}
        yield "review", {**about, "user": reviewer, "details": details}
    if version.state == "withdrawn":
        details = {"version": version.id, "tag": version.tag}
        yield "withdraw", {**about, "user": version.withdrawn_by, "details": details}


def _lines_of_models(
    models: Models, lines: Sequence[dict[str, Any]]
) -> Iterator[tuple[Event, dict[str, Any]]]:
    """What the log must say of the changes of the model that is live.

    Of one that is not on record, as earlier versions kept none, the last line of the log tells.
    """
    changes = models.changes()
    noted = {line.get("change") for line in lines}
    for change in changes:
        if change.id not in noted:
            details = {"models": models.root.name, "change": change.id}
            yield change.event, {"model": change.told, "details": details}
    if changes and changes[-1].live == models.aliases().live:
        return
    live, last, served = models.aliases().live, SHIPPED_NAME, {SHIPPED_NAME}
    for line in lines:
        ours = line.get("models", models.root.name) == models.root.name
        if ours and line.get("event") in ("promote", "rollback"):
            last = str(line.get("model")).partition(" ")[0]  # without the release
            served.add(last)
    if last != live:
        event: Event = "rollback" if live in served else "promote"
        yield event, {"model": live, "details": {"models": models.root.name}}

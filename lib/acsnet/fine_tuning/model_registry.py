"""Model registry of a site: immutable versions of the weights, and which of them is live.

    ROOT/versions/<name>/weights/     all weights with their manifest; never changed
    ROOT/versions/<name>/record.json  origin of the version, and the decision on its promotion
    ROOT/aliases.json                 which version is live, previous, candidate
    ROOT/changes.jsonl                each change of what is live, noted before it is made

A version is named by a digest of its manifest, which holds the digests of all its files. The
weights of the software are the version "shipped", live before any training; an upgrade may bring
others. What is served depends on `aliases.json` alone, which is replaced atomically.
"""

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from acsnet import __version__
from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import NAME as PRIOR
from acsnet.anatomy.latent_prior import load_prior
from acsnet.errors import InputError, WeightsError
from acsnet.files.temporary import TEMPORARY
from acsnet.nets.architecture import CONFIGS
from acsnet.nets.weights import MANIFEST, SHIPPED, read_ranges, read_verified
from acsnet.storage import (
    append_line,
    make_folder,
    read_lines,
    sha256_of,
    write_json,
    writing_folder,
)
from acsnet.train.run_record import now, read_json

SHIPPED_NAME = "shipped"
NAME_LENGTH = 12
NAME_FORM = re.compile(rf"[0-9a-f]{{{NAME_LENGTH}}}")
CHANGES = "changes.jsonl"
CHAIN = (*CONFIGS, PRIOR)  # what a weights folder must hold to be served


@dataclass(frozen=True, kw_only=True)
class Aliases:
    """Names of the version that is served, the one served before it, and the last one trained."""

    live: str = SHIPPED_NAME
    previous: str | None = None
    candidate: str | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of what is live; id: by which the audit log names it; told: the version there."""

    id: str
    event: Literal["promote", "rollback"]
    live: str
    told: str


class Models:
    """The model versions in a folder. Reading takes no lock and writes nothing."""

    def __init__(self, root: Path) -> None:
        """root: created at the first write."""
        self.root = root
        self._versions = root / "versions"
        self._aliases = root / "aliases.json"
        self._changes = root / CHANGES

    def aliases(self) -> Aliases:
        """The current aliases. Raises WeightsError when their file is broken."""
        try:
            content = json.loads(self._aliases.read_text())
            return Aliases(**content)
        except FileNotFoundError:
            return Aliases()
        except (OSError, ValueError, TypeError) as error:
            msg = (
                f"{self._aliases} is damaged, so it is not known which model is live: restore it "
                f"from a backup, or delete it to use the {SHIPPED_NAME} model; then "
                "`acsnet models promote VERSION` chooses another"
            )
            raise WeightsError(msg) from error

    def changes(self) -> list[Change]:
        """Every change of what is live that was made, oldest first."""
        lines = read_lines(self._changes)
        live = [str(line.get("before")) for line in lines[1:]] + [self.aliases().live]
        return [
            Change(
                id=str(line["id"]),
                event=line["event"],
                live=str(line["live"]),
                told=str(line.get("told", line["live"])),
            )
            for line, after in zip(lines, live, strict=False)
            if line.keys() >= {"id", "event", "live"} and line["live"] == after
        ]

    def last_change(self, live: str) -> str:
        """Id of the last change that made a version live; empty for none."""
        return next((change.id for change in reversed(self.changes()) if change.live == live), "")

    def promotion(self, name: str, *, run: str) -> Change | None:
        """The change by which a run made a version live; None if it did not, or not yet.

        That is the first promotion since the decision on record, if the decision is of this run: a
        version that was trained twice may have been live before.
        """
        decision = self.record(name).get("decision") or {}
        if decision.get("run") != run:
            return None
        changes = self.changes()
        before = [k for k, change in enumerate(changes) if change.id == decision.get("after")]
        since = changes[before[0] + 1 :] if before else changes
        made = (change for change in since if (change.event, change.live) == ("promote", name))
        return next(made, None)

    def _note_change(self, event: str, live: str, *, before: str) -> None:
        """Note a change that is to come: one that is not made has another version after it."""
        entry = {"id": secrets.token_hex(8), "event": event, "live": live, "before": before}
        entry["told"] = name_with_release(live)
        append_line(self._changes, {**entry, "shipped": self._shipped_digest(), "time": now()})

    def _shipped_digest(self) -> str:
        return sha256_of(self.weights(SHIPPED_NAME) / MANIFEST)

    def upgrade_note(self, name: str | None) -> str:
        """That a version to go back to is not what was served before an upgrade; empty if it is.

        Releases before 0.3.0 did not note which shipped networks they served.
        """
        if name != SHIPPED_NAME:
            return ""
        ends = [line for line in read_lines(self._changes) if line.get("before") == SHIPPED_NAME]
        served = ends[-1].get("shipped") if ends else None
        if served == self._shipped_digest():
            return ""
        doubt = "perhaps not" if served is None else "not"
        return f"{SHIPPED_NAME} are the networks of {__version__}, {doubt} those served before"

    def names(self) -> list[str]:
        """All versions, the shipped one first, then by date."""
        names = [path.name for path in self._versions.glob("*") if NAME_FORM.fullmatch(path.name)]
        return [SHIPPED_NAME, *sorted(names, key=lambda name: (self.record(name)["made"], name))]

    def find(self, what: str) -> str:
        """The version with a name, a unique prefix, or an alias. Raises InputError if none."""
        named = asdict(self.aliases())
        if what in named:
            if named[what] is None:
                msg = f"there is no {what} version"
                raise InputError(msg)
            return str(named[what])
        names = self.names()
        fits = (
            [what] if what in names else [name for name in names if what and name.startswith(what)]
        )
        if not fits:
            msg = f"there is no version {what!r}: there is {', '.join(names)}"
            raise InputError(msg)
        if len(fits) > 1:
            msg = f"{what!r} may be any of {', '.join(fits)}"
            raise InputError(msg)
        return fits[0]

    def weights(self, name: str) -> Path:
        """The weights folder of a version, for `Pipeline.load`."""
        return SHIPPED if name == SHIPPED_NAME else self._versions / name / "weights"

    def record(self, name: str) -> dict[str, Any]:
        """What is on record of a version; nothing of the shipped one, or where it is damaged."""
        if name == SHIPPED_NAME:
            return {}
        try:
            return {"made": "", **read_json(self._versions / name / "record.json")}
        except InputError:
            return {"made": "", "damaged": "its record.json cannot be read"}

    def add(self, weights: Path, record: dict[str, Any]) -> str:
        """Add a copy of a weights folder as a version and candidate; returns its name.

        The same weights give the same version, with its old record. Raises WeightsError if a part
        is missing, altered or does not fit the others.
        """
        check_chain(weights)
        name = hashlib.sha256((weights / MANIFEST).read_bytes()).hexdigest()[:NAME_LENGTH]
        with self._changing():
            if not (self._versions / name).exists():
                self._versions.mkdir(exist_ok=True)
                with writing_folder(self._versions / name) as new:
                    shutil.copytree(weights, new / "weights")
                    for file in (new / "weights").iterdir():
                        file.chmod(0o444)
                    write_json(new / "record.json", {"made": now(), **record})
            self._write(replace(self.aliases(), candidate=name))
        return name

    def note(self, name: str, **entries: Any) -> None:
        """Add entries to the record of a version. Raises InputError for the shipped one."""
        if name == SHIPPED_NAME:
            msg = "the shipped version has no record"
            raise InputError(msg)
        with self._changing():
            write_json(self._versions / name / "record.json", self.record(name) | entries)

    def promote(self, name: str, *, instead_of: str | None = None) -> Aliases:
        """Make a version live, from the next request on.

        instead_of: the version it was measured against. Raises InputError if another one is live
        by now, and WeightsError if the version is incomplete.
        """
        check_chain(self.weights(name))
        with self._changing():
            aliases = self.aliases()
            if name == aliases.live:
                return aliases
            if instead_of not in (None, aliases.live):
                msg = f"{name} was measured against {instead_of}, but {aliases.live} is live now"
                raise InputError(msg)
            candidate = None if aliases.candidate == name else aliases.candidate
            self._note_change("promote", name, before=aliases.live)
            return self._write(Aliases(live=name, previous=aliases.live, candidate=candidate))

    def rollback(self, name: str | None = None) -> Aliases:
        """Make the previous version live again, or another one that was; the live one is previous.

        name: None for the previous version. Raises InputError if there is none, for one that is
        live or never was, and WeightsError if it is incomplete.
        """
        with self._changing():
            aliases = self.aliases()
            back = name or aliases.previous
            if back is None:
                msg = f"{aliases.live} is live and there was no version before it"
                raise InputError(msg)
            if back == aliases.live:
                msg = f"{back} is in use already"
                raise InputError(msg)
            were_live = {SHIPPED_NAME, aliases.previous, *(c.live for c in self.changes())}
            if back not in were_live:
                msg = f"{back} was never in use: `acsnet models promote {back}` asks the gate"
                raise InputError(msg)
            check_chain(self.weights(back))
            self._note_change("rollback", back, before=aliases.live)
            return self._write(replace(aliases, live=back, previous=aliases.live))

    def repair(self) -> None:
        """Remove unfinished versions of killed processes."""
        if self.root.is_dir():
            with self._changing():
                for folder in self._versions.glob("*"):
                    if TEMPORARY.fullmatch(folder.name):
                        shutil.rmtree(folder)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Lock against other writers; the lock of a killed process is free."""
        make_folder(self.root)
        with FileLock(self.root / "aliases.lock"):
            yield

    def _write(self, aliases: Aliases) -> Aliases:
        write_json(self._aliases, asdict(aliases))
        return aliases


def name_with_release(name: str) -> str:
    """A version as labels, replies and audit log name it: each release may ship other networks."""
    return f"{name} {__version__}" if name == SHIPPED_NAME else name


def check_chain(weights: Path) -> None:
    """Raise WeightsError if a part of a weights folder is missing, altered or does not fit."""
    for name in CHAIN:
        entry, _ = read_verified(name, folder=weights)
        read_ranges(name, entry, folder=weights)
    load_prior(read_limits(), folder=weights)

"""What people drew, version by version: nothing is overwritten, and a crash loses nothing saved.

An image has a folder, and a version in it two files, `<id>.nii.gz` and then `<id>.json`: it is
there once its record is. What people decide on it later are files of their own, `<id>.reviewed` and
`<id>.withdrawn`. No file ever changes, so the files are the index: what another process adds is
found at the next look, and a folder is read again only when its entries have changed.

A file that cannot be read costs what it says and no more: without its record a version is left out,
without its review it is a draft again. `VersionStore.damaged` names them.
"""

import hashlib
import json
import logging
import re
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

from acsnet.errors import InputError
from acsnet.storage import DAMAGED, private_name, write_bytes

logger = logging.getLogger(__name__)

State = Literal["draft", "reviewed", "withdrawn"]
"""draft: somebody's work; reviewed: may train a network; withdrawn: kept, and not used any more."""

LABEL, RECORD = ".nii.gz", ".json"
SETTLED_NS = 100_000_000
"""A folder that changed a shorter time ago may change again without a newer time of its own."""

_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")


@dataclass(frozen=True, kw_only=True)
class Version:
    """One label map that a person saved.

    saved: UTC; model: version of the model whose draft it started from, empty for none; scan:
    fingerprint of the scan's files that it was drawn on; tag: what the client called it; features:
    as measured when it was saved; reviewer, reviewed: who reviewed it, empty if nobody did, and
    when, UTC; file: NIfTI on the grid of its image, with the values of `acsnet.labels`; comment:
    said with the last decision on it; withdrawn_by: empty where nobody did.
    """

    id: str
    image: str
    author: str
    saved: datetime
    model: str
    scan: str
    tag: str
    features: dict[str, Any]
    sha256: str
    state: State
    reviewer: str
    reviewed: datetime | None
    file: Path
    comment: str = ""
    withdrawn_by: str = ""

    def verified(self) -> Path:
        """The file, once its checksum is known to be that of the save. Raises InputError."""
        if hashlib.sha256(self.file.read_bytes()).hexdigest() != self.sha256:
            msg = f"version {self.id} of a label was altered after it was saved"
            raise InputError(msg)
        return self.file


@dataclass(frozen=True, kw_only=True)
class _Folder:
    """What was read of the versions of one image; changed: time of the folder then, in ns."""

    versions: tuple[Version, ...] = ()
    damaged: tuple[str, ...] = ()
    changed: int = 0


class VersionStore:
    """All versions of the labels of one studies folder, kept below `folder`.

    Images are kept by a digest of their id, so that no id can lead out of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._adding = threading.Lock()
        self._known: dict[Path, _Folder] = {}
        self._folders: dict[str, Path] = {}

    def add(
        self,
        image: str,
        label: Path,
        *,
        author: str,
        model: str = "",
        scan: str = "",
        tag: str = "final",
        features: Mapping[str, Any] | None = None,
        state: State = "draft",
        by: str = "",
        comment: str = "",
    ) -> Version:
        """Keep a copy of the NIfTI file `label` as the newest version; see `Version`.

        by, comment: who decided on its state, by default the author, and what they said of it.
        Where the newest version says just the same, with the same warnings among its features, a
        save was repeated, and that one is given.
        """
        content = label.read_bytes()
        folder = self._of(image)
        with self._adding:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            said = {
                "author": author,
                "model": model,
                "scan": scan,
                "tag": tag,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            before = self.versions(image)
            repeats = before and _is_repeat(before[0], said, state, by or author)
            if repeats and _says_the_same(before[0].features, features or {}):
                return before[0]
            saved = _after_all(before)
            name = f"{saved:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
            record = {
                **said,
                "id": name,
                "image": image,
                "saved": saved.isoformat(timespec="microseconds"),
                "features": dict(features or {}),
            }
            files = {LABEL: content}
            if state != "draft":
                files[f".{state}"] = VersionDecision(
                    by=by or author, time=saved, comment=comment
                ).to_json()
            files[RECORD] = json.dumps(record, allow_nan=False).encode()
            try:
                for ending, part in files.items():
                    write_bytes(folder / f"{name}{ending}", part, private=True)
            except OSError:
                for ending in files:
                    (folder / f"{name}{ending}").unlink(missing_ok=True)
                raise
        return self.version(image, name)

    def versions(self, image: str) -> list[Version]:
        """Versions of an image, newest first; none for an image that has none."""
        return list(self._read(self._of(image)).versions)

    def has_any(self, image: str) -> bool:
        """Whether anything was ever saved of an image, which may be damaged or withdrawn."""
        return self._of(image).is_dir()

    def damaged(self, image: str) -> tuple[str, ...]:
        """Names of the files of an image's versions that cannot be read."""
        return self._read(self._of(image)).damaged

    def version(self, image: str, name: str) -> Version:
        """One version by its id. Raises InputError where there is none."""
        version = next((version for version in self.versions(image) if version.id == name), None)
        if version is None:
            msg = f"image {image!r} has no version {name!r}"
            raise InputError(msg)
        return version

    def mark(
        self,
        image: str,
        name: str,
        state: Literal["reviewed", "withdrawn"],
        *,
        by: str,
        comment: str = "",
    ) -> Version:
        """Say that a version is reviewed, or not to be used any more; who says so first is kept.

        Raises InputError for a version that is not there, and for the review of one withdrawn.
        """
        version = self.version(image, name)
        if version.state == "withdrawn" and state == "reviewed":
            msg = f"version {name} was withdrawn: save the label again"
            raise InputError(msg)
        if version.state != state:
            time = _after_all(self.versions(image))
            decision = VersionDecision(by=by, time=time, comment=comment).to_json()
            file = self._of(image) / f"{name}.{state}"
            is_damaged = file.name in self.damaged(image)
            write_bytes(file, decision, private=True, replace=is_damaged)
        return self.version(image, name)

    def all(self, *, but: Iterable[str] = ()) -> list[list[Version]]:
        """The versions of each image that has any but some, newest first; images by id."""
        there = set(self._folder.iterdir()) if self._folder.is_dir() else set()
        folders = sorted(there.difference(map(self._of, but)))
        of_images = [list(known) for folder in folders if (known := self._read(folder).versions)]
        return sorted(of_images, key=lambda versions: versions[0].image)

    def _of(self, image: str) -> Path:
        folder = self._folders.get(image)
        if folder is None:
            folder = self._folder / private_name(image)
            self._folders[image] = folder
        return folder

    def _read(self, folder: Path) -> _Folder:
        try:
            changed = folder.stat().st_mtime_ns
        except OSError:
            return _Folder()
        known = self._known.get(folder)
        if known is None or known.changed != changed:
            known = _read_folder(folder, changed)
            if time.time_ns() - changed > SETTLED_NS:
                self._known[folder] = known
        return known


def _read_folder(folder: Path, changed: int) -> _Folder:
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError:  # gone meanwhile, or no folder
        return _Folder()
    versions, damaged = [], []
    for name in sorted(names, reverse=True):
        stem = name.removesuffix(RECORD)
        if name == stem or not _ID.fullmatch(stem):
            continue
        try:
            version = _read_record(folder / name)
        except DAMAGED:
            logger.exception("the record of a label cannot be read: %s", name)
            damaged.append(name)
            continue
        for state in ("reviewed", "withdrawn"):
            if f"{stem}.{state}" not in names:
                continue
            if state == "withdrawn":  # also where it cannot be read by whom
                version = replace(version, state="withdrawn")
            try:
                version = _decided(version, state, _read_decision(folder / f"{stem}.{state}"))
            except DAMAGED:
                logger.exception("the review of a label cannot be read: %s", name)
                damaged.append(f"{stem}.{state}")
        versions.append(version)
    return _Folder(versions=tuple(versions), damaged=tuple(damaged), changed=changed)


def _read_record(path: Path) -> Version:
    record = json.loads(path.read_text(encoding="utf-8"))
    record["saved"] = datetime.fromisoformat(record["saved"])
    label = path.with_name(f"{path.name.removesuffix(RECORD)}{LABEL}")
    return Version(**record, state="draft", reviewer="", reviewed=None, file=label)


@dataclass(frozen=True, kw_only=True)
class VersionDecision:
    """What a person decided on a version: who, when (UTC), and what they said of it."""

    by: str
    time: datetime
    comment: str = ""

    def to_json(self) -> bytes:
        """As it is on the disk."""
        time = self.time.isoformat(timespec="microseconds")
        return json.dumps({"by": self.by, "time": time, "comment": self.comment}).encode()


def _read_decision(path: Path) -> VersionDecision:
    """The decision in a file. Raises one of `DAMAGED` where that cannot be read."""
    decision = json.loads(path.read_text(encoding="utf-8"))
    return VersionDecision(
        by=str(decision["by"]),
        time=datetime.fromisoformat(decision["time"]),
        comment=str(decision.get("comment", "")),
    )


def _decided(version: Version, state: str, decision: VersionDecision) -> Version:
    said = replace(version, comment=decision.comment)
    if state == "withdrawn":
        return replace(said, state="withdrawn", withdrawn_by=decision.by)
    return replace(said, state="reviewed", reviewer=decision.by, reviewed=decision.time)


def _says_the_same(noted: Mapping[str, Any], features: Mapping[str, Any]) -> bool:
    """Whether nothing new was noticed in the same labels; other software words it otherwise."""
    is_other = noted.get("software") != features.get("software")
    return is_other or list(noted.get("warnings", ())) == list(features.get("warnings", ()))


def _after_all(versions: Sequence[Version]) -> datetime:
    """Now (UTC), or where the clock was set back, a moment after all saves and reviews."""
    times = [time for version in versions for time in (version.saved, version.reviewed) if time]
    latest = max(times, default=datetime.min.replace(tzinfo=timezone.utc))
    return max(datetime.now(timezone.utc), latest + timedelta(microseconds=1))


def _is_repeat(version: Version, said: Mapping[str, str], state: State, by: str) -> bool:
    """Whether a save that says this, in this state, is that of a version once more."""
    own = version.state == state and version.reviewer in ("", by)
    return own and all(getattr(version, name) == value for name, value in said.items())


def last_reviewed(versions: Sequence[Version]) -> Version | None:
    """The version that was reviewed last, however old it is; versions: newest first."""
    reviewed = [version for version in versions if version.state == "reviewed"]
    return max(reviewed, key=lambda version: version.reviewed or version.saved, default=None)


NETWORKS = "ACSNet"
"""How the names begin under which the networks draw."""


def by_networks(author: str) -> bool:
    """Whether an author is the networks."""
    return author.partition(" ")[0] == NETWORKS


def by_author(versions: Sequence[Version]) -> dict[str, Version]:
    """The newest version of each person that was not withdrawn; versions: newest first.

    A draft of the networks that a person accepted is that person's.
    """
    valid = [version for version in versions if version.state != "withdrawn"]
    return {
        version.reviewer if by_networks(version.author) else version.author: version
        for version in reversed(valid)
    }

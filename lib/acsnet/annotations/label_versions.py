"""What people drew, version by version: nothing is overwritten, and a crash loses nothing saved.

An image has a folder, and a version in it two files, `<id>.nii.gz` and then `<id>.json`: it is
there once its record is. What people decide on it later are files of their own, `<id>.reviewed` and
`<id>.withdrawn`. No file ever changes, so the files are the index: what another process adds is
found at the next look, and each record is read once.
"""

import hashlib
import json
import logging
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

from acsnet.errors import InputError
from acsnet.storage import write_bytes

logger = logging.getLogger(__name__)

State = Literal["draft", "reviewed", "withdrawn"]
"""draft: somebody's work; reviewed: may train a network; withdrawn: kept, and not used any more."""

LABEL, RECORD = ".nii.gz", ".json"
_ID = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}")


@dataclass(frozen=True, kw_only=True)
class Version:
    """One label map that a person saved.

    saved: UTC; model: version of the model whose draft it started from, empty for none; scan:
    fingerprint of the scan's files that it was drawn on; tag: what the client called it; features:
    as measured when it was saved; reviewer, reviewed: who reviewed it, empty if nobody did, and
    when, UTC; file: NIfTI on the grid of its image, with the values of `acsnet.labels`.
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

    def verified(self) -> Path:
        """The file, once its checksum is known to be that of the save. Raises InputError."""
        if hashlib.sha256(self.file.read_bytes()).hexdigest() != self.sha256:
            msg = f"version {self.id} of a label was altered after it was saved"
            raise InputError(msg)
        return self.file


class VersionStore:
    """All versions of the labels of one studies folder, kept below `folder`.

    Images are kept by a digest of their id, so that no id can lead out of the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._adding = threading.Lock()
        self._records: dict[Path, Version] = {}

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
    ) -> Version:
        """Keep a copy of the NIfTI file `label` as the newest version; see `Version`."""
        content = label.read_bytes()
        folder = self._of(image)
        with self._adding:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            saved = datetime.now(timezone.utc)
            if before := self.versions(image):
                # The newest one is the newest even where the clock was set back.
                saved = max(saved, before[0].saved + timedelta(microseconds=1))
            name = f"{saved:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(4)}"
            record = {
                "id": name,
                "image": image,
                "author": author,
                "saved": saved.isoformat(timespec="microseconds"),
                "model": model,
                "scan": scan,
                "tag": tag,
                "features": dict(features or {}),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
            text = json.dumps(record, allow_nan=False)
            write_bytes(folder / f"{name}{LABEL}", content, private=True)
            if state != "draft":
                decision = _decision(author, saved)
                write_bytes(folder / f"{name}.{state}", decision, private=True)
            write_bytes(folder / f"{name}{RECORD}", text.encode(), private=True)
        return self.version(image, name)

    def versions(self, image: str) -> list[Version]:
        """Versions of an image, newest first; none for an image that has none."""
        return self._read(self._of(image))

    def version(self, image: str, name: str) -> Version:
        """One version by its id. Raises InputError where there is none."""
        version = next((version for version in self.versions(image) if version.id == name), None)
        if version is None:
            msg = f"image {image!r} has no version {name!r}"
            raise InputError(msg)
        return version

    def mark(
        self, image: str, name: str, state: Literal["reviewed", "withdrawn"], *, by: str
    ) -> Version:
        """Say that a version is reviewed, or not to be used any more; who says so first is kept.

        Raises InputError for a version that is not there, and for the review of one withdrawn.
        """
        version = self.version(image, name)
        if version.state == "withdrawn" and state == "reviewed":
            msg = f"version {name} was withdrawn: save the label again"
            raise InputError(msg)
        file = self._of(image) / f"{name}.{state}"
        if not file.exists():
            write_bytes(file, _decision(by, datetime.now(timezone.utc)), private=True)
        return self.version(image, name)

    def reviewed(self) -> list[Version]:
        """The newest reviewed version of each image: what a network may be trained on."""
        newest = (newest_of(versions, "reviewed") for versions in self.all())
        return [version for version in newest if version is not None]

    def all(self) -> list[list[Version]]:
        """The versions of each image that has any, newest first; images by id."""
        folders = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        images = [versions for folder in folders if (versions := self._read(folder))]
        return sorted(images, key=lambda versions: versions[0].image)

    def _of(self, image: str) -> Path:
        return self._folder / hashlib.sha256(image.encode()).hexdigest()[:32]

    def _read(self, folder: Path) -> list[Version]:
        try:
            names = {entry.name for entry in folder.iterdir()}
        except (FileNotFoundError, NotADirectoryError):
            return []
        versions = []
        for name in names:
            stem = name.removesuffix(RECORD)
            if name == stem or not _ID.fullmatch(stem):
                continue
            version = self._record(folder / name)
            if version is None:
                continue
            if f"{stem}.withdrawn" in names:
                version = replace(version, state="withdrawn")
            elif f"{stem}.reviewed" in names:
                decision = json.loads((folder / f"{stem}.reviewed").read_text(encoding="utf-8"))
                version = replace(
                    version,
                    state="reviewed",
                    reviewer=decision["by"],
                    reviewed=datetime.fromisoformat(decision["time"]),
                )
            versions.append(version)
        return sorted(versions, key=lambda version: version.id, reverse=True)

    def _record(self, path: Path) -> Version | None:
        if path not in self._records:
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
                record["saved"] = datetime.fromisoformat(record["saved"])
                label = path.with_name(f"{path.name.removesuffix(RECORD)}{LABEL}")
                self._records[path] = Version(
                    **record, state="draft", reviewer="", reviewed=None, file=label
                )
            except (OSError, ValueError, KeyError, TypeError):
                logger.exception("the record of a label cannot be read: %s", path.name)
                return None
        return self._records[path]


def newest_of(versions: Sequence[Version], state: State) -> Version | None:
    """The newest version in a state; versions: newest first."""
    return next((version for version in versions if version.state == state), None)


def by_author(versions: Sequence[Version]) -> dict[str, Version]:
    """The newest version of each person that was not withdrawn; versions: newest first."""
    kept = [version for version in versions if version.state != "withdrawn"]
    return {version.author: version for version in reversed(kept)}


def _decision(by: str, when: datetime) -> bytes:
    return json.dumps({"by": by, "time": when.isoformat(timespec="microseconds")}).encode()

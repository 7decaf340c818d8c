"""A backup of one studies folder's state, taken while the server runs.

    audit.jsonl       who did what, up to the last whole line
    store/            labels, their versions and records, what readers entered, SEGs, uploaded scans
    models/           weights of all versions, which is live, the hold-out, MLflow's database, runs
    MANIFEST.json     the layout of the state, and size, time and SHA-256 of each file

The order matters: an event is in the log after its label is on the disk, so the log is read first
and every event in a backup has its label. Files of versions never change. What does change is
replaced whole, and is pinned by hard links while the server is kept from changing it for a moment.
Left out is what can be made or fetched again: links to scans, scores, checkpoints, MLflow's copies
of weights, the copy of a PACS.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from acsnet import __version__
from acsnet.annotations.label_versions import LABEL, RECORD
from acsnet.errors import InputError
from acsnet.fine_tuning.model_registry import CHANGES, NAME_FORM
from acsnet.fine_tuning.training_request import LABELS as RUN_LABELS
from acsnet.fine_tuning.training_request import REQUEST, run_folders
from acsnet.fine_tuning.training_status import STATUS
from acsnet.pacs.config import is_dicomweb
from acsnet.server.state.paths import (
    CONTENTS,
    DETAILS,
    RECORDS,
    VERSIONS,
    audit_log_file,
    edits_folder,
    models_folder,
    of_studies,
    state_folder,
)
from acsnet.server.state.schema import schema_of
from acsnet.storage import remove_abandoned, writing
from acsnet.train.mlflow_runs import DATABASE

SUFFIX = ".tar.gz"
MANIFEST = "MANIFEST.json"
DECISIONS = "decisions.jsonl"
AUDIT, STORE, MODELS, EDITS = "audit.jsonl", "store", "models", "edits"
SCORES = "scores.jsonl"
LOCK = ".lock"
"""Of MONAI Label, which holds it while it changes labels and their records."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a backup holds."""

    files: int
    size: int


def write_backup(output: Path, *, studies: str) -> Summary:
    """Write the state of a studies folder, or of a PACS, to `output`; whole or not at all.

    Raises InputError for another ending than `.tar.gz`, a file that is there already, and a state
    that is not there.
    """
    if not output.name.endswith(SUFFIX):
        msg = f"{output.name} must end with {SUFFIX}"
        raise InputError(msg)
    if output.exists():
        msg = f"{output} already exists: choose another name"
        raise InputError(msg)
    if not of_studies(studies).is_dir():
        msg = f"there is no state of {studies} in {state_folder()}: nothing to back up"
        raise InputError(msg)
    for folder in (output.resolve().parent, of_studies(studies)):
        remove_abandoned(folder)
    try:
        return _write(output, studies=studies)
    except OSError as error:
        msg = f"{output} cannot be written: {error.strerror or error}"
        raise InputError(msg) from error


def _write(output: Path, *, studies: str) -> Summary:
    with (
        writing(output.resolve(), private=True) as temporary,
        temporary.open("wb") as stream,
        tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as archive,
    ):
        return _fill(_Archive(archive), studies=studies)


class _Archive:
    """A tar file with the manifest of what is in it."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, path: Path, *, lines: bool = False) -> None:
        """Add a file as it is now; nothing where there is none. lines: only whole ones."""
        try:
            with path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                size = _whole_lines(stream, status.st_size) if lines else status.st_size
                info = tarfile.TarInfo(name)
                info.size, info.mtime, info.mode = size, int(status.st_mtime), 0o600
                counted = _Hashed(stream)
                self._archive.addfile(info, counted)  # type: ignore[arg-type]
        except FileNotFoundError:
            return
        digest = counted.digest.hexdigest()
        self.files[name] = {"size": size, "sha256": digest, "mtime_ns": status.st_mtime_ns}

    def manifest(self, content: dict[str, Any]) -> None:
        """The last file: what a restore checks the others by."""
        data = json.dumps({**content, "files": self.files}, indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(data), 0o600
        self._archive.addfile(info, io.BytesIO(data))


class _Hashed:
    """A file whose digest is known once it was read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """As of the file."""
        content = self._stream.read(size)
        self.digest.update(content)
        return content


def _fill(archive: _Archive, *, studies: str) -> Summary:
    store, models = of_studies(studies), models_folder(studies)
    schema = schema_of(state_folder())
    archive.add(AUDIT, audit_log_file(), lines=True)
    for lines in (SCORES, DECISIONS, CONTENTS):
        archive.add(f"{STORE}/{lines}", store / lines, lines=True)
    with tempfile.TemporaryDirectory(dir=store, prefix=f".acsnet-{os.getpid()}-") as folder:
        pinned = Path(folder)
        _pin(store, pinned)
        for path in _files(pinned):
            archive.add(f"{STORE}/{path.relative_to(pinned).as_posix()}", path)
    uploads = () if is_dicomweb(studies) else _files(store / "uploads")
    for path in [*uploads, *_version_files(store / VERSIONS), *_files(store / DETAILS)]:
        archive.add(f"{STORE}/{path.relative_to(store).as_posix()}", path)
    for path in _files(edits_folder(studies)):
        archive.add(f"{EDITS}/{path.name}", path)
    for path in _model_files(models):
        archive.add(f"{MODELS}/{path.relative_to(models).as_posix()}", path)
    archive.add(f"{MODELS}/{CHANGES}", models / CHANGES, lines=True)
    _add_database(archive, models / DATABASE)
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    archive.manifest({"schema": schema, "software": __version__, "made": made})
    return Summary(
        files=len(archive.files), size=sum(int(entry["size"]) for entry in archive.files.values())
    )


def _pin(store: Path, pinned: Path) -> None:
    """Hard links to labels, SEGs and their records as they belong together at this moment."""
    with FileLock(store / LOCK):
        for part in ("labels", "seg", RECORDS):
            for path in _files(store / part):
                link = pinned / path.relative_to(store)
                link.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, link)


def _files(folder: Path) -> Iterator[Path]:
    """Files that are in place, below a folder or the folder itself; no links, nothing hidden."""
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if path.is_file() and not path.is_symlink() and not any(p.startswith(".") for p in inside):
            yield path


def _version_files(folder: Path) -> Iterator[Path]:
    """The record of each version, and what was in place before the record was."""
    for record in sorted(folder.glob(f"*/[0-9]*{RECORD}")):
        stem = record.name.removesuffix(RECORD)
        for ending in (RECORD, LABEL, ".reviewed", ".withdrawn"):
            yield record.with_name(f"{stem}{ending}")


def _model_files(models: Path) -> Iterator[Path]:
    """Aliases first: what they name is in place before they name it."""
    yield models / "aliases.json"
    yield models / "holdout.json"
    for path in _files(models / "versions"):
        if NAME_FORM.fullmatch(path.relative_to(models / "versions").parts[0]):
            yield path
    for run in run_folders(models):
        yield from (run / REQUEST, run / STATUS, *_files(run / RUN_LABELS))


def _add_database(archive: _Archive, database: Path) -> None:
    """A copy of a database that may be in use, by SQLite's own backup."""
    if not database.is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        archive.add(f"{MODELS}/{DATABASE}", copy)


def _whole_lines(stream: BinaryIO, size: int) -> int:
    """Bytes up to the last end of a line."""
    while size:
        start = max(size - 65536, 0)
        stream.seek(start)
        end = stream.read(size - start).rfind(b"\n")
        if end >= 0:
            size = start + end + 1
            break
        size = start
    stream.seek(0)
    return size

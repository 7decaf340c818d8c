"""A backup of one studies folder's state, taken while the server runs.

    audit.jsonl       who did what, up to the last whole line; audit.jsonl.1, ...: what is older
    store/            labels, their versions and records, what readers entered and clicked, SEGs,
                      uploads, who sent what to a PACS, and reports that it did not take
    edits/            what readers drew and have not saved
    models/           weights of all versions, which is live, the hold-out, MLflow's database, runs
    MANIFEST.json     the layout of the state, and size, time and SHA-256 of each file

The order matters: an event is in the log after its label is on the disk, so the log is read first
and every event in a backup has its label. Files of versions never change. What does change is
replaced whole, and is pinned by hard links while the server is kept from changing it for a moment.
Left out is what can be made or fetched again: links to scans, scores, checkpoints, MLflow's copies
of weights, the copy of a PACS, and MLflow's database where it is damaged.
"""

import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from acsnet import __version__
from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import LABEL, RECORD
from acsnet.errors import InputError
from acsnet.files.temporary import TEMPORARY, discard, is_left_behind
from acsnet.fine_tuning.model_registry import CHANGES, NAME_FORM
from acsnet.fine_tuning.training_request import LABELS as RUN_LABELS
from acsnet.fine_tuning.training_request import REQUEST, run_folders
from acsnet.fine_tuning.training_status import STATUS
from acsnet.pacs.config import is_dicomweb
from acsnet.server.state.paths import (
    CLICKS,
    CONTENTS,
    DECISIONS,
    DETAILS,
    EARLIER_RECORDS,
    RECORDS,
    SAVES,
    SCORES,
    UNSENT,
    VERSIONS,
    audit_log_file,
    edits_folder,
    models_folder,
    of_studies,
    state_folder,
)
from acsnet.server.state.schema import schema_of
from acsnet.storage import writing
from acsnet.train.mlflow_runs import DATABASE

SUFFIX = ".tar.gz"
MANIFEST = "MANIFEST.json"
STORE, MODELS, EDITS = "store", "models", "edits"
LOCK = ".lock"
"""Of MONAI Label, which holds it while it changes labels and their records."""

PART = re.compile(r"\.acsnet-(\d+-)?[0-9a-f]{8}")
"""The name of a backup that is not whole: of ours alone, as others keep files beside it."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What a backup holds. left_out: files that were too damaged to be backed up."""

    files: int
    size: int
    left_out: tuple[str, ...] = ()


def write_backup(output: Path, *, studies: str) -> Summary:
    """Write the state of a studies folder, or of a PACS, to `output`; whole or not at all.

    Raises InputError for another ending than `.tar.gz`, a file that is there already, and a state
    that is not there, cannot be read, or changed in a way in which it must not.
    """
    if not output.name.endswith(SUFFIX):
        msg = f"{output.name} must end with {SUFFIX}"
        raise InputError(msg)
    schema = schema_of(state_folder())
    try:
        if output.exists():
            msg = f"{output} already exists: choose another name"
            raise InputError(msg)
        if not of_studies(studies).is_dir():
            msg = f"there is no state of {studies} in {state_folder()}: nothing to back up"
            raise InputError(msg)
        # What root pinned in the store, a server of another account cannot remove.
        for folder, names in ((output.resolve().parent, PART), (of_studies(studies), TEMPORARY)):
            for path in folder.glob(".acsnet-*"):
                if names.fullmatch(path.name) and is_left_behind(path):
                    discard(path)
        return _write(output, studies=studies, schema=schema)
    except OSError as error:
        place = error.filename
        ours = place and Path(os.fsdecode(place)).is_relative_to(state_folder())
        what = f"{place} cannot be backed up" if ours else f"{output} cannot be written"
        msg = f"{what}: {error.strerror or error}"
        raise InputError(msg) from error


def _write(output: Path, *, studies: str, schema: int) -> Summary:
    with (
        writing(output.resolve(), private=True) as temporary,
        tarfile.open(temporary, "w:gz", compresslevel=1) as archive,
    ):
        return _fill(_Archive(archive), studies=studies, schema=schema)


class _Archive:
    """A tar file with the manifest of what is in it."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self.files: dict[str, dict[str, Any]] = {}
        self.left_out: list[str] = []

    def add_live(self, name: str, path: Path, *, lines: bool = False) -> None:
        """As `add`; nothing where there is none: the server has not made it, or has removed it."""
        with suppress(FileNotFoundError):
            self.add(name, path, lines=lines)

    def add(self, name: str, path: Path, *, lines: bool = False) -> None:
        """Add a file as it is now. lines: only whole ones. Raises OSError where there is none."""
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            size = _whole_lines(stream, status.st_size) if lines else status.st_size
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = size, int(status.st_mtime), 0o600
            counted = _Hashed(stream)
            self._archive.addfile(info, counted)  # type: ignore[arg-type]
        digest = counted.digest.hexdigest()
        self.files[name] = {"size": size, "sha256": digest, "mtime_ns": status.st_mtime_ns}

    def manifest(self, content: dict[str, Any]) -> None:
        """The last file: what a restore checks the others by."""
        content |= {"left_out": self.left_out, "files": self.files}
        data = json.dumps(content, indent=1).encode()
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


def _fill(archive: _Archive, *, studies: str, schema: int) -> Summary:
    store, models = of_studies(studies), models_folder(studies)
    for file in audit_log.files_of(audit_log_file()):
        archive.add_live(file.name, file, lines=True)
    for lines in (SCORES, DECISIONS, SAVES, CONTENTS):
        archive.add_live(f"{STORE}/{lines}", store / lines, lines=True)
    with tempfile.TemporaryDirectory(prefix=".acsnet-", dir=store) as pinned:
        for path in _pin(store, Path(pinned)):
            archive.add(f"{STORE}/{path.relative_to(pinned).as_posix()}", path)
    # Earlier versions kept uploads among the links to scans.
    uploads = () if is_dicomweb(studies) else ("uploads", "images")
    parts = (*uploads, DETAILS, CLICKS, UNSENT)
    kept = (path for part in parts for path in _files(store / part))
    for path in [*_version_files(store / VERSIONS), *kept]:
        archive.add_live(f"{STORE}/{path.relative_to(store).as_posix()}", path)
    for path in _files(edits_folder(studies)):
        archive.add_live(f"{EDITS}/{path.name}", path)
    for path in _model_files(models):
        archive.add_live(f"{MODELS}/{path.relative_to(models).as_posix()}", path)
    archive.add_live(f"{MODELS}/{CHANGES}", models / CHANGES, lines=True)
    _add_database(archive, models / DATABASE)
    made = datetime.now(timezone.utc).isoformat(timespec="seconds")
    archive.manifest({"schema": schema, "software": __version__, "made": made})
    return Summary(
        files=len(archive.files),
        size=sum(int(entry["size"]) for entry in archive.files.values()),
        left_out=tuple(archive.left_out),
    )


def _pin(store: Path, pinned: Path) -> list[Path]:
    """Hard links to labels, SEGs and their records as they belong together at this moment."""
    links, lock = [], store / LOCK
    # Beside a PACS there is none, as nothing changes them, and one of root would keep others out.
    with FileLock(lock) if lock.exists() else nullcontext():
        for part in ("labels", "seg", RECORDS, EARLIER_RECORDS):
            for path in _files(store / part):
                link = pinned / path.relative_to(store)
                link.parent.mkdir(parents=True, exist_ok=True)
                os.link(path, link)
                links.append(link)
    return links


def _files(folder: Path) -> Iterator[Path]:
    """Files that are in place, below a folder or the folder itself; no links, nothing hidden."""
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if not path.is_symlink() and path.is_file() and not any(p.startswith(".") for p in inside):
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
    """A copy of a database that may be in use, by SQLite's own backup; none of a damaged one."""
    if not database.is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / DATABASE
        try:
            with (
                closing(sqlite3.connect(database)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.OperationalError as error:  # it is locked, cannot be opened, has no room
            msg = f"{database} cannot be backed up: {error}"
            raise InputError(msg) from error
        except sqlite3.DatabaseError:
            archive.left_out.append(f"{MODELS}/{DATABASE}")
            return
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

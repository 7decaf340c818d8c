"""Restore a backup into an empty state folder, all of it checked, or not at all."""

import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from acsnet.annotations.audit_log import ROTATED
from acsnet.errors import InputError
from acsnet.files.owners import check_owner
from acsnet.server.state.backup import EDITS, MANIFEST, MODELS, STORE, Summary
from acsnet.server.state.paths import AUDIT, edits_folder, models_folder, of_studies, state_folder
from acsnet.server.state.schema import CUT_SHORT, FILE, RESTORING, check_schema
from acsnet.storage import make_folder, put_in_place, write_json

MAX_MANIFEST_BYTES = 256 * 2**20
"""Of a million files: what is read as one piece must fit into the memory."""

END_NS = 2**63
"""Of the times that every file system can hold, since 1970."""

MAX_PARTS = 20
"""Of a name in a backup: ours have five."""

MIN_FREE_BYTES = 2**30
"""Left on the disk, whatever a backup holds."""

OF_AUDIT = re.compile(rf"{re.escape(AUDIT)}({ROTATED.pattern})?")
"""Names of the audit log and of the files that it was rotated to."""

NOTHING = frozenset({"lost+found"})
"""What is in an empty folder where a disk is mounted there."""

CHUNK = 2**20
MAX_PIECE = 4 * 2**20
"""Of what is read at once: the headers of a tar file are, however long they say that they are."""


class _Pieces:
    """An unpacked tar file for tarfile, which would read a header of any length into the memory."""

    def __init__(self, stream: gzip.GzipFile, name: str) -> None:
        self._stream, self._name = stream, name
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        """As of the stream. Raises InputError for a longer piece."""
        if not 0 <= size <= MAX_PIECE:
            msg = f"{self._name} is no backup: it has a header of {size} bytes"
            raise InputError(msg)
        return self._stream.read(size)


def restore_backup(
    file: Path, *, studies: str, sha256: str = "", min_free_bytes: int = MIN_FREE_BYTES
) -> Summary:
    """Put the backup `file` in place as the state of a studies folder, or of a PACS.

    The studies may lie elsewhere by now. Everything is unpacked inside the state folder, which may
    be a place where a disk is mounted, and checked before it is moved up to where it belongs.

    Args:
        file: the backup.
        studies: folder, or address of the PACS.
        sha256: of the whole file, as `acsnet backup` printed it: kept elsewhere it tells whether
            the file is the one that was written. What is inside the file cannot.
        min_free_bytes: left free on the disk.

    Returns:
        How much was restored.

    Raises:
        InputError: a state folder that holds anything or cannot be written, root in one of another
            account, a file that is no backup, is damaged, of a newer version or not of this digest.
    """
    if sha256 and not hmac.compare_digest(file_digest(file), sha256.lower()):
        msg = f"{file.name} is not the backup that was written: its SHA-256 differs"
        raise InputError(msg)
    state = state_folder()
    check_owner(state)
    places = {
        STORE: of_studies(studies).relative_to(state),
        MODELS: models_folder(studies).relative_to(state),
        EDITS: edits_folder(studies).relative_to(state),
    }
    try:
        with _filling(state) as new:
            summary = _unpack(file, new, places, min_free_bytes)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        msg = f"{file.name} cannot be restored: {type(error).__name__}, damaged or no backup?"
        raise InputError(msg) from error
    except OSError as error:
        where = error.filename or state
        msg = f"{file.name} cannot be restored: {where}: {error.strerror or error}"
        raise InputError(msg) from error
    return summary


@contextmanager
def _filling(state: Path) -> Iterator[Path]:
    """Give a folder whose entries are those of the state folder once the block has ended.

    No server starts on the state folder meanwhile. After an error, or when the process is killed,
    nothing is in place, or it is marked as a part. Raises InputError for a state folder that holds
    anything, before the block or after it.
    """
    was_there = os.path.lexists(state)
    make_folder(state)
    marker = state / RESTORING
    try:
        _check_empty(state)
        with tempfile.TemporaryDirectory(prefix=".acsnet-", dir=state) as made:
            new = Path(made)
            _check_empty(state, new)  # of two restores at once, neither goes on unseen
            marker.touch(mode=0o600)
            try:
                yield new
                os.sync()  # all at once: file by file, as they are put in place, takes long
                _check_empty(state, new, during=True)
            except BaseException:
                marker.unlink(missing_ok=True)
                raise
            for entry in new.iterdir():
                put_in_place(entry, state / entry.name)
        marker.unlink(missing_ok=True)
    except BaseException:
        if not was_there:
            with suppress(OSError):
                state.rmdir()
        raise


def _check_empty(state: Path, ours: Path | None = None, *, during: bool = False) -> None:
    """Raises InputError for anything beside `ours`. A mark alone: that restore moved nothing."""
    others = sorted(
        path.name
        for path in state.iterdir()
        if path != ours and path.name not in {RESTORING, *NOTHING}
    )
    if others and during:
        msg = (
            f"{state / others[0]} was written during the restore: stop what writes there, empty "
            "the folder and restore again"
        )
        raise InputError(msg)
    if others and (state / RESTORING).exists():
        raise InputError(CUT_SHORT.format(state=state))
    if others:
        msg = f"state folder {state} is not empty ({others[0]}): restore into another with --state"
        raise InputError(msg)


def file_digest(file: Path) -> str:
    """SHA-256 of a whole file. Raises InputError for one that cannot be read."""
    try:
        with file.open("rb") as stream:
            digest = hashlib.sha256()
            while piece := stream.read(CHUNK):
                digest.update(piece)
    except OSError as error:
        msg = f"{file.name} cannot be restored: {error.strerror}"
        raise InputError(msg) from error
    return digest.hexdigest()


def _unpack(file: Path, new: Path, places: dict[str, Path], min_free_bytes: int) -> Summary:
    digests: dict[str, str] = {}
    targets: dict[str, Path] = {}
    manifest: dict[str, Any] | None = None
    with (
        gzip.open(file) as unpacked,
        tarfile.open(fileobj=cast("IO[bytes]", _Pieces(unpacked, file.name)), mode="r:") as archive,
    ):
        for member in archive:
            source = archive.extractfile(member) if member.isreg() else None
            if source is None or member.name in digests or manifest is not None:
                msg = f"{file.name} is no backup: it holds {member.name!r} as no plain file of one"
                raise InputError(msg)
            if member.name == MANIFEST:
                manifest = _manifest(file, _whole(source))
                continue
            if member.size > shutil.disk_usage(new).free - min_free_bytes:
                msg = f"{file.name} cannot be restored: the disk of {state_folder()} is too small"
                raise InputError(msg)
            target = new / _place(file, member.name, places)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with target.open("xb") as stream:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    stream.write(chunk)
            target.chmod(0o600)
            digests[member.name], targets[member.name] = digest.hexdigest(), target
    if manifest is None:
        msg = f"{file.name} is no whole backup: it has no {MANIFEST} at its end"
        raise InputError(msg)
    recorded = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    if wrong := sorted(name for name, _ in set(recorded.items()) ^ set(digests.items())):
        msg = f"{file.name} is damaged: {wrong[0]} is not as it was backed up ({len(wrong)} files)"
        raise InputError(msg)
    for name, target in targets.items():
        when = manifest["files"][name]["mtime_ns"]
        os.utime(target, ns=(when, when))
    layout = {name: manifest[name] for name in ("schema", "software")}
    write_json(new / FILE, layout, private=True)
    return Summary(
        files=len(digests),
        size=sum(file.stat().st_size for file in targets.values()),
        left_out=manifest["left_out"],
    )


def _whole(source: IO[bytes]) -> bytes:
    """The manifest, piece by piece."""
    content = bytearray()
    while len(content) < MAX_MANIFEST_BYTES and (piece := source.read(CHUNK)):
        content += piece
    return bytes(content)


def _manifest(file: Path, content: bytes) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(content)
        check_schema(manifest["schema"], what=file.name)
        manifest["software"] = str(manifest["software"])
        manifest["left_out"] = tuple(map(str, manifest.get("left_out", ())))
        for entry in manifest["files"].values():
            _check_entry(entry)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{file.name} is no backup: its {MANIFEST} is broken"
        raise InputError(msg) from error
    return manifest


def _check_entry(entry: dict[str, Any]) -> None:
    """Raises ValueError, KeyError or TypeError for what was not written by a backup."""
    digest, when = entry["sha256"], entry["mtime_ns"]
    if not (isinstance(digest, str) and isinstance(when, int) and 0 <= when < END_NS):
        raise ValueError(entry)


def _place(file: Path, name: str, places: dict[str, Path]) -> Path:
    """Target path of a file of the backup. Raises InputError outside the state folder."""
    if OF_AUDIT.fullmatch(name):
        return Path(name)
    first, *rest = PurePosixPath(name).parts
    shallow = len(rest) < MAX_PARTS
    plain = shallow and name == "/".join((first, *rest)) and ".." not in rest and "\0" not in name
    if first not in places or not rest or not plain:
        msg = f"{file.name} is no backup: it holds {name!r}"
        raise InputError(msg)
    return places[first].joinpath(*rest)

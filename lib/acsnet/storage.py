"""Files and folders put in place whole, files of JSON lines, and names that are safe as files.

Everything is written under a temporary name beside its place, brought to the disk and then renamed:
a reader sees the file of before or the whole new one, also when the writer is killed.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from acsnet.errors import InputError

MAX_NAME = 200
"""Bytes of a name of a case: with a suffix it still fits the 255 of a file name."""

TEMPORARY = re.compile(r"\.[a-z0-9_]{8}|\.?acsnet-(?P<process>\d+)-[a-z0-9_]{8}")
"""Names under which files and folders are written before they are put in place, or once were."""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")


def temporary_name() -> str:
    """A new name that says which process it is of; see `remove_abandoned`."""
    return f".acsnet-{os.getpid()}-{secrets.token_hex(4)}"


def is_abandoned(path: Path, process: int) -> bool:
    """Whether a process, by its number, has gone, or is a later one of the same number."""
    try:
        return psutil.Process(process).create_time() > path.lstat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return True


def remove_abandoned(folder: Path) -> int:
    """Remove what processes that were killed were writing in a folder; returns how much it was."""
    removed = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        name = TEMPORARY.fullmatch(path.name)
        if name is None or name["process"] is None or not is_abandoned(path, int(name["process"])):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        removed += not path.exists()
    return removed


@contextmanager
def writing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """Give an empty file to write to, which takes the place of `path` once the block has ended.

    Args:
        path: the file that is wanted; its folder must be there.
        private: whether only the owner may read it, whatever the umask says.

    Raises:
        OSError: it cannot be written. After any error what was in place is untouched.
    """
    temporary = path.with_name(temporary_name())
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        os.close(os.open(temporary, flags, 0o600 if private else 0o666))
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file whole, on the disk when this returns, or not at all. As `writing`."""
    with writing(path, private=private) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8) as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any, *, private: bool = False) -> None:
    """Write a JSON file as `write_bytes` does. Raises ValueError for a number that is NaN."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_bytes(path, text.encode(), private=private)


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder (0700) that becomes `path`, absent or empty, once the block has ended.

    After an error there is nothing of it.
    """
    temporary = path.with_name(temporary_name())
    temporary.mkdir(mode=0o700)
    try:
        yield temporary
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def append_line(file: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry to a file of JSON lines; it is on the disk when this returns.

    Any number of threads and processes may write to one file: each line is written in one piece.
    A line that a crash cut short is ended first, and so stays on a line of its own.
    """
    append_lines(file, (entry,))


def append_lines(file: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Append entries to a file of JSON lines in one piece, as `append_line` does with one."""
    lines = b"".join(json.dumps(entry, allow_nan=False).encode() + b"\n" for entry in entries)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not file.exists()
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        content = lines if _ends_whole(descriptor) else b"\n" + lines
        if (written := os.write(descriptor, content)) != len(content):
            _take_back(descriptor, written)
            msg = f"{file.name} could not be written: the disk is full"
            raise OSError(msg)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        _sync(file.parent)


def end_last_line(file: Path) -> bool:
    """End the last line of a file where a crash cut it short; whether there was one to end."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND)
    try:
        if _ends_whole(descriptor):
            return False
        os.write(descriptor, b"\n")
        os.fsync(descriptor)
        return True
    finally:
        os.close(descriptor)


def read_lines(file: Path) -> list[dict[str, Any]]:
    """All whole entries of a file of JSON lines, oldest first; none where there is no file yet."""
    if not file.exists():
        return []
    return [entry for line in file.read_bytes().splitlines() if (entry := _entry(line)) is not None]


def sha256_of(file: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def csv_cell(value: Any) -> Any:
    """A value as a table can hold it: a text that a spreadsheet would run as a formula is marked.

    Names of files and patients come from outside. A text that is a number stays one.
    """
    if not isinstance(value, str) or not value.startswith(FORMULA_SIGNS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def is_plain_name(name: str) -> bool:
    """Whether `name`, which came from outside, can only ever be one entry of one folder."""
    short = len(name.encode(errors="surrogatepass")) <= MAX_NAME
    return bool(name) and short and name[0] != "." and not _UNSAFE.search(name)


def case_folder(output: Path, name: str) -> Path:
    """OUTPUT/<name>. Raises InputError for a name that leads elsewhere, as ".." does."""
    if name in ("", ".", "..") or Path(name).name != name:
        msg = f"{name!r} cannot be the name of a case: give the scan another name"
        raise InputError(msg)
    return output / name


def whole_path(path: Path) -> Path:
    """The absolute path without "." and "..", by its own name where it is a link."""
    return Path(os.path.abspath(path))  # noqa: PTH100 # resolve() would follow the link


def followed(path: Path) -> Iterator[Path]:
    """A path, and where it is a link what it leads to, one link after another."""
    yield path
    while path.is_symlink() and path.exists():
        path = path.parent / path.readlink()
        yield path


def beside(path: Path, name: str) -> Path | None:
    """The file of this name in the folder of `path`, or of what that links to; the nearest.

    In an annex each file lies in a folder of its own, and the links to them lie together.
    """
    if Path(name).parent != Path():
        return None
    files = (place.parent / Path(name).name for place in followed(path))
    return next((file for file in files if file.is_file()), None)


def readable_name(name: str) -> str:
    """A name from the disk as text that can be shown, logged and sent.

    One that is not UTF-8, as older scanners write them, begins with a digest of its bytes and has
    U+FFFD for what is no character: no two names become one.
    """
    content = os.fsencode(name)
    try:
        return content.decode()
    except UnicodeDecodeError:
        digest = hashlib.sha256(content).hexdigest()[:8]
        return f"{digest}-{content.decode(errors='replace')}"


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, to be looked at; gives its new place."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    os.replace(path, aside)
    return aside


def is_readable(folder: Path) -> bool:
    """Whether the entries of a folder can be listed."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError:
        return False
    return True


def is_writable(folder: Path) -> bool:
    """Whether a file can be written, found out by writing one: rights say nothing of a full disk,
    of one without inodes, over its quota or mounted to be read only.
    """
    temporary = folder / temporary_name()
    try:
        temporary.write_bytes(b"acsnet")
    except OSError:
        return False
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    if path.is_dir() and os.name != "posix":
        return  # Windows opens no folders
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _take_back(descriptor: int, written: int) -> None:
    """Remove what was just written of a line, unless another one follows already."""
    end = os.lseek(descriptor, 0, os.SEEK_CUR)
    if os.fstat(descriptor).st_size == end:
        os.ftruncate(descriptor, end - written)


def _ends_whole(descriptor: int) -> bool:
    """Whether the file is empty or ends with a line's end."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None

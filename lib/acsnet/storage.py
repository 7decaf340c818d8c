"""Files and folders put in place whole, files of JSON lines, and names: safe as files, in order.

Everything is written under a temporary name beside its place, brought to the disk and then renamed:
a reader sees the file of before or the whole new one, also when the writer is killed.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from acsnet.errors import InputError
from acsnet.files.temporary import temporary_name

MAX_NAME = 200
"""Bytes of a name of a case: with a suffix it still fits the 255 of a file name."""

DAMAGED = (OSError, ValueError, KeyError, TypeError)
"""What reading a file raises that is not as it was written; InputError is a ValueError."""

MOST_DIGITS = 64
"""Of a number in a name, as in a UID: longer ones are ordered as text."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")

_UNSEEN = ("Cc", "Cf", "Zl", "Zp")
"""Categories of Unicode: control and format characters, ends of lines and paragraphs."""

_SEEN = re.compile(
    "[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]"
    "|(?<=[\u0600-\u1cff])[\u200c\u200d]"
)
"""Of category Cf: signs around numbers, and joiners after letters of Asian scripts, whose form they
change."""


def put_in_place(path: Path, target: Path) -> None:
    """Give a file or folder that is whole its name, on the same disk, instead of what has it.

    All of it is on the disk before. Raises OSError; what has the name then stays.
    """
    for part in (*sorted(path.rglob("*"), reverse=True), path):  # what is inside first
        _sync(part)
    os.replace(path, target)
    _sync(target.parent)


def put_first(path: Path, target: Path) -> None:
    """Give a whole file its name as `put_in_place`, unless by then something has it: that stays.

    On a file system without hard links, as on some network drives, one that takes the name within
    this moment is replaced.
    """
    _sync(path)
    try:
        os.link(path, target)
    except OSError:
        if not target.exists():
            os.replace(path, target)
    _sync(target.parent)


@contextmanager
def writing(path: Path, *, private: bool = False, replace: bool = True) -> Iterator[Path]:
    """Give an empty file to write to, which takes the place of `path` once the block has ended.

    Args:
        path: the file that is wanted; its folder must be there.
        private: whether only the owner may read it, whatever the umask says.
        replace: whether also of one that is there by then; else as `put_first`.

    Raises:
        OSError: it cannot be written, with `path` as the file where Python tells none or the
            temporary one. After any error what was in place is untouched.
    """
    temporary = path.with_name(temporary_name())
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        os.close(os.open(temporary, flags, 0o600 if private else 0o666))
        yield temporary
        put = put_in_place if replace else put_first
        put(temporary, path)
    except OSError as error:
        known = error.filename not in (None, str(temporary)) or error.filename2 is not None
        if error.errno is not None and not known:
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # absent, or where nothing could be written either
            temporary.unlink()


def write_bytes(path: Path, content: bytes, *, private: bool = False, replace: bool = True) -> None:
    """Write a file whole, on the disk when this returns, or not at all. As `writing`."""
    with writing(path, private=private, replace=replace) as temporary:
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
        put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are not there, for its owner alone."""
    if not folder.exists():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def append_line(file: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry to a file of JSON lines; it is on the disk when this returns.

    Any number of threads and processes may write to one file: each line is written in one piece.
    A line that a crash cut short is ended first, and so stays on a line of its own.
    """
    append_lines(file, (entry,))


def append_lines(file: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Append entries to a file of JSON lines in one piece, as `append_line` does with one.

    Raises OSError, also for a full disk: then the file is as before.
    """
    lines = b"".join(json.dumps(entry, allow_nan=False).encode() + b"\n" for entry in entries)
    make_folder(file.parent)
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


def is_plain_name(name: str) -> bool:
    """Whether `name`, which came from outside, can only ever be one entry of one folder."""
    return not broken_rule(name)


def broken_rule(name: str, *, is_new: bool = False) -> str:
    """What a plain name is and this one is not, to follow "a name"; empty for a plain one.

    is_new: whether a client gives it just now: then all of it can be seen, so that no two names
    look the same. Files that are there, and what is known by a name, keep theirs.
    """
    if not name:
        return "that is not empty"
    if "/" in name or "\\" in name:
        return "without / and \\, not a path"
    if name.startswith("."):
        return "that does not begin with a dot"
    if (length := len(name.encode(errors="surrogatepass"))) > MAX_NAME:
        return f"of at most {MAX_NAME} bytes, got {length}"
    unshown = _UNSAFE.findall(name) or (_unseen(name) if is_new else [])
    if unshown:
        return (
            "without line breaks and other characters that cannot be shown, "
            f"got U+{ord(unshown[0]):04X}"
        )
    return ""


def _unseen(name: str) -> list[str]:
    return [
        character for character in _SEEN.sub("", name) if unicodedata.category(character) in _UNSEEN
    ]


def natural_order(name: str) -> tuple[str, str]:
    """Key that sorts names as people count: numbers in them by value, upper case as lower."""
    padded = re.sub("[0-9]+", lambda digits: digits[0].zfill(MOST_DIGITS), name.casefold())
    return padded, name


def shortened(name: str, *, limit: int = MAX_NAME) -> str:
    """A name from the disk in at most so many bytes.

    A longer one is cut, and ends in a digest of all of it: no two names become one.
    """
    content = os.fsencode(name)
    if len(content) <= limit:
        return name
    digest = f"-{hashlib.sha256(content).hexdigest()[:8]}"
    return content[: limit - len(digest)].decode(errors="ignore") + digest


def case_folder(output: Path, name: str) -> Path:
    """OUTPUT/<name>. Raises InputError for a name that leads elsewhere, as ".." does."""
    if name in ("", ".", "..") or Path(name).name != name:
        msg = f"{name!r} cannot be the name of a case: give the scan another name"
        raise InputError(msg)
    return output / name


def whole_path(path: Path) -> Path:
    """The absolute path without "." and "..", by its own name where it is a link."""
    return Path(os.path.abspath(path))  # noqa: PTH100 # resolve() would follow the link


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


def private_name(image: str) -> str:
    """A file name for an image that does not tell its id, which may name a patient.

    It is safe as a file name and never changes: files of earlier releases are found by it.
    """
    return hashlib.sha256(image.encode()).hexdigest()[:32]


def set_aside(path: Path) -> Path:
    """Move a damaged file out of the way, to be looked at; gives its new place."""
    aside = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    os.replace(path, aside)
    return aside


def _sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk; nothing of a link."""
    if path.is_symlink() or (path.is_dir() and os.name != "posix"):
        return  # Windows opens no folders
    # Windows and SMB bring to the disk only what is open for writing.
    is_writable = path.is_file() and path.stat().st_mode & stat.S_IWUSR
    descriptor = os.open(path, os.O_RDWR if is_writable else os.O_RDONLY)
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

"""Errors of the operating system for people: the file, the cause, and whose the file must be."""

import errno
import os
import tempfile
from pathlib import Path
from typing import TypeGuard

from acsnet.errors import OutputFullError

if os.name == "posix":
    import pwd

PORT_REFUSALS = {
    errno.EADDRINUSE: "is in use: choose another with --port",
    errno.EACCES: (
        "cannot be opened: Permission denied. Below 1024 this needs a right that this account does "
        "not have: take a higher port or a proxy"
    ),
}
"""Of what keeps a port from being opened, what has a remedy of its own."""


def is_full(error: Exception) -> TypeGuard[OSError]:
    """Whether the disk has no room, or the account no more of it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def output_full(error: OSError, output: Path) -> OutputFullError:
    """What ends a run that writes to `output`: each further result would be made for nothing.

    It names the folder for temporary files where that is full instead.
    """
    file = _file_of(error)
    scratch = Path(tempfile.gettempdir())
    inside = file is not None and file.is_relative_to(scratch) and not file.is_relative_to(output)
    full = scratch if inside else output
    return OutputFullError(f"{full} is full: free some space, then run the same command again")


def reason_of(error: OSError) -> str:
    """The file and the cause, without the number that Python puts in front."""
    file = _file_of(error)
    if error.strerror is None or file is None:
        return cause_of(error)
    return f"{file}: {cause_of(error)}"


def cause_of(error: OSError) -> str:
    """The cause alone; of a file that may not be touched, whose it is and whose it must be."""
    if error.strerror is None:
        return str(error)
    owned = _whose(error) if isinstance(error, PermissionError) and os.name == "posix" else ""
    return f"{error.strerror}{owned}"


def port_refusal(error: OSError | OverflowError, *, host: str, port: int) -> str:
    """Why a port cannot be opened, in a sentence."""
    number, cause = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
    reason, _, _ = (cause or str(error)).partition(" (")  # Python says on which address, too
    return f"port {port} on {host} {PORT_REFUSALS.get(number or 0, f'cannot be opened: {reason}')}"


def _file_of(error: OSError) -> Path | None:
    name = error.filename2 or error.filename
    return Path(os.fsdecode(name)) if isinstance(name, str | bytes) else None


def _whose(error: OSError) -> str:
    """To whom what keeps this account out belongs; empty where that is this account itself."""
    file, me = _file_of(error), os.geteuid()
    while file is not None and not os.access(file, os.F_OK) and file != file.parent:
        file = file.parent  # it is not there, or what is around it does not let look at it
    try:
        if file is None or file.stat().st_uid == me:
            return ""
        name = account_name(me)
        belongs = f": {file} belongs to {account_name(file.stat().st_uid)}, but this runs as {name}"
        if file.parent.stat().st_uid != me:
            return belongs
        return f"{belongs}, to whom its folder belongs: chown -R {name} {file}"
    except OSError:  # it has gone since
        return ""


def account_name(number: int) -> str:
    """The name of an account, or its number where it has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)

"""Who a file or folder of a server belongs to: what root wrote there, the server could not read."""

import os
from pathlib import Path

from acsnet.errors import InputError
from acsnet.files.reasons import account_name


def check_owner(path: Path) -> None:
    """Raise InputError for root where another account owns `path`, or what it would be made in."""
    if os.name != "posix" or os.geteuid() != 0:
        return
    while not os.access(path, os.F_OK) and path != path.parent:
        path = path.parent
    if (owner := path.stat().st_uid) != 0:
        name = account_name(owner)
        msg = f"{path} belongs to {name}: run this as {name} (runuser -u {name} -- acsnet ...)"
        raise InputError(msg)

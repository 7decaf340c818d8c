"""Version of the layout of a state folder; a newer layout is refused.

1: what versions wrote before there was this file. 2: the same with `state.json`, and uploads below
`scratch/`. 3: a record for each scan in `records/`, where one file held them all. 4: the same,
with measures that older software would take for its own. A folder of an earlier layout becomes one
of this when a server starts on it.
"""

import json
from contextlib import suppress
from pathlib import Path

from acsnet import __version__
from acsnet.errors import InputError
from acsnet.files.owners import check_owner
from acsnet.server.state.paths import RECORDS
from acsnet.storage import write_json

FILE = "state.json"
SCHEMA = 4
OTHERS = 0o077
RESTORING = "restoring"
"""The file in a state folder while a restore is under way there, and after one that was killed."""
CUT_SHORT = (
    "a restore into {state} is under way, wait for its end; or it was cut short: remove all that "
    "is in it, hidden files too, and restore again"
)


def check_state(state: Path) -> None:
    """For whatever may write there. Raises InputError as `check_owner` and `schema_of`."""
    check_owner(state)
    schema_of(state)


def schema_of(state: Path) -> int:
    """The layout of a state folder.

    Raises InputError for one of a newer version, broken, restored in part, or that cannot be read.
    """
    content = _content(state)
    if content is None:
        return 3 if any(state.glob(f"studies/*/{RECORDS}")) else 1
    try:
        schema = json.loads(content)["schema"]
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{state / FILE} is damaged: if this version, {__version__}, wrote the state folder "
            "last, delete that file and start again; else restore a backup"
        )
        raise InputError(msg) from error
    return check_schema(schema, what=str(state))


def _content(state: Path) -> bytes | None:
    """What the file of a state folder holds; None without one. Raises InputError as `schema_of`."""
    content = None
    try:
        is_part = (state / RESTORING).exists()
        with suppress(FileNotFoundError):
            content = (state / FILE).read_bytes()
    except NotADirectoryError as error:
        msg = f"state folder {state} is no folder: set ACSNET_STATE to another"
        raise InputError(msg) from error
    except OSError as error:
        msg = (
            f"{state / FILE} cannot be read: {error.strerror}. Does it belong to another account? "
            "Run the server and all commands as one"
        )
        raise InputError(msg) from error
    if is_part:
        raise InputError(CUT_SHORT.format(state=state))
    return content


def check_schema(schema: object, *, what: str) -> int:
    """The number of a layout that this version knows; raises InputError for any other."""
    if isinstance(schema, bool) or not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        msg = (
            f"{what} was written by a newer version (layout {schema!r}, this one knows up to "
            f"{SCHEMA}): install that version"
        )
        raise InputError(msg)
    return schema


def settle_state(state: Path) -> None:
    """Make a state folder one of this layout and version, and its owner's alone.

    Earlier versions, and whoever made it by hand, may have left it open to all.

    Raises:
        InputError: as `schema_of`.
    """
    if state.is_dir() and state.stat().st_mode & OTHERS:
        state.chmod(0o700)
    schema_of(state)
    content, settled = _content(state), {"schema": SCHEMA, "software": __version__}
    if content is None or json.loads(content) != settled:
        write_json(state / FILE, settled, private=True)

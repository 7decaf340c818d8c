"""The settings file: TOML, with names that there are, and its passwords for its owner alone."""

import difflib
import stat
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, TomlConfigSettingsSource

from acsnet.errors import InputError


def read_file(
    file: str, *, known: Collection[str], secrets: Iterable[tuple[str, str]]
) -> dict[str, Any]:
    """What the file says.

    known: names at its top, settings and tables. One in another case is refused, too: of `[login]`
    and `[Login]` only one would count. secrets: table and name of each password. Raises InputError
    for a name that is none, what is no TOML, and a password that everybody on the machine can read.
    """
    try:
        content = TomlConfigSettingsSource(BaseSettings, file).toml_data
        is_open = bool(Path(file).stat().st_mode & stat.S_IROTH)
    except OSError as error:
        msg = f"settings cannot be read from {file}: {error}"
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{file} must be TOML, saved as UTF-8 without a byte order mark: {error}"
        raise InputError(msg) from error
    for name in content:
        if name not in known:
            msg = f"{file}: {no_setting(name, name.lower(), known)}"
            raise InputError(msg)
    for table, name in secrets if is_open else ():
        inside = content.get(table)
        if isinstance(inside, dict) and inside.get(name):
            msg = f"{file} holds {table}.{name} and everybody can read it: chmod o= {file}"
            raise InputError(msg)
    return content


def no_setting(name: str, meant: str, known: Collection[str]) -> str:
    """What is said of a name that is none, with the known one that is next to what was meant."""
    near = difflib.get_close_matches(meant, known, n=1, cutoff=0.7)
    return f"there is no setting {name}" + (f": did you mean {near[0]}?" if near else "")

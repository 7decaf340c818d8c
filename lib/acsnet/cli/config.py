"""`acsnet config`: all settings, and where each comes from."""

import os
import re
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from rich.markup import escape

from acsnet.cli.common import grid, out

if TYPE_CHECKING:
    from acsnet.settings import Settings


def config() -> None:
    """Show all settings, and where each comes from: a variable, the file, or the default."""
    from acsnet.settings import read_settings

    settings = read_settings()
    table = grid("setting", "value", "from", whole="setting")
    for name, source in sources().items():
        table.add_row(".".join(name), escape(shown(setting_of(settings, name))), escape(source))
    out.print(table)


def sources() -> dict[tuple[str, ...], str]:
    """Where each setting comes from: its variable, the file, or "default"."""
    from acsnet.settings import CONFIG, file_content, names, variable

    content, origins = file_content(), {}
    for name in names():
        inside: Any = content
        for part in name:
            inside = inside.get(part) if isinstance(inside, dict) else None
        default = "default" if inside is None else os.environ[CONFIG]
        origins[name] = variable(name) if os.environ.get(variable(name)) else default
    return origins


def setting_of(settings: "Settings", name: tuple[str, ...]) -> Any:
    """The value of one setting."""
    value: Any = settings
    for part in name:
        value = getattr(value, part)
    return value


def shown(value: Any) -> str:
    """A value for people to read; a secret is `***`."""
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

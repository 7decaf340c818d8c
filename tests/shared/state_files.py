"""Files of a state folder that `docs/operations.md` says nothing about."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def undescribed(state):
    """Paths below a state folder that no row and no word of "Damaged files" is about."""
    section = PAGE.read_text().split("## Damaged files")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    others = section[section.index("\nLock files") :]
    names = [name for text in (*rows, others) for name in re.findall(r"`([^`]+)`", text)]
    known = [re.compile(_expression(name)) for name in names]
    files = sorted(path for path in state.rglob("*") if path.is_symlink() or path.is_file())
    paths = [file.relative_to(state).as_posix() for file in files]
    return [path for path in paths if not any(one.fullmatch(path) for one in known)]


def _expression(name):
    """A folder is all below it; a name without a folder that begins with "*" or "." is anywhere."""
    pattern = re.escape(name).replace(r"\*", "[^/]*")
    if name.endswith("/"):
        return f"{pattern}.*"
    return f"(.*/)?{pattern}" if name[0] in "*." and "/" not in name else pattern

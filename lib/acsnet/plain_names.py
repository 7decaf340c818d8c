"""Names of cases that come from outside and become names of files."""

import re

MAX_NAME = 200
"""Bytes: with a suffix it still fits the 255 of a file name."""

_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f]")


def is_plain_name(name: str) -> bool:
    """Whether `name` can only ever be one entry of one folder."""
    short = len(name.encode(errors="surrogatepass")) <= MAX_NAME
    return bool(name) and short and name[0] != "." and not _UNSAFE.search(name)

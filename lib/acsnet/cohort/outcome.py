"""Outcome of a case."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One case, done or failed, or a file that was taken for none.

    place: of its scan, as a user knows it; reason: why it failed, or None; computed: False where
    it was done before; skipped: whether this is no case, and the reason names the file.
    """

    case: str
    place: str
    reason: str | None = None
    computed: bool = False
    skipped: bool = False

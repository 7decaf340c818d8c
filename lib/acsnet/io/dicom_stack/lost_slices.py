"""Files that are no DICOM and are called as slices are: copies that failed, or packed ones.

Not from any standard: the rule.
"""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

MIN_ALIKE = 2
"""Slices whose names are alike but for their numbers: by them others are known."""

ONE_PACKED = (".gz", ".bz2", ".xz", ".zip")
"""Of archives that may hold one slice each."""


def called_like_slices(others: Iterable[Path], *, slices: Iterable[Path]) -> list[Path]:
    """Of the files that are no DICOM those whose names go on with the names of slices.

    Without its last slice a ventricle is too short, and nothing else tells that it is missing.
    """
    there = set(slices)
    patterns = Counter(map(_pattern, there))
    return [
        path
        for path in others
        if patterns[_pattern(path)] >= MIN_ALIKE and _unpacked_name(path) not in there
    ]


def _pattern(path: Path) -> tuple[Path, str]:
    """The folder of a file, and its name without numbers."""
    return path.parent, re.sub(r"\d+", "#", _unpacked_name(path).name)


def _unpacked_name(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in ONE_PACKED else path

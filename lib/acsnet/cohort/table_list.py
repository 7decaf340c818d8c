"""The scans that a CSV table lists.

A line without a case is called as `acsnet segment` calls its scan: by its file, and where lines
share that name with as much of the path as tells them apart.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import FileSource, Listed, named
from acsnet.errors import InputError
from acsnet.io.inputs import names_of, without_endings
from acsnet.io.volume import stem_of

COLUMNS = IMAGE, CASE, PHASE, SERIES = "image", "case", "phase", "series"
"""Of a table; all but the first may be missing."""

MEANT = re.compile(r"(case|phase|serie)s?(no|nr|num|number|index|id|uid|instanceuid)?")
"""Headings that mean a column, without blanks and signs, as in "Series No." or "phases"."""

SHOWN = 10
"""Headings that are named."""

NUMBER = re.compile(r"(\d+)(\.0*|,00?)?")
"""Programs that leave other lines empty write whole numbers as 2.0, or as 2,0 in other languages.

2,000 may be two thousand.
"""

SURPLUS = "the line has more cells than the header: put names that hold the separator in quotes"
"""Why a line fails that a separator in a name has split: its cells stand in the wrong columns."""


def in_table(table: Path) -> Iterator[Listed]:
    """The scans of a table, line by line. Raises InputError, before the first, for a damaged one.

    Paths begin in the folder of the table. Its columns `case`, `phase` and `series`, the latter two
    as `read_scan` takes them, may be missing.
    """
    with _refused(table):
        names = _names_of_alike(table)
        for line, cells, surplus in _lines(table):
            if reason := SURPLUS if surplus else _fault(cells):
                place = f"{table.name} line {line}"
                yield Outcome(case=cells[CASE], place=place, reason=reason)
                continue
            path = table.parent / cells[IMAGE]
            case = cells[CASE] or names.get(path)
            source = FileSource(case=case, path=path) if case else named(path, path.parent)
            if isinstance(source, FileSource):
                phase = int(cells[PHASE]) if cells[PHASE] else None
                source = replace(source, phase=phase, series=cells[SERIES] or None)
            yield source


def unused_columns(table: Path) -> str:
    """Headings of a table that nothing is taken from, in words; empty for none.

    Raises as `in_table`.
    """
    with _refused(table), table.open(encoding="utf-8-sig", newline="") as stream:
        header = _rows(table, stream).fieldnames or ()
    names = [name for name in header if name and name not in COLUMNS]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


@contextmanager
def _refused(table: Path) -> Iterator[None]:
    """Raise InputError for what is no CSV table."""
    try:
        yield
    except UnicodeDecodeError as error:
        msg = f"{table.name} cannot be read as a CSV table, not being UTF-8: save it as 'CSV UTF-8'"
        raise InputError(msg) from error
    except csv.Error as error:
        msg = f"{table.name} cannot be read as a CSV table: {error}"
        raise InputError(msg) from error


def _fault(cells: dict[str, str]) -> str | None:
    """Why a line names no scan."""
    if not cells[IMAGE]:
        return f"column {IMAGE!r} is empty"
    if cells[PHASE] and NUMBER.fullmatch(cells[PHASE]) is None:
        return f"column {PHASE!r} must be a whole number from 1, got {cells[PHASE]!r}"
    return None


def _whole(cell: str) -> str:
    """2.0 and 2,0 -> 2; any other text as it is."""
    number = NUMBER.fullmatch(cell)
    return cell if number is None else number[1]


def _names_of_alike(table: Path) -> dict[Path, str]:
    """As `names_of` the lines without a case; only the paths of those called alike are kept.

    Also of those that are called as another may be with its ending.
    """
    shared = Counter(without_endings(stem_of(path)) for path in _without_case(table))
    alike = (path for path in _without_case(table) if shared[without_endings(stem_of(path))] > 1)
    return names_of(list(alike))


def _without_case(table: Path) -> Iterator[Path]:
    for _, cells, surplus in _lines(table):
        if not surplus and cells[IMAGE] and not cells[CASE]:
            yield table.parent / cells[IMAGE]


def _lines(table: Path) -> Iterator[tuple[int, dict[str, str], bool]]:
    """Number of each line, its cells in `COLUMNS`, and whether it has more than the header.

    Columns without a heading count, for remarks stand there; empty cells after the last do not.
    """
    with table.open(encoding="utf-8-sig", newline="") as stream:
        rows = _rows(table, stream)
        for row in rows:
            cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
            cells |= {name: _whole(cells[name]) for name in (CASE, PHASE, SERIES)}
            yield rows.line_num, cells, any(cell.strip() for cell in row.get(None, ()))


def _rows(table: Path, stream: TextIO) -> "csv.DictReader[str]":
    """The lines of a table by its headings, in small letters. Raises InputError for wrong ones."""
    # What spreadsheets write between columns depends on the language of the system.
    delimiter = max(",;\t", key=stream.readline().count)
    stream.seek(0)
    rows = csv.DictReader(stream, delimiter=delimiter)
    rows.fieldnames = header = [name.strip().lower() for name in rows.fieldnames or ()]
    if IMAGE not in header:
        msg = f"{table.name} must have a column {IMAGE!r}, got {header}"
        raise InputError(msg)
    if any(header.count(column) > 1 for column in COLUMNS):
        msg = f"{table.name} must have each column once, got {header}"
        raise InputError(msg)
    for name in header:
        if (column := _meant(name)) and column not in header:
            msg = (
                f"{table.name}: column {name!r} is not known: call it {column!r}, or otherwise if "
                "it chooses nothing"
            )
            raise InputError(msg)
    return rows


def _meant(heading: str) -> str | None:
    """The column that a heading means without being called so."""
    meant = MEANT.fullmatch(re.sub(r"[\W_]", "", heading))
    return next(name for name in COLUMNS if name.startswith(meant[1])) if meant else None

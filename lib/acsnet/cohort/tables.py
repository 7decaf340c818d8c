"""The tables of a cohort: one row a case in `cohort.csv` and `cohort.parquet`, and what failed.

Rows are those of `acsnet.export.write_csv`. Cases are read twice and written in parts, so that
memory does not grow with their number.
"""

import csv
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
from pyarrow import parquet

from acsnet.cohort.outcome import Outcome
from acsnet.export import CSV_TABLE, FEATURES, PARQUET_TABLE, csv_cell, csv_cells, row_of
from acsnet.storage import writing

FAILURES = "failures.csv"
TABLES = (CSV_TABLE, PARQUET_TABLE, FAILURES)

ROWS = 1000
"""Rows that are held at once: a row group of the Parquet file."""

KINDS: dict[frozenset[type], pa.DataType] = {
    frozenset(): pa.null(),
    frozenset({bool}): pa.bool_(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({str}): pa.string(),
}
"""Type of a column by the types of its values, null left out."""


def write_tables(
    output: Path,
    cases: Sequence[str],
    failed: Iterable[Outcome],
    *,
    rows_at_once: int = ROWS,
) -> None:
    """Write `cohort.csv` and `cohort.parquet` of the named cases, and `failures.csv`.

    Columns are those of all cases together; null is an empty field in CSV.
    """
    kinds: dict[str, set[type]] = {}
    for row in _rows(output, cases):
        for name, value in row.items():
            kinds.setdefault(name, set()).update({type(value)} - {type(None)})
    schema = pa.schema([(name, KINDS[frozenset(types)]) for name, types in kinds.items()])
    with (
        _table(output / CSV_TABLE) as stream,
        writing(output / PARQUET_TABLE) as temporary,
        parquet.ParquetWriter(temporary, schema) as columns,
    ):
        lines = csv.DictWriter(stream, list(kinds), restval="", lineterminator="\n")
        lines.writeheader()
        rows = _rows(output, cases)
        while part := list(itertools.islice(rows, rows_at_once)):
            lines.writerows(csv_cells(row) for row in part)
            columns.write_table(pa.Table.from_pylist(part, schema=schema))
    with _table(output / FAILURES) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("case", "input", "reason"))
        texts = ((case.case, case.place, case.reason) for case in failed)
        writer.writerows(map(csv_cell, row) for row in texts)


def remove_tables(output: Path) -> None:
    """Remove tables of an earlier run: they say nothing of what changes from now on."""
    for name in TABLES:
        (output / name).unlink(missing_ok=True)


def _rows(output: Path, cases: Iterable[str]) -> Iterator[dict[str, Any]]:
    for case in cases:
        text = (output / case / FEATURES).read_text(encoding="utf-8")
        yield row_of(json.loads(text))


def _text(file: Path) -> TextIO:
    """Paths that are not UTF-8 are written with escapes."""
    return file.open("w", encoding="utf-8", errors="backslashreplace", newline="")


@contextmanager
def _table(file: Path) -> Iterator[TextIO]:
    with writing(file) as temporary, _text(temporary) as stream:
        yield stream

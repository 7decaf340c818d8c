import csv
import errno
import json
import math
import os
from contextlib import nullcontext

import pytest
from pyarrow import parquet

from acsnet.cohort import run, tables
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.tables import remove_tables, write_tables
from acsnet.export import write_csv


def document(case, volume, **more):
    return {
        "case": case,
        "slices": 2,
        "scar": volume,
        "warnings": [],
        "seconds": {"roi": 1.0},
        "segments": [{"segment": 1, "percent": volume}],
        **more,
    }


def write(output, *documents):
    for one in documents:
        (output / one["case"]).mkdir(parents=True)
        (output / one["case"] / "features.json").write_text(json.dumps(one))
    return [one["case"] for one in documents]


def test_rows_of_a_cohort_are_in_the_order_in_which_people_count(tmp_path, monkeypatch):
    cases = [Outcome(case=name, place=name) for name in ("case10", "case2", "Case1")]
    for name, value in (
        ("list_scans", iter(cases)),
        ("connected", nullcontext()),
        ("gather", None),
        ("start_workers", []),
        ("work_all", cases),
    ):
        monkeypatch.setattr(run, name, lambda *_, value=value, **__: value)
    write(tmp_path, *(document(case.case, 1.0) for case in cases))
    assert list(run.run_cohort("scans", output=tmp_path, options=None)) == cases
    lines = (tmp_path / "cohort.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["case", "Case1", "case2", "case10"]


def test_rows_are_those_of_write_csv(tmp_path):
    documents = [document("a", 1.5), document("b", None, warnings=["x, y", "z"], new="n")]
    write_tables(tmp_path, write(tmp_path, *documents), [])
    write_csv(tmp_path / "expected.csv", documents)
    assert (tmp_path / "cohort.csv").read_text() == (tmp_path / "expected.csv").read_text()


def test_parquet_has_the_same_rows_with_types(tmp_path):
    documents = [document("a", 1.5), document("b", None), document("c", 2, never=None, yes=True)]
    write_tables(tmp_path, write(tmp_path, *documents), [], rows_at_once=2)
    file = parquet.ParquetFile(tmp_path / "cohort.parquet")
    assert file.num_row_groups == 2
    table = file.read()
    assert {field.name: str(field.type) for field in table.schema} == {
        "case": "string",
        "slices": "int64",
        "scar": "double",
        "warnings": "string",
        "segments.1.segment": "int64",
        "segments.1.percent": "double",
        "never": "null",
        "yes": "bool",
    }
    assert table["case"].to_pylist() == ["a", "b", "c"]
    assert table["scar"].to_pylist() == [1.5, None, 2.0]
    assert table["yes"].to_pylist() == [None, None, True]


def test_failures_are_listed_with_their_reason(tmp_path):
    failed = [Outcome(case="a", place="x/a.nii.gz", reason='no "heart", no scan')]
    write_tables(tmp_path, [], failed)
    with (tmp_path / "failures.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {"case": "a", "input": "x/a.nii.gz", "reason": 'no "heart", no scan'}
    assert parquet.read_table(tmp_path / "cohort.parquet").num_rows == 0


def test_a_place_that_is_not_utf_8_is_written_with_escapes(tmp_path):
    place = os.fsdecode(b"Mu\xf1oz.nii")
    write_tables(tmp_path, [], [Outcome(case="a", place=place, reason=f"{place} is no scan")])
    assert (tmp_path / "failures.csv").read_text().splitlines()[1:] == [
        r"a,Mu\udcf1oz.nii,Mu\udcf1oz.nii is no scan"
    ]


def test_memory_does_not_grow_with_the_number_of_cases(tmp_path, monkeypatch):
    held = []
    plain = tables.pa.Table.from_pylist

    class Table:
        @staticmethod
        def from_pylist(rows, schema):
            held.append(len(rows))
            return plain(rows, schema=schema)

    monkeypatch.setattr(tables.pa, "Table", Table)
    cases = write(tmp_path, *(document(f"c{number}", 1.0) for number in range(95)))
    write_tables(tmp_path, cases, [], rows_at_once=10)
    assert held == [10] * math.floor(95 / 10) + [5]


def test_a_full_disk_leaves_no_part_of_a_table(tmp_path, monkeypatch):
    def full(writer, table):
        raise OSError(errno.ENOSPC, "No space left on device")

    cases = write(tmp_path, document("a", 1.0))
    monkeypatch.setattr(tables.parquet.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        write_tables(tmp_path, cases, [])
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_tables_of_an_earlier_run_are_removed(tmp_path):
    write_tables(tmp_path, [], [])
    remove_tables(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_tables(tmp_path)

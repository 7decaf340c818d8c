import re

import pytest

from acsnet.cohort.inputs import unused_in
from acsnet.cohort.sources import FileSource
from acsnet.cohort.table_list import in_table, unused_columns
from acsnet.errors import InputError


def listed(table):
    return list(in_table(table))


@pytest.mark.parametrize(
    "text",
    [
        "image,case\na.nii.gz,x\n",
        "Case;Image\r\nx;a.nii.gz\r\n",
        "age\tIMAGE \tcase\n\ta.nii.gz\tx\n",
    ],
)
def test_a_table_may_be_of_any_spreadsheet(tmp_path, text):
    table = tmp_path / "list.csv"
    table.write_bytes(text.encode("utf-8-sig"))
    assert listed(table) == [FileSource(case="x", path=tmp_path / "a.nii.gz")]


@pytest.mark.parametrize("header", ["image,case", "image,case,", "image"])
def test_a_comma_in_a_name_shifts_no_cell_of_a_line_in_silence(tmp_path, header):
    lines = ["p1, follow-up,x,2", "b,,,", "c", '"p1, follow-up"']
    for name in ("p1", "b", "c", "p1, follow-up"):
        (tmp_path / name).mkdir()
    (tmp_path / "list.csv").write_text("\n".join([header, *lines]))
    split, *others = listed(tmp_path / "list.csv")
    assert split.place == "list.csv line 2"
    assert split.reason == (
        "the line has more cells than the header: put names that hold the separator in quotes"
    )
    assert [source.path.name for source in others] == ["b", "c", "p1, follow-up"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_column_of_remarks_needs_no_heading(tmp_path, separator):
    lines = [("image", "case", ""), ("a.nii.gz", "A", "good"), ("b.nii.gz", "B", "")]
    table = tmp_path / "list.csv"
    table.write_text("\n".join(separator.join(cells) for cells in lines))
    assert listed(table) == [
        FileSource(case="A", path=tmp_path / "a.nii.gz"),
        FileSource(case="B", path=tmp_path / "b.nii.gz"),
    ]


def test_a_column_of_numbers_that_was_written_with_decimals_is_one_of_whole_numbers(tmp_path):
    (tmp_path / "list.csv").write_text(
        "image,case,phase,series\na.nii.gz,1.0,2.0,301.0\nb.nii.gz,,,1.3.6\nc.nii.gz,1.5,,\n"
    )
    first, second, third = listed(tmp_path / "list.csv")
    assert (first.case, first.phase, first.series) == ("1", 2, "301")
    assert (second.case, second.phase, second.series) == ("b", None, "1.3.6")
    assert third.case == "1.5"


def test_a_column_of_numbers_with_decimal_commas_is_one_of_whole_numbers(tmp_path):
    """1,000 may be a thousand, and 301,302 are two series."""
    lines = ["image;case;phase;series", "a;7,0;2,0;1,00", "b;7,5;;301,302", "c;1,000;;1,000"]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    first, second, third = listed(tmp_path / "list.csv")
    assert (first.case, first.phase, first.series) == ("7", 2, "1")
    assert (second.case, second.series) == ("7,5", "301,302")
    assert (third.case, third.series) == ("1,000", "1,000")


def test_a_table_chooses_an_image_of_each_slice_and_a_series(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "list.csv").write_text(
        "image,case,phase,series\na,first,1,\na,second,2.0,1.2.3\nb,,,7.0\nc,,late,\n"
    )
    *sources, refused = listed(tmp_path / "list.csv")
    assert sources == [
        FileSource(case="first", path=tmp_path / "a", phase=1),
        FileSource(case="second", path=tmp_path / "a", phase=2, series="1.2.3"),
        FileSource(case="b", path=tmp_path / "b", series="7"),
    ]
    assert refused.place == "list.csv line 5"
    assert refused.reason == "column 'phase' must be a whole number from 1, got 'late'"


def test_a_table_without_the_column_is_refused(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("path\na.nii.gz\n")
    with pytest.raises(InputError, match=r"list.csv must have a column 'image', got \['path'\]"):
        listed(table)
    table.write_bytes("image\nüber.nii.gz\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"list.csv .*, not being UTF-8: save it as 'CSV UTF-8'"):
        listed(table)


def test_a_table_with_a_column_twice_is_refused(tmp_path):
    for text in ("image,Image\na.nii.gz,b.nii.gz\n", "image,phase,Phase\na,1,2\n"):
        (tmp_path / "list.csv").write_text(text)
        with pytest.raises(InputError, match=r"list\.csv must have each column once"):
            listed(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("Series number", "series"),
        ("series #", "series"),
        ("Serie", "series"),
        ("SeriesInstanceUID", "series"),
        ("phases", "phase"),
        ("Phase_No.", "phase"),
        ("case id", "case"),
    ],
)
def test_a_heading_that_means_a_column_without_being_called_so_is_refused(tmp_path, heading, meant):
    (tmp_path / "list.csv").write_text(f"image,{heading}\na.nii.gz,20\n")
    reason = f"list.csv: column '{heading.lower()}' is not known: call it '{meant}', or otherwise"
    with pytest.raises(InputError, match=re.escape(reason)):
        listed(tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text(f"image,{heading},{meant}\na.nii.gz,20,7\n")
    assert getattr(listed(tmp_path / "list.csv")[0], meant) in (7, "7")


def test_columns_of_remarks_are_named(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text(
        "image,age,,Series description,SeriesDate,image quality,Phase of cycle,case control\n"
    )
    names = "age, series description, seriesdate, image quality, phase of cycle, case control"
    assert unused_columns(table) == names
    assert unused_in(str(table)) == f"columns of list.csv that are not used: {names}"
    table.write_text(",".join(["image", *(f"c{number}" for number in range(12))]))
    assert unused_columns(table) == "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more"
    table.write_text("image,case,phase,series,\n")
    assert unused_in(str(table)) == unused_in(str(tmp_path)) == ""

"""What a reader enters for a case: checked, kept whole, never lost without a word."""

import json
import math
from datetime import timezone

import pytest

from acsnet.annotations.reading_details import (
    DETAILS_EARLIER,
    DetailsReplacedError,
    DetailsStore,
    ReadingDetails,
)
from acsnet.errors import InputError

ALL = {
    "height_cm": 181.0,
    "weight_kg": 82.5,
    "body_size_source": "entered",
    "indication": "Angina, stress perfusion positive",
    "comment": "Thin apex.\nSecond look advised.",
    "rv_insertion": {"4": [61.5, 70.0], "5": [60.0, 71.0]},
    "remote_region": {"4": [40.0, 52.5]},
}


@pytest.fixture
def store(tmp_path):
    return DetailsStore(tmp_path / "details")


def test_details_come_back_as_they_were_entered(store):
    details = ReadingDetails.from_dict(ALL)
    store.save("case", details, reader="Ana Ortiz")
    entry, warnings = store.read("case")
    assert entry.details == details
    assert entry.details.rv_insertion == {4: (61.5, 70.0), 5: (60.0, 71.0)}
    assert (entry.reader, entry.saved.tzinfo, warnings) == ("Ana Ortiz", timezone.utc, ())
    assert entry.details.to_dict() == ALL


def test_a_later_save_replaces_the_one_before(store):
    first = store.save("case", ReadingDetails(comment="first"), reader="Ana")
    store.save("case", ReadingDetails(comment="second"), reader="Bo", shown=first.moment)
    entry, _ = store.read("case")
    assert (entry.details.comment, entry.reader) == ("second", "Bo")


@pytest.mark.parametrize("shown", ["", "2026-01-01T00:00:00.000000+00:00"])
def test_details_that_the_reader_was_not_shown_are_not_replaced(store, shown):
    there = ReadingDetails.from_dict(ALL)
    store.save("case", there, reader="Ana")
    with pytest.raises(DetailsReplacedError, match="Ana saved other details") as raised:
        store.save("case", ReadingDetails(comment="mine"), reader="Bo", shown=shown)
    assert raised.value.status == 409
    assert store.read("case")[0].details == there
    store.save("case", there, reader="Ana")  # the same again takes nothing away


def test_details_in_the_place_of_some_that_are_gone_are_not_saved(store):
    shown = store.save("case", ReadingDetails(comment="first"), reader="Ana").moment
    store.remove("case")
    with pytest.raises(DetailsReplacedError, match="there no longer"):
        store.save("case", ReadingDetails(comment="second"), reader="Ana", shown=shown)
    assert store.read("case") == (None, ())


def test_details_of_an_earlier_state_of_the_scan_are_not_given_out_and_the_case_says_so(store):
    entry = store.save("case", ReadingDetails.from_dict(ALL), reader="Ana", scan="one")
    assert store.read("case", scan="one") == (entry, ())
    assert store.read("case", scan="two") == (None, (DETAILS_EARLIER,))
    later = store.save("case", ReadingDetails(comment="x"), reader="Bo", scan="two")
    assert store.read("case", scan="two") == (later, ())


def test_details_of_an_earlier_release_which_noted_no_state_hold(store, tmp_path):
    store.save("case", ReadingDetails(comment="kept"), reader="Ana", scan="one")
    (file,) = tmp_path.rglob("*.json")
    record = json.loads(file.read_text())
    assert record.pop("scan") == "one"
    file.write_text(json.dumps(record))
    entry, warnings = store.read("case", scan="two")
    assert (entry.details.comment, warnings) == ("kept", ())


def test_details_that_are_removed_leave_nothing(store, tmp_path):
    store.save("case", ReadingDetails(comment="x"), reader="Ana")
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(b"{")
    store.read("case")  # sets it aside
    store.save("case", ReadingDetails(comment="x"), reader="Ana")
    store.remove("case")
    store.remove("case")
    assert store.read("case") == (None, ())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_case_without_details_has_none(store):
    store.save("case", ReadingDetails(comment="of another"), reader="Ana")
    assert store.read("../case") == (None, ())


def test_files_are_private_and_named_by_no_patient(store, tmp_path):
    store.save("../Smith", ReadingDetails(comment="x"), reader="Ana")
    (file,) = tmp_path.rglob("*.json")
    assert file.parent == tmp_path / "details"
    assert "Smith" not in file.name
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"height_cm": 180.0}, "give both or neither"),
        ({"weight_kg": 80.0}, "give both or neither"),
        (
            {"height_cm": 1.8, "weight_kg": 80.0, "body_size_source": "entered"},
            "height must be 30 to 250 cm, got 1.8",
        ),
        (
            {"height_cm": 80.0, "weight_kg": 180.0, "body_size_source": "entered"},
            "fit no real person",
        ),
        (
            {"height_cm": math.nan, "weight_kg": 80.0, "body_size_source": "entered"},
            "height_cm must be a number",
        ),
        (
            {"height_cm": "180", "weight_kg": 80.0, "body_size_source": "entered"},
            "height_cm must be a number, got '180'",
        ),
        ({"height_cm": 180.0, "weight_kg": 80.0}, "body_size_source must be entered or header"),
        ({"body_size_source": "header"}, "without height and weight"),
        ({"indication": "x" * 501}, "indication must have at most 500 characters, got 501"),
        ({"comment": "x" * 2001}, "comment must have at most 2000 characters, got 2001"),
        ({"comment": "a\x00b"}, "control character"),
        ({"comment": None}, "comment must be text"),
        ({"rv_insertion": {}}, "leave it out for the automatic one"),
        ({"rv_insertion": {"0": [1, 1]}}, "slices from 1 to 1000, got 0"),
        ({"rv_insertion": {"3": [-1, 1]}}, "of slice 3 must be row and column"),
        ({"rv_insertion": {"3": [1]}}, "slice: \\[row, column\\]"),
        ({"rv_insertion": [3, 4]}, "slice: \\[row, column\\]"),
        ({"rv_insertion": {"a": [1, 1]}}, "slice: \\[row, column\\]"),
        ({"rv_insertion": {"1_0": [1, 1]}}, "slice: \\[row, column\\]"),
        ({"rv_insertion": {"03": [1, 1]}}, "slice: \\[row, column\\]"),
        ({"rv_insertion": {"3": [int("9" * 400), 5]}}, "of slice 3 must be row and column"),
        ({"rv_insertion": {"3": [math.inf, 5]}}, "of slice 3 must be row and column"),
        ({"rv_insertion": {"3": [math.nan, 5]}}, "of slice 3 must be row and column"),
        ({"remote_region": {"3": [1]}}, "remote_region must hold slice: \\[row, column\\]"),
        ({"remote_region": {"0": [1, 1]}}, "remote_region must name slices from 1"),
        ({"hight_cm": 180.0}, "reading details have no 'hight_cm'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(values, reason):
    with pytest.raises(InputError, match=reason):
        ReadingDetails.from_dict(values)


def test_a_name_that_cannot_be_written_is_refused(store):
    with pytest.raises(InputError, match="at most 64"):
        store.save("case", ReadingDetails(), reader="x" * 65)
    assert store.read("case") == (None, ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"image": "case"',
        b"[]",
        b'{"image": "case", "reader": "Ana", "saved": "2026-01-01T00:00:00+00:00"}',
        json.dumps(
            {
                "image": "case",
                "reader": "Ana",
                "saved": "2026-01-01T00:00:00+00:00",
                "details": {"height_cm": 999.0, "weight_kg": 80.0},
            }
        ).encode(),
        json.dumps({"image": "other"}).encode(),
    ],
)
def test_damaged_details_are_set_aside_and_the_case_says_so(store, tmp_path, content):
    store.save("case", ReadingDetails(comment="lost"), reader="Ana")
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(content)
    for _ in range(2):  # the second look says so, too
        entry, (warning,) = store.read("case")
        assert entry is None
        assert "enter it again" in warning
    (aside,) = tmp_path.rglob("*.damaged-*")
    assert aside.read_bytes() == content
    store.save("case", ReadingDetails(comment="again"), reader="Ana")
    entry, warnings = store.read("case")
    assert (entry.details.comment, warnings) == ("again", ())

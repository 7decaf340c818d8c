"""What becomes of an acceptance where another one is on record."""

import time
from datetime import datetime, timezone

import pytest

from acsnet.annotations.acceptance import AcceptedError, check_kept

LATE = datetime(2026, 11, 30, 23, 30, tzinfo=timezone.utc)


def accept(by, comment="", *, at=None, is_replaced=False):
    check_kept(
        reviewer="Ben",
        at=at,
        kept_comment="fine",
        is_replaced=is_replaced,
        by=by,
        comment=comment,
    )


@pytest.mark.parametrize("comment", ["", "fine"])
def test_the_same_acceptance_is_kept(comment):
    accept("Ben", comment)


@pytest.mark.parametrize(
    ("by", "comment", "is_replaced", "said"),
    [
        ("Ada", "", False, "acceptance is not kept; correct or withdraw the label map if you"),
        ("Ben", "no", False, "by Ben; your comment is not kept; correct or withdraw"),
        ("Ben", "", True, "by Ben; a newer label map holds: withdraw that one"),
        ("Ada", "no", True, "comment is not kept; a newer label map holds: withdraw that one"),
    ],
)
def test_another_acceptance_is_told_what_becomes_of_it(by, comment, is_replaced, said):
    with pytest.raises(AcceptedError, match=said) as refused:
        accept(by, comment, is_replaced=is_replaced)
    assert refused.value.status == 409


def test_the_time_of_the_first_acceptance_is_local_and_names_its_zone(monkeypatch):
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    try:
        with pytest.raises(AcceptedError, match="by Ben on 2026-12-01 00:30 CET; "):
            accept("Ada", at=LATE)
    finally:
        monkeypatch.undo()
        time.tzset()

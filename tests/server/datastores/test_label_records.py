"""Versions and SEGs as records: what is held under a tag, by whom, and how clients get it."""

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from acsnet.annotations.label_versions import Version
from acsnet.pacs.annotations import Annotation
from acsnet.server.datastores.label_records import (
    held,
    record_of_info,
    record_of_seg,
    records_of_folder,
    reviewed_of,
)
from acsnet.server.datastores.protocol import record_under_tag
from acsnet.server.datastores.seg_decisions import SegDecision


def version(name, second, *, state="draft", tag="final", scan="now", reviewed=None):
    saved = datetime(2026, 11, 28, 6, 0, second, tzinfo=timezone.utc)
    return Version(
        id=name,
        image="a",
        author="Ana",
        saved=saved,
        model="m1",
        scan=scan,
        tag=tag,
        features={"warnings": ["odd"]},
        sha256="",
        state=state,
        reviewer="Rea" if state == "reviewed" else "",
        reviewed=reviewed or (saved if state == "reviewed" else None),
        file=Path("a.nii.gz"),
    )


def test_a_draft_holds_until_something_newer_is_reviewed():
    drawn, reviewed = version("v1", 1), version("v2", 2, state="reviewed")
    assert held([drawn]) == {"draft": drawn}
    assert held([reviewed, drawn]) == {"final": reviewed}
    newest = version("v3", 3)
    assert held([newest, reviewed, drawn]) == {"final": reviewed, "draft": newest}
    assert held([version("v3", 3, state="withdrawn"), reviewed]) == {"final": reviewed}


def test_a_draft_holds_no_longer_than_until_something_newer_is_reviewed_under_any_tag():
    drawn, mine = version("v1", 1), version("v2", 2, state="reviewed", tag="mine")
    assert held([mine, drawn]) == {"final": mine, "mine": mine}
    newest = version("v3", 3)
    assert held([newest, mine, drawn]) == {"final": mine, "mine": mine, "draft": newest}
    beside = version("v2", 2, tag="mine")
    assert held([beside, drawn]) == {"mine": beside, "draft": drawn}


@pytest.mark.parametrize(("author", "unchanged"), [("ACSNet 1.0", True), ("Ana", False)])
def test_a_draft_that_was_accepted_as_it_is_is_told_from_what_a_person_drew(author, unchanged):
    accepted = replace(version("v1", 1, state="reviewed"), author=author)
    reviewed = reviewed_of(
        accepted, Path("l.nii.gz"), image=Path("a.nii.gz"), patient="p", study="s"
    )
    assert (reviewed.name, reviewed.unchanged) == ("a", unchanged)
    assert (reviewed.patient, reviewed.study) == ("p", "s")
    assert reviewed.at == accepted.reviewed.timestamp()


def test_all_label_maps_of_a_scan_are_listed_newest_first():
    versions = [version("v3", 3), version("v2", 2, state="reviewed"), version("v1", 1)]
    infos = {
        "original": {"user": "ACSNet", "ts": 1, "model": "m1", "scan": "before"},
        "final": {"version": "v2", "scan": "now"},
        "draft": {"version": "v3", "scan": "now", "seg_refused": "no reason"},
    }
    records = records_of_folder(infos, versions, scan="now")
    assert [(one.id, one.tag, one.state, one.current) for one in records] == [
        ("v3", "draft", "draft", True),
        ("v2", "final", "reviewed", True),
        ("v1", "", "draft", True),
        ("", "original", "draft", False),
    ]
    assert [one.seg_refused for one in records] == ["no reason", None, None, None]
    assert record_under_tag(records, "final") is records[1]
    assert record_under_tag(records, "mine") is None


def test_a_version_under_two_tags_is_listed_under_both():
    reviewed = version("v1", 1, state="reviewed", tag="mine")
    assert set(held([reviewed])) == {"final", "mine"}
    infos = {tag: {"version": "v1", "scan": "now"} for tag in held([reviewed])}
    records = records_of_folder(infos, [reviewed], scan="now")
    assert {(one.id, one.tag) for one in records} == {("v1", "final"), ("v1", "mine")}


def test_a_client_gets_a_record_under_the_names_of_monai_label():
    (record,) = records_of_folder({}, [version("v1", 1, state="reviewed")], scan="now")
    assert record.to_info() == {
        "version": "v1",
        "state": "reviewed",
        "user": "Ana",
        "ts": 1795845601,  # 2026-11-28 06:00:01 UTC
        "model": "m1",
        "reviewer": "Rea",
        "comment": "",
        "features": {"warnings": ["odd"]},
    }
    assert record.warnings == ("odd",)


def test_a_draft_of_the_same_second_is_newer_than_the_version_saved_before_it():
    first = version("v1", 1)
    before = replace(first, saved=first.saved.replace(microsecond=200_000))
    draft = replace(
        records_of_folder({"original": {"client_id": "ACSNet"}}, [], scan="now")[0],
        saved=before.saved.replace(microsecond=500_000),
    )
    records = records_of_folder({"original": draft.to_info()}, [before], scan="now")
    assert [one.tag or one.id for one in records] == ["original", "v1"]


def test_a_label_is_read_when_it_was_accepted_and_not_when_it_was_saved():
    later = datetime(2026, 12, 19, 8, 0, tzinfo=timezone.utc)
    accepted, draft = version("v1", 1, state="reviewed", reviewed=later), version("v2", 2)
    first, second = records_of_folder({}, [draft, accepted], scan="now")
    assert (first.reviewed, first.read) == (None, draft.saved)
    assert (second.saved, second.reviewed, second.read) == (accepted.saved, later, later)
    withdrawn = version("v1", 1, state="withdrawn", reviewed=later)
    (record,) = records_of_folder({}, [withdrawn], scan="now")
    assert record.read == withdrawn.saved


def test_the_models_draft_has_no_version_and_a_record_without_scan_counts_as_current():
    (record,) = records_of_folder({"original": {"client_id": "ACSNet"}}, [], scan="now")
    assert (record.author, record.saved, record.current) == ("ACSNet", None, True)
    assert "version" not in record.to_info()
    assert record_of_info({}, "final", current=True).state == "reviewed"


@pytest.mark.parametrize("made_at", [datetime(2026, 11, 28, 6, 0, 1, 5, timezone.utc), None])
def test_a_seg_was_saved_and_reviewed_when_it_was_made(made_at):
    seg = Annotation(
        state="reviewed",
        author="Ana",
        made_at=made_at,
        study="1.2",
        series="1.3",
        instance="1.4",
        of_series=("1.1",),
    )
    record = record_of_seg(seg, tag="final", features={"model_version": "m1"})
    assert (record.id, record.model, record.current) == ("1.4", "m1", True)
    assert record.saved == record.reviewed == record.read == made_at
    assert record_of_seg(seg, features={}).tag == ""


def test_a_record_of_a_seg_says_what_was_decided_on_it():
    seg = Annotation(
        state="withdrawn",
        author="Rea",
        made_at=None,
        study="1.2",
        series="1.3",
        instance="1.4",
        of_series=("1.1",),
    )
    said = SegDecision(
        instance="1.4", author="ACSNet", reviewer="Rea", comment="no apex", withdrawn_by="Bo"
    )
    record = record_of_seg(seg, features={}, decision=said)
    assert (record.state, record.author, record.reviewer) == ("withdrawn", "ACSNet", "Rea")
    assert (record.comment, record.withdrawn_by) == ("no apex", "Bo")

"""The audit log: whole lines, whatever happened before."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from acsnet.annotations import audit_log


def test_an_event_is_one_json_line(tmp_path):
    log = tmp_path / "state" / "audit.jsonl"
    audit_log.record(log, "infer", user="ana", model="v1", image="case", seconds=1.23456)
    (line,) = log.read_text().splitlines()
    entry = json.loads(line)
    assert datetime.now(timezone.utc) - datetime.fromisoformat(entry.pop("time")) < timedelta(
        minutes=1
    )
    assert entry == {
        "event": "infer",
        "user": "ana",
        "model": "v1",
        "image": "case",
        "seconds": 1.235,
    }


def test_events_are_read_oldest_first_with_their_details(tmp_path):
    log = tmp_path / "audit.jsonl"
    audit_log.record(log, "train", model="v2", details={"patients": 5})
    audit_log.record(log, "promote", model="v2")
    assert [(entry["event"], entry.get("patients")) for entry in audit_log.read(log)] == [
        ("train", 5),
        ("promote", None),
    ]


def test_what_a_log_was_rotated_to_is_read_before_it_the_oldest_first(tmp_path):
    log = tmp_path / "audit.jsonl"
    others = (("x", f"audit.jsonl.{end}") for end in ("bak", "01", "1764478082"))
    for image, name in (("a", "audit.jsonl.10"), ("b", "audit.jsonl.9"), *others):
        audit_log.record(log, "infer", image=image)
        log.rename(tmp_path / name)
    (tmp_path / "audit.jsonl.1").mkdir()
    audit_log.record(log, "infer", image="c")
    assert [entry["image"] for entry in audit_log.read(log)] == ["a", "b", "c"]


def test_no_log_yet_is_no_event(tmp_path):
    assert audit_log.read(tmp_path / "audit.jsonl") == []


@pytest.mark.parametrize("torn", [b'{"event": "sa', b"\xff\xfe", b"12"])
def test_a_line_cut_short_costs_only_itself(tmp_path, torn):
    log = tmp_path / "audit.jsonl"
    audit_log.record(log, "infer", image="one")
    with log.open("ab") as stream:
        stream.write(torn)
    audit_log.record(log, "save", image="two")
    assert [entry["image"] for entry in audit_log.read(log)] == ["one", "two"]
    assert torn in log.read_bytes()


def test_many_threads_write_whole_lines(tmp_path):
    log = tmp_path / "audit.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: audit_log.record(log, "infer", image=str(k)), range(100)))
    assert sorted(int(entry["image"]) for entry in audit_log.read(log)) == list(range(100))


def test_only_its_owner_may_read_it(tmp_path):
    log = tmp_path / "audit.jsonl"
    audit_log.record(log, "infer")
    assert log.stat().st_mode & 0o077 == 0


def test_a_number_that_is_none_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        audit_log.record(tmp_path / "audit.jsonl", "infer", details={"dice": float("nan")})
    assert audit_log.read(tmp_path / "audit.jsonl") == []

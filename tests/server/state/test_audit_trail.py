"""Audit lines that a full disk or a kill kept from being written are added from what is there."""

import errno
import json

import pytest

from acsnet import __version__
from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.fine_tuning import model_registry
from acsnet.fine_tuning.model_registry import Models
from acsnet.server.state import audit_trail
from acsnet.server.state.audit_trail import complete, note
from acsnet.server.state.paths import audit_log_file


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))


@pytest.fixture
def models(tmp_path):
    return Models(tmp_path / "models" / "x-0123456789")


@pytest.fixture
def versions(tmp_path):
    return VersionStore(tmp_path / "studies" / "x-0123456789" / "versions")


def serve(models, name):
    models.root.mkdir(parents=True, exist_ok=True)
    content = {"live": name, "previous": None, "candidate": None}
    (models.root / "aliases.json").write_text(json.dumps(content))


def lines():
    keys = ("event", "user", "image", "version", "state", "model")
    return [
        tuple(line[key] for key in keys if line.get(key))
        for line in audit_log.read(audit_log_file())
    ]


def test_lines_of_saves_reviews_and_withdrawals_are_completed_once(versions, models, tmp_path):
    label = tmp_path / "label.nii.gz"
    label.write_bytes(b"1")
    first = versions.add("a", label, author="Ana", model="m1")
    label.write_bytes(b"2")
    second = versions.add("a", label, author="Bob", state="reviewed")
    versions.mark("a", first.id, "reviewed", by="Eve")
    versions.mark("a", second.id, "withdrawn", by="Eve")
    note("save", user="Ana", image="a", model="m1", details={"version": first.id})
    assert complete(versions, models) == 3
    assert lines()[1:] == [
        ("review", "Eve", "a", first.id, "m1"),
        ("save", "Bob", "a", second.id, "reviewed"),
        ("withdraw", "Eve", "a", second.id),
    ]
    assert all(line["completed"] for line in audit_log.read(audit_log_file())[1:])
    assert complete(versions, models) == 0
    audit_log_file().rename(tmp_path / "audit.jsonl.1")
    assert complete(versions, models) == 0


def test_a_draft_of_the_networks_is_a_save_by_who_accepted_it_and_none_where_it_was_rejected(
    versions, models, tmp_path
):
    label = tmp_path / "label.nii.gz"
    label.write_bytes(b"1")
    rejected = versions.add("a", label, author="ACSNet 0.3.0", state="withdrawn", by="Eve")
    assert complete(versions, models) == 1
    assert lines() == [("withdraw", "Eve", "a", rejected.id)]
    label.write_bytes(b"2")
    accepted = versions.add("a", label, author="ACSNet 0.3.0", state="reviewed", by="Eve")
    versions.mark("a", accepted.id, "withdrawn", by="Bob")
    assert complete(versions, models) == 3
    assert lines()[1:] == [
        ("save", "Eve", "a", accepted.id, "reviewed"),
        ("review", "Eve", "a", accepted.id),
        ("withdraw", "Bob", "a", accepted.id),
    ]


@pytest.mark.parametrize(
    ("before", "live", "event"),
    [
        ((), "b" * 12, "promote"),
        (("b" * 12,), "shipped", "rollback"),
        (("b" * 12,), "c" * 12, "promote"),
    ],
)
def test_the_model_that_is_live_is_the_last_in_the_log(versions, models, before, live, event):
    for name in before:
        note("promote", model=name, details={"models": models.root.name})
    note("promote", model="f" * 12, details={"models": "another-9876543210"})
    serve(models, live)
    assert complete(versions, models) == 1
    assert lines()[-1] == (event, live)
    assert complete(versions, models) == 0


def test_a_line_with_the_release_of_the_shipped_networks_is_of_what_is_live(versions, models):
    for name in ("b" * 12, "shipped 0.3.0"):
        note("promote", model=name, details={"models": models.root.name})
    serve(models, "shipped")
    assert complete(versions, models) == 0


def test_a_line_completed_after_an_upgrade_names_the_networks_of_then(
    versions, models, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(model_registry, "check_chain", lambda folder: None)
        patch.setattr(model_registry, "__version__", "0.2.9")
        models.promote("b" * 12)
        models.rollback()
    complete(versions, models)
    assert lines() == [("promote", "b" * 12), ("rollback", "shipped 0.2.9")]


def test_a_line_that_cannot_be_written_is_a_warning_and_no_failure(monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(audit_trail.audit_log, "record", full)
    (warning,) = note("save", user="Ana")
    assert warning.startswith("its line in the audit log could not be written")


def killed(*args, **options):
    raise KeyboardInterrupt


def test_a_change_of_the_model_is_on_record_whenever_the_process_was_killed(
    versions, models, monkeypatch
):
    """A rollback without its line, followed by a promotion with one, is told of, too."""
    monkeypatch.setattr(model_registry, "check_chain", lambda folder: None)
    models.promote("b" * 12)
    note("promote", model="b" * 12, details={"change": models.last_change("b" * 12)})
    models.rollback()  # killed before its line
    models.promote("c" * 12)
    note("promote", model="c" * 12, details={"change": models.last_change("c" * 12)})
    with monkeypatch.context() as patch:
        patch.setattr(model_registry, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            models.rollback()  # killed before it was made
    assert complete(versions, models) == 1
    assert lines() == [
        ("promote", "b" * 12),
        ("promote", "c" * 12),
        ("rollback", f"shipped {__version__}"),
    ]
    assert complete(versions, models) == 0
    models.rollback()
    assert complete(versions, models) == 1
    assert lines()[-1] == ("rollback", f"shipped {__version__}")
    assert complete(versions, models) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 64, b"[]\n"])
def test_damaged_notes_of_changes_leave_the_model_and_the_log_as_they_are(
    versions, models, monkeypatch, content
):
    monkeypatch.setattr(model_registry, "check_chain", lambda folder: None)
    models.promote("b" * 12)
    note("promote", model="b" * 12, details={"models": models.root.name})
    (models.root / "changes.jsonl").write_bytes(content)
    assert models.aliases().live == "b" * 12
    assert complete(versions, models) == 0
    assert models.rollback().live == "shipped"
    assert complete(versions, models) == 1

"""A backup holds all that people did, restores to an equal state, and is checked file by file."""

import errno
import gzip
import io
import json
import os
import shutil
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.annotations.reading_details import DetailsStore
from acsnet.errors import InputError
from acsnet.fine_tuning.model_registry import Models
from acsnet.server.corrections.reader_states import ReaderStates
from acsnet.server.corrections.unsaved_edits import UnsavedEdits
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.state import backup as backing_up
from acsnet.server.state.backup import MANIFEST, write_backup
from acsnet.server.state.paths import (
    CLICKS,
    DETAILS,
    SAVES,
    UNSENT,
    VERSIONS,
    audit_log_file,
    edits_folder,
    models_folder,
    of_studies,
    state_folder,
    store_folder,
)
from acsnet.server.state.repair import repair
from acsnet.server.state.restore import restore_backup
from acsnet.server.state.schema import SCHEMA, schema_of, settle_state


def told(folder):
    """All that is known of a studies folder, by the ways in which it is asked for."""
    store = StudiesDatastore(studies=folder, store=store_folder(folder))
    models = Models(models_folder(str(folder)))
    found = {
        "images": sorted(store.list_images()),
        "labels": {
            (image, tag): np.asarray(nib.load(store.get_label_uri(image, tag)).dataobj).max()
            for image in store.list_images()
            for tag in store.get_labels_by_image_id(image)
        },
        "versions": {
            one.id: (one.image, one.author, one.state, one.verified().name, one.features)
            for versions in VersionStore(store_folder(folder) / VERSIONS).all()
            for one in versions
        },
        "details": DetailsStore(store_folder(folder) / DETAILS).read("a"),
        "reviewed": [one.name for one in store.reviewed()],
        "unsaved": UnsavedEdits(edits_folder(str(folder))).of("a", "Dee"),
        "clicks": ReaderStates(store_folder(folder) / CLICKS).read("Dee", "a")[0].points,
        "audit": audit_log.read(audit_log_file()),
        "models": (models.names(), models.aliases(), models.record(models.names()[1])),
        "weights": models.weights(models.aliases().live).joinpath("roi.safetensors").read_bytes(),
    }
    store.close()
    with closing(sqlite3.connect(models.root / "mlflow.db")) as database:
        found["registry"] = database.execute("SELECT name FROM runs").fetchall()
    return found


def test_what_is_restored_is_what_was_there(studies, tmp_path, restored):
    before = told(studies)
    assert before["unsaved"][0].frames == {"1.2": [4, 9]}
    assert before["clicks"] == [("scar", (4, 5, 1))]
    assert before["labels"] == {
        ("a", "original"): 1,
        ("a", "final"): 2,
        ("a", "draft"): 4,
        ("own", "draft"): 3,
    }
    summary = write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert restored(tmp_path / "b.tar.gz", studies) == summary
    assert told(studies) == before
    assert state_folder().stat().st_mode & 0o077 == 0
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o077 == 0


def test_a_share_with_the_studies_that_does_not_answer_stops_no_backup(
    studies, tmp_path, monkeypatch
):
    is_file = Path.is_file

    def answer(path, *arguments, **options):
        if path.is_symlink() and path.resolve().is_relative_to(studies):
            raise OSError(errno.EHOSTDOWN, "Host is down")
        return is_file(path, *arguments, **options)

    monkeypatch.setattr(Path, "is_file", answer)
    assert write_backup(tmp_path / "b.tar.gz", studies=str(studies)).files


def test_a_rotated_audit_log_is_in_a_backup(studies, tmp_path, restored):
    audit_log_file().rename(state_folder() / "audit.jsonl.1")
    audit_log.record(audit_log_file(), "save", user="Cy", image="own")
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    restored(tmp_path / "b.tar.gz", studies)
    assert [line["user"] for line in audit_log.read(audit_log_file())] == ["Ana", "Bo", "Cy"]


def test_the_studies_may_have_moved(studies, tmp_path, restored):
    before = told(studies)
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    shutil.copytree(studies, tmp_path / "moved" / "scans")  # times of files are kept
    restored(tmp_path / "b.tar.gz", tmp_path / "moved" / "scans")
    assert told(tmp_path / "moved" / "scans") == before


def test_a_half_written_line_or_label_is_left_out(studies, tmp_path, restored):
    before = told(studies)
    with audit_log_file().open("ab") as log:
        log.write(b'{"event": "sa')
    folder = next((store_folder(studies) / VERSIONS).iterdir())
    (folder / "20260101T000000000000Z-00000000.nii.gz").write_bytes(b"half")
    (store_folder(studies) / "labels" / ".abcdefgh").write_bytes(b"half")
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        assert not [name for name in archive.getnames() if "00000000" in name or "/." in name]
    restored(tmp_path / "b.tar.gz", studies)
    assert told(studies) == before


def test_a_state_that_holds_anything_is_left_alone(studies, tmp_path):
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    before = sorted(state_folder().rglob("*"))
    with pytest.raises(InputError, match=r"is not empty \(audit\.jsonl\): restore into another"):
        restore_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert sorted(state_folder().rglob("*")) == before


def test_what_cannot_be_backed_up_is_named(studies, tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"b\.zip must end with \.tar\.gz"):
        write_backup(tmp_path / "b.zip", studies=str(studies))
    (tmp_path / "b.tar.gz").touch()
    with pytest.raises(InputError, match="already exists"):
        write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_backup(tmp_path / "no" / "b.tar.gz", studies=str(studies))
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="nothing to back up"):
        write_backup(tmp_path / "c.tar.gz", studies=str(studies))
    assert not list(tmp_path.glob(".backup-*"))


def rewritten(source, target, change):
    """A copy of a backup; change: name, content -> what to keep of it, None to leave it out."""
    with tarfile.open(source) as archive, tarfile.open(target, "w:gz") as copy:
        for member in archive:
            kept = change(member, archive.extractfile(member).read())
            for info, content in kept:
                info.size = len(content)
                copy.addfile(info, io.BytesIO(content))
    return target


def renamed(name, **fields):
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def newer(member, content):
    if member.name == MANIFEST:
        content = json.dumps({**json.loads(content), "schema": SCHEMA + 1}).encode()
    return [(member, content)]


def said_of_files(**said):
    """Says something else of each file than what was backed up."""

    def change(member, content):
        if member.name == MANIFEST:
            manifest = json.loads(content)
            for entry in manifest["files"].values():
                entry.update(said)
            content = json.dumps(manifest).encode()
        return [(member, content)]

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m, c: [(m, c + b"x" if m.name == "audit.jsonl" else c)], r"damaged: audit\.jsonl"),
        (lambda m, c: [] if m.name == "audit.jsonl" else [(m, c)], r"damaged: audit\.jsonl"),
        (lambda m, c: [] if m.name == MANIFEST else [(m, c)], "no whole backup"),
        (lambda m, c: [(renamed("../up"), b""), (m, c)], r"holds '\.\./up'"),
        (lambda m, c: [(renamed("store/../../up"), b""), (m, c)], "holds 'store/"),
        (lambda m, c: [(renamed("/etc/up"), b""), (m, c)], "holds '/etc/up'"),
        (lambda m, c: [(renamed("store//x"), b""), (m, c)], "holds 'store//x'"),
        (
            lambda m, c: [(renamed("store/x", type=tarfile.SYMTYPE, linkname="/etc"), b""), (m, c)],
            "no plain file",
        ),
        (lambda m, c: [(m, c), (m, c)], "no plain file of one"),
        (newer, "written by a newer version"),
        (lambda m, c: [(m, b"[]" if m.name == MANIFEST else c)], "broken"),
        (said_of_files(mtime_ns=10**40), "broken"),
        (said_of_files(mtime_ns=float("inf")), "broken"),
        (said_of_files(mtime_ns=-1), "broken"),
        (said_of_files(sha256=["x"]), "broken"),
        (lambda m, c: [(renamed("store/" + "x/" * 999 + "x"), b""), (m, c)], "holds 'store/x"),
    ],
)
def test_a_backup_that_was_altered_is_refused_and_nothing_is_written(
    backup, tmp_path, restored, change, reason
):
    altered = rewritten(backup.file, tmp_path / "altered.tar.gz", change)
    with pytest.raises(InputError, match=reason):
        restored(altered, backup.studies)
    assert list((tmp_path / "other").iterdir()) == []


def test_a_backup_that_the_disk_cannot_hold_is_refused(backup, tmp_path, restored):
    with pytest.raises(InputError, match=r"b\.tar\.gz cannot be restored: the disk of"):
        restored(backup.file, backup.studies, min_free_bytes=2**62)
    assert list((tmp_path / "other").iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no archive")],
    ids=["empty", "text", "gzip"],
)
def test_what_is_no_archive_is_refused(backup, tmp_path, restored, content):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.tar\.gz"):
        restored(tmp_path / "x.tar.gz", backup.studies)


def test_a_state_of_the_version_before_is_taken_up(studies, tmp_path, restored):
    """A backup of it is one of that layout, and what is restored from it says so."""
    (state_folder() / "state.json").write_text('{"schema": 2, "software": "0.1.0"}')
    before = told(studies)
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    restored(tmp_path / "b.tar.gz", studies)
    assert schema_of(state_folder()) == 2
    settle_state(state_folder())
    assert schema_of(state_folder()) == SCHEMA
    assert told(studies) == before


@pytest.fixture
def after_pinning(monkeypatch):
    """Does something once a backup has pinned labels and records."""

    def make(change):
        pin = backing_up._pin

        def pinned(store, folder):
            links = pin(store, folder)
            change(store, folder)
            return links

        monkeypatch.setattr(backing_up, "_pin", pinned)

    return make


def test_a_server_that_starts_during_a_backup_takes_nothing_from_it(
    studies, tmp_path, after_pinning
):
    write_backup(tmp_path / "a.tar.gz", studies=str(studies))
    models = models_folder(str(studies))
    after_pinning(lambda store, _: repair(state_folder(), store=store, models=models))
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    with tarfile.open(tmp_path / "a.tar.gz") as one, tarfile.open(tmp_path / "b.tar.gz") as other:
        assert [name for name in one.getnames() if name.startswith("store/labels/")]
        assert other.getnames() == one.getnames()


def test_what_a_killed_backup_pinned_goes_with_the_next_one(studies, tmp_path):
    """A server of another account could not remove what root pinned."""
    label = store_folder(studies) / "labels" / "final" / "a.nii.gz"
    old, new = (store_folder(studies) / name for name in (".acsnet-k3_x09zq", ".acsnet-0123abcd"))
    for pinned in (old, new):
        pinned.mkdir()
        os.link(label, pinned / label.name)
    os.utime(old, (1, 1))
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert (old.exists(), new.exists(), label.exists()) == (False, True, True)


@pytest.mark.parametrize("whole", [True, False], ids=["all", "one"])
def test_a_backup_of_which_a_pinned_file_has_gone_is_refused(
    studies, tmp_path, after_pinning, whole
):
    def take(_, folder):
        if whole:
            shutil.rmtree(folder)
        else:
            next(folder.glob("labels/original/*")).unlink()

    after_pinning(take)
    with pytest.raises(InputError, match=r"labels.* cannot be backed up: No such file"):
        write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert list(tmp_path.glob("*.tar.gz")) == []
    assert list(tmp_path.glob(".*")) == []


def test_parts_of_killed_backups_go_once_they_are_a_day_old(studies, tmp_path):
    """The folder may be anybody's: what is called otherwise stays."""
    left = (".acsnet-0123abcd", ".acsnet-12-0123abcd")
    stays = (".acsnet-settings", ".keychain", ".acsnet-00000000")
    for name in (*left, *stays):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / stays[-1])  # somebody is at work on it
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert sorted(path.name for path in tmp_path.glob(".*")) == sorted(stays)


def test_a_damaged_database_of_mlflow_is_left_out_and_named(studies, tmp_path, restored):
    (models_folder(str(studies)) / "mlflow.db").write_bytes(b"no database" * 100)
    summary = write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert summary.left_out == ("models/mlflow.db",)
    assert restored(tmp_path / "b.tar.gz", studies) == summary
    assert models_folder(str(studies)).joinpath("aliases.json").exists()
    assert not models_folder(str(studies)).joinpath("mlflow.db").exists()


def test_a_backup_is_on_the_disk_before_it_has_its_name(studies, tmp_path, monkeypatch):
    done, fsync = [], os.fsync

    def noted(descriptor):
        done.append((os.fstat(descriptor).st_ino, (tmp_path / "b.tar.gz").exists()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert done == [((tmp_path / "b.tar.gz").stat().st_ino, False), (tmp_path.stat().st_ino, True)]


def test_what_a_pacs_does_not_hold_is_in_a_backup(tmp_path, restored, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    url = "https://pacs.example.org/dicom-web"
    state_folder().mkdir()
    settle_state(state_folder())
    part = f"{UNSENT}/1.2.3/structured report.dcm"
    images = of_studies(url) / "images" / "1.2.4"
    for file in (of_studies(url) / part, images / "1.dcm", of_studies(url) / SAVES):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"report\n")
    write_backup(tmp_path / "backup.tar.gz", studies=url)
    restored(tmp_path / "backup.tar.gz", url)
    assert (of_studies(url) / part).read_bytes() == b"report\n"
    assert (of_studies(url) / SAVES).read_bytes() == b"report\n"
    assert not (of_studies(url) / "images").exists()

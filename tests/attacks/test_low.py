"""What is found beside the way: in logs, backups, tables, on the disk and in sessions of others."""

import gzip
import io
import json
import logging
import os
import re
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from acsnet.cli import main as command
from acsnet.errors import InputError
from acsnet.export import csv_cell
from acsnet.server.state import restore
from acsnet.server.state.restore import restore_backup
from acsnet.server.state.schema import settle_state
from acsnet.server.web.log_lines import JsonLines
from acsnet.settings import read_settings


def test_no_uid_of_a_patient_is_in_a_log_line():
    message, uid = "series %s could not be examined", "1.2.840.113619.2.55.3"
    record = logging.LogRecord("acsnet.pacs", logging.ERROR, "", 1, message, (uid,), None)
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "series [UID] could not be examined"


def test_addresses_stay_in_a_log_line():
    record = logging.LogRecord("acsnet", logging.INFO, "", 1, "on 127.0.0.1", (), None)
    assert json.loads(JsonLines().format(record))["message"] == "on 127.0.0.1"


def test_a_header_bomb_in_a_backup_is_refused(tmp_path, monkeypatch):
    """A PAX header of 64 MB, packed a thousand times: tarfile would read it whole."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 64 * 2**20
    file = tmp_path / "backup.tar.gz"
    content = info.tobuf(tarfile.USTAR_FORMAT) + bytes(64 * 2**20) + bytes(1024)
    file.write_bytes(gzip.compress(content))
    assert file.stat().st_size < 100_000
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    with pytest.raises(InputError, match="a header of 67108864 bytes"):
        restore_backup(file, studies=str(tmp_path))
    assert not (tmp_path / "state").exists()


def test_another_file_than_the_one_that_was_written_is_not_restored(tmp_path, monkeypatch):
    file = tmp_path / "backup.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    digest = restore.file_digest(file)
    with pytest.raises(InputError, match="is not the backup that was written"):
        restore_backup(file, studies=str(tmp_path), sha256="0" * 64)
    with pytest.raises(InputError, match="no backup"):
        restore_backup(file, studies=str(tmp_path), sha256=digest.upper())


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1-1", "'+1-1"),
        ("-x", "'-x"),
        ("\t=1", "'\t=1"),
        ("-1.5", "-1.5"),
        ("scan-1", "scan-1"),
        (-1.5, -1.5),
        (None, None),
    ],
)
def test_a_formula_in_a_table_is_a_text(value, cell):
    assert csv_cell(value) == cell


def test_an_older_state_folder_is_closed_to_others(tmp_path):
    tmp_path.chmod(0o755)
    settle_state(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o660), (0o022, 0o640), (0o077, 0o600)])
def test_what_a_command_writes_is_not_for_others(tmp_path, monkeypatch, umask, mode):
    file, before = tmp_path / "features.json", os.umask(umask)
    monkeypatch.setattr(command, "app", file.touch)
    try:
        command.main()
    finally:
        os.umask(before)
    assert file.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(("mode", "taken"), [(0o644, False), (0o640, True), (0o600, True)])
def test_a_password_that_all_can_read_is_refused(tmp_path, monkeypatch, mode, taken):
    file = tmp_path / "acsnet.toml"
    file.write_text('[pacs]\nuser = "a"\npassword = "hush"\n')
    file.chmod(mode)
    monkeypatch.setenv("ACSNET_CONFIG", str(file))
    if taken:
        assert read_settings().pacs.user == "a"
    else:
        with pytest.raises(
            InputError, match=r"holds pacs\.password and everybody can read it"
        ) as caught:
            read_settings()
        assert "hush" not in str(caught.value)


def test_a_configuration_without_a_password_may_be_read(tmp_path, monkeypatch):
    file = tmp_path / "acsnet.toml"
    file.write_text("[server]\nport = 8001\n")
    file.chmod(0o644)
    monkeypatch.setenv("ACSNET_CONFIG", str(file))
    assert read_settings().server.port == 8001


def scan():
    data = np.random.default_rng(0).integers(0, 500, (12, 10, 3)).astype(np.int16)
    image = nib.Nifti1Image(data, np.diag([1.5, 1.5, 8.0, 1.0]))
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes())


def test_sessions_of_others_are_neither_read_nor_ended(locked):
    ana, ann = locked.people["ana"], locked.people["ann"]
    sent = ana.put("/session/", files={"files": ("x.nii.gz", scan())}).json()
    address = f"/session/{sent['session_id']}"
    for answer in (
        ann.get(address),
        ann.get(f"{address}?image=true"),
        ann.delete(address),
        ann.post(f"/infer/roi?session_id={sent['session_id']}"),
    ):
        assert answer.status_code == 404
    assert ana.get(address).status_code == 200
    assert ana.delete(address).status_code == 200
    assert ana.get(address).status_code == 404


def test_a_bearer_token_can_be_logged_out(locked):
    form = {"username": "ann", "password": "correct horse battery"}
    token = locked.client.post("/auth/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert locked.client.get("/info/", headers=headers).status_code == 200
    assert locked.client.post("/acsnet/logout", headers=headers).status_code == 303
    assert locked.client.get("/info/", headers=headers).status_code == 401
    assert locked.people["ann"].get("/info/").status_code == 200


def test_each_kind_of_attack_names_tests_that_there_are():
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
    section = page.split("## Each kind of attack and its tests")[1].split("\n## ")[0]
    names = re.findall(r"`(test_\w+)`", section)
    tests = "\n".join(file.read_text() for file in Path(__file__).parents[1].rglob("test_*.py"))
    assert len(names) > 40
    assert [name for name in names if f"def {name}(" not in tests] == []

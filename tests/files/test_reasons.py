"""What an error of the operating system says: which file, why, and whose that file must be."""

import errno
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from acsnet.files.reasons import cause_of, is_full, output_full, reason_of

STRANGER = 12345
NO_ROOM = "No space left on device"


def full(file=None):
    return OSError(errno.ENOSPC, NO_ROOM, *([] if file is None else [str(file)]))


def denied(file):
    return PermissionError(errno.EACCES, "Permission denied", str(file))


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (full(), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (ValueError("full"), False),
    ],
)
def test_no_room_and_no_share_left_are_a_full_disk(error, is_it):
    assert is_full(error) is is_it


@pytest.mark.parametrize(
    ("file", "named"),
    [
        (None, "/srv/out"),
        ("/srv/out/a/features.json", "/srv/out"),
        ("/srv/cache/x", "/srv/out"),
        ("/scratch/tmp1/1.2.dcm", "/scratch"),
    ],
)
def test_the_folder_that_is_full_is_named(monkeypatch, file, named):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/scratch")
    said = str(output_full(full(file), Path("/srv/out")))
    assert said == f"{named} is full: free some space, then run the same command again"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (full("/srv/a"), f"/srv/a: {NO_ROOM}"),
        (full(), NO_ROOM),
        (OSError(errno.EXDEV, "Invalid cross-device link", "/tmp/x", None, "/srv/a"), "/srv/a: "),
        (OSError("encoder error -2"), "encoder error -2"),
    ],
)
def test_the_file_and_the_cause_are_told_without_a_number(error, reason):
    assert reason_of(error).startswith(reason)
    assert "Errno" not in reason_of(error)


def test_what_belongs_to_another_account_is_named_with_both(tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    owner = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    said = f"Permission denied: {tmp_path / 'a'} belongs to {owner}, but this runs as {STRANGER}"
    assert cause_of(denied(tmp_path / "a")) == said
    below = denied(tmp_path / "a" / "b" / "c")  # "a" is the last of it that is there
    assert reason_of(below) == f"{tmp_path / 'a' / 'b' / 'c'}: {said}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_part_of_a_folder_that_is_anothers_is_to_be_given_back(tmp_path, monkeypatch):
    (tmp_path / "a").touch()
    os.chown(tmp_path, STRANGER, STRANGER)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    assert cause_of(denied(tmp_path / "a")) == (
        f"Permission denied: {tmp_path / 'a'} belongs to root, but this runs as {STRANGER}, to "
        f"whom its folder belongs: chown -R {STRANGER} {tmp_path / 'a'}"
    )


def test_of_an_accounts_own_file_only_the_cause_is_told(tmp_path):
    assert cause_of(denied(tmp_path)) == "Permission denied"

"""What killed processes were writing goes; what anybody works on stays."""

import os
from pathlib import Path

from acsnet.files.abandoned import remove_abandoned
from acsnet.files.temporary import temporary_name


def test_what_killed_processes_were_writing_is_removed(tmp_path):
    """Nothing of this process, of those before it alike, and nothing called otherwise."""
    dead = 2**22 + 1  # more processes than Linux counts
    left = (f".acsnet-{dead}-0123abcd", f"acsnet-{dead}-tmp_dir1", f"acsnet-{os.getpid()}-earlier1")
    stays = (temporary_name(), f"acsnet-{dead}", "scan.nii.gz")
    (tmp_path / left[0]).write_bytes(b"half a backup")
    (tmp_path / left[1] / "ray").mkdir(parents=True)
    (tmp_path / left[2]).touch()
    os.utime(tmp_path / left[2], (1, 1))  # before this process began: of another of its number
    for name in stays:
        (tmp_path / name).touch()
    assert remove_abandoned(tmp_path) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stays)
    assert remove_abandoned(tmp_path / "absent") == 0


def test_a_folder_that_cannot_be_listed_is_left_alone(tmp_path, monkeypatch):
    """As /srv may be, or what an administrator lets users pass through only."""

    def refuse(path):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert remove_abandoned(tmp_path) == 0

"""A temporary folder is its owner's while that lives, whatever numbers of processes say."""

import os
import subprocess
import sys
from contextlib import closing

import pytest

from acsnet.files.abandoned import is_abandoned, remove_abandoned
from acsnet.server.state.owned_folder import OwnedFolder

NOBODY = 2**22 + 1
"""More processes than Linux counts."""

OWNER_UNTIL_KILLED = """
import sys
from pathlib import Path
from acsnet.server.state.owned_folder import OwnedFolder
owned = OwnedFolder(Path(sys.argv[1]))
(owned.path / "scan.nii.gz").touch()
print(owned.path.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def killed(tmp_path):
    """A folder of another process that was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER_UNTIL_KILLED, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    folder = tmp_path / process.stdout.readline().strip()
    process.kill()
    process.wait()
    return folder


def test_it_is_private_and_goes_when_it_is_closed(tmp_path):
    owned = OwnedFolder(tmp_path)
    (owned.path / "scan.nii.gz").touch()
    assert owned.path.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in tmp_path.iterdir()] == [owned.path.name]
    owned.close()
    owned.close()
    assert list(tmp_path.iterdir()) == []


def test_an_owner_in_another_container_has_a_number_that_nobody_has_here(tmp_path):
    with closing(OwnedFolder(tmp_path)) as owned:
        elsewhere = owned.path.rename(tmp_path / f".acsnet-{NOBODY}-0123abcd")
        assert not is_abandoned(elsewhere, NOBODY)
        assert remove_abandoned(tmp_path) == 0
        assert elsewhere.is_dir()


def test_a_killed_owner_in_another_container_has_a_number_that_somebody_has_here(killed, tmp_path):
    elsewhere = killed.rename(tmp_path / f".acsnet-{os.getpid()}-0123abcd")
    assert is_abandoned(elsewhere, os.getpid())
    assert remove_abandoned(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []

"""What `acsnet serve` refuses before it loads anything, and where it keeps its files."""

import socket

import pytest

from acsnet.errors import InputError
from acsnet.server.launch import serve
from acsnet.server.state import state_folder, store_folder


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::"])
def test_an_address_that_others_can_reach_is_refused(tmp_path, host):
    with pytest.raises(InputError, match="no login yet"):
        serve(studies=tmp_path, host=host, port=0, state=tmp_path)


def test_a_missing_studies_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"studies must be a folder, or .*nowhere"):
        serve(studies=tmp_path / "nowhere", port=0, state=tmp_path)


def test_a_port_in_use_is_refused(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 is in use"):
            serve(studies=tmp_path, port=port, state=tmp_path)


def test_a_port_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="port must be 0 to 65535, got 70000"):
        serve(studies=tmp_path, port=70000, state=tmp_path)


def test_the_state_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "here"))
    assert state_folder() == tmp_path / "here"
    monkeypatch.delenv("ACSNET_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "acsnet"


def test_folders_of_one_name_have_stores_of_their_own(tmp_path):
    one, other = store_folder(tmp_path / "a" / "nifti"), store_folder(tmp_path / "b" / "nifti")
    assert one != other
    assert one.name.startswith("nifti-")
    assert one == store_folder(tmp_path / "a" / ".." / "a" / "nifti")


def test_a_pacs_with_a_password_in_its_address_is_refused(tmp_path):
    with pytest.raises(InputError, match="ACSNET_PACS_PASSWORD") as caught:
        serve(studies="http://reader:hush@127.0.0.1/dicom-web", port=0, state=tmp_path)
    assert "hush" not in str(caught.value)

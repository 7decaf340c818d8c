"""Sessions of clients: so many, so large, for so long, and nobody learns where they lie."""

import gzip

import pytest
from hostile_nifti import nifti_bytes

pytestmark = pytest.mark.slow


@pytest.fixture
def scan_sent():
    return {"files": ("x.nii.gz", gzip.compress(nifti_bytes()))}


@pytest.fixture
def no_sessions(web):
    """Ends all sessions, before the test and after it."""

    def end():
        for session in list(web.app.sessions()):
            web.client.delete(f"/session/{session}")

    end()
    yield
    end()


@pytest.mark.usefixtures("no_sessions")
def test_a_client_can_hold_25_sessions(web, scan_sent):
    answers = [web.client.put("/session/", files=scan_sent) for _ in range(26)]
    assert [answer.status_code for answer in answers] == [200] * 25 + [503]
    assert answers[-1].headers["retry-after"] == "120"
    web.client.delete(f"/session/{answers[0].json()['session_id']}")
    assert web.client.put("/session/", files=scan_sent).status_code == 200


@pytest.mark.usefixtures("no_sessions")
def test_all_clients_together_can_hold_100_sessions(web, scan_sent, tmp_path):
    for number in range(99):
        of_others = tmp_path / f"{number}.nii.gz"
        of_others.write_bytes(b"x")
        web.app.sessions().add_session(str(of_others), 3600)
    assert web.client.put("/session/", files=scan_sent).status_code == 200
    assert web.client.put("/session/", files=scan_sent).status_code == 503


def test_too_many_files_and_too_long_a_session_are_refused(web):
    scan = ("x.nii.gz", gzip.compress(nifti_bytes()))
    longer = web.client.put("/session/", params={"expiry": 3601}, files={"files": scan})
    assert longer.status_code == 422
    files = [("files", (f"{number}.dcm", b"x")) for number in range(1001)]
    assert web.client.put("/session/", files=files).status_code == 400


def test_a_session_does_not_tell_where_it_lies(web):
    scan = ("x.nii.gz", gzip.compress(nifti_bytes()))
    made = web.client.put("/session/", files={"files": scan})
    address = f"/session/{made.json()['session_id']}"
    for answer in (made, web.client.get(address)):
        assert answer.status_code == 200
        assert str(web.folder) not in answer.text
    assert web.client.get(address, params={"image": True}).content == scan[1]
    web.client.delete(address)
    assert web.client.get(address).status_code == 404


def test_archives_are_not_unpacked(web):
    answer = web.client.put(
        "/session/", params={"uncompress": True}, files={"files": ("x.zip", b"PK\3\4")}
    )
    assert answer.status_code == 422
    assert "archives are not accepted" in answer.json()["detail"]

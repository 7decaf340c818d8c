"""Sessions of clients: so many, so large, for so long, and nobody learns where they lie."""

import gzip
import shutil

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


def opened(web, *paths):
    """What is said to files sent for one session."""
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    answer = web.client.put("/session/", files=files)
    if answer.status_code == 200:
        web.client.delete(f"/session/{answer.json()['session_id']}")
        return 200, ""
    return answer.status_code, answer.json()["detail"]


@pytest.mark.parametrize("name", ["IM0001", "1.2.840.1", "I10.img", "e.dcm"])
def test_one_dicom_file_may_have_any_ending_or_none(web, samples, tmp_path, name):
    file = min((samples / "dicom" / "phantom-1").iterdir())
    assert opened(web, shutil.copy(file, tmp_path / name)) == (200, "")


@pytest.mark.parametrize("name", ["IM0001", "x.png"])
def test_one_file_that_is_no_scan_is_refused(web, tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n\0" * 100)
    status, reason = opened(web, tmp_path / name)
    assert (status, "DICOM" in reason) == (415, True)


def test_files_that_are_no_one_scan_are_refused(web, samples, tmp_path):
    one, two = (samples / "nifti" / f"phantom-{number}.nii.gz" for number in (1, 2))
    series = sorted((samples / "dicom" / "phantom-1").iterdir())
    refused = (422, "send one volume file, or the DICOM files of one series")
    assert opened(web, one, two) == refused
    assert opened(web, *series) == (200, "")


@pytest.mark.parametrize("names", ["x.nii.gz", "x.nhdr x.raw"])
def test_a_volume_that_a_converter_left_beside_its_series_is_no_fault(
    web, samples, tmp_path, names
):
    series = sorted((samples / "dicom" / "phantom-1").iterdir())
    left = [tmp_path / name for name in names.split()]
    for path in left:
        path.write_bytes(b"x")
    assert opened(web, *series, *left) == (200, "")


@pytest.mark.parametrize("names", ["a.nhdr a.raw", "a.mhd a.raw", "a.hdr a.img", "a.mhd"])
def test_a_header_with_pixels_beside_it_is_to_be_one_file(web, tmp_path, names):
    paths = [tmp_path / name for name in names.split()]
    for path in paths:
        path.write_bytes(b"x")
    reason = "pixels in a file beside their header: save it as one file (.mha, .nrrd, .nii)"
    assert opened(web, *paths) == (422, reason)

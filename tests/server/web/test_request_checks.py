"""Parameters of requests: names pass, paths do not."""

import pytest
from starlette.exceptions import HTTPException

from acsnet.server.web.request_checks import (
    json_object,
    name_fault,
    path_fault,
    result_suffix,
    upload_name,
    upload_suffix,
)


@pytest.mark.parametrize("name", ["patient_1", "5: PSIR SAX", "Ærø 2", "a..b", "x" * 200])
def test_plain_names_pass(name):
    assert name_fault("image", name) is None


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../patient_1", "..", ".", ".hidden", "a/b", "a\\b", "a\x00b", "x" * 201],
)
@pytest.mark.parametrize("key", ["image", "label", "id", "model", "strategy"])
def test_names_that_could_be_paths_are_refused(key, name):
    assert "must be a name" in name_fault(key, name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("401: LGE/PSIR", "image must be a name without / and \\, not a path: rename it"),
        (".hidden", "image must be a name that does not begin with a dot: rename it"),
        ("ä" * 101, "image must be a name of at most 200 bytes, got 202: rename it"),
        ("LGE\nPSIR", "image must be a name without line breaks and other characters that cannot "),
    ],
)
def test_what_is_wrong_with_a_name_is_told(name, told):
    assert name_fault("image", name).startswith(told)
    if "/" not in name:  # else it is the last part that counts
        with pytest.raises(HTTPException, match="every uploaded file must have a name"):
            upload_name(name)


@pytest.mark.parametrize("tag", ["final", "original", "reader-2", "v_1", "1.2.840.1", "2" * 64])
def test_plain_tags_pass(tag):
    assert name_fault("tag", tag) is None


@pytest.mark.parametrize("tag", ["", "..", "../..", "a/b", "a b", "final\n", ".hidden", "2" * 65])
def test_other_tags_are_refused(tag):
    assert "tag" in name_fault("tag", tag)


def test_a_tag_that_is_too_long_is_refused_with_the_length():
    assert "tag must be 1 to 64 letters" in name_fault("tag", "a" * 65)


def test_an_empty_image_or_session_means_none_was_sent():
    assert name_fault("image", "") is None
    assert name_fault("session_id", "") is None
    assert "session_id" in name_fault("session_id", "../x")


def test_parameters_that_name_nothing_are_not_looked_at():
    assert name_fault("output", "../..") is None


@pytest.mark.parametrize("path", ["/session/..", "/session/../x", "/ohif/a\\b", "/x/\x00"])
def test_addresses_that_climb_are_refused(path):
    assert path_fault(path) is not None


def test_usual_addresses_pass():
    for path in ("/datastore/image/info", "/datastore/", "/acsnet/cases/50% LGE"):
        assert path_fault(path) is None


def test_an_address_that_would_be_decoded_twice_is_refused():
    """A redirect to it without the last "/" would name another case: q%2e as q. and so on."""
    assert path_fault("/acsnet/cases/q%2e%2e/") == "leave out the / at the end of the address"


@pytest.mark.parametrize("text", ["[1]", "3", '"a"', "{", "null"])
def test_params_that_are_no_object_are_unprocessable(text):
    with pytest.raises(HTTPException, match="params must be a JSON object") as caught:
        json_object(text)
    assert caught.value.status_code == 422


def test_params_may_be_empty():
    assert json_object("") == {}
    assert json_object('{"result_extension": ".nrrd"}') == {"result_extension": ".nrrd"}


def test_result_is_compressed_nifti_unless_asked_otherwise():
    assert result_suffix({}) == ".nii.gz"
    assert result_suffix({"result_extension": ""}) == ".nii.gz"
    assert result_suffix({"result_extension": ".nrrd", "result_dtype": "uint8"}) == ".nrrd"


@pytest.mark.parametrize(
    "params",
    [
        {"result_extension": ".exe"},
        {"result_extension": "/../x.nii.gz"},
        {"result_extension": [".nrrd"]},
        {"result_dtype": "float32"},
    ],
)
def test_other_results_are_unprocessable(params):
    with pytest.raises(HTTPException) as caught:
        result_suffix(params)
    assert caught.value.status_code == 422


def test_only_files_that_hold_a_whole_volume_are_taken():
    assert upload_suffix("/home/x/Scan.NII.GZ") == ".nii.gz"
    assert upload_suffix("scan.nii") == ".nii"
    assert upload_suffix("Segmentation.seg.nrrd") == ".seg.nrrd"
    assert upload_suffix("scan.mha") == ".mha"
    for name in ("scan.png", "scan.mhd", "scan.nii.gz.exe", "", None):
        with pytest.raises(HTTPException) as caught:
            upload_suffix(name)
        assert caught.value.status_code == 415


@pytest.mark.parametrize("name", ["scan.zip", "study.tar.gz", "lge.nii.zst"])
def test_an_archive_is_to_be_unpacked_and_not_sent_elsewhere(name):
    with pytest.raises(HTTPException) as caught:
        upload_suffix(f"C:\\scans\\{name}")
    assert caught.value.status_code == 415
    assert caught.value.detail == f"{name} is packed: unpack it and send the files in it"


def test_of_an_upload_only_the_last_part_of_its_name_counts():
    assert upload_name("/home/x/IM0001") == "IM0001"
    assert upload_name("C:\\scans\\IM0001.dcm") == "IM0001.dcm"
    for name in ("..", "a/..", "", None, ".bashrc"):
        with pytest.raises(HTTPException):
            upload_name(name)

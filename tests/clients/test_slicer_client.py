"""A real server process, asked by the client that 3D Slicer's own MONAI Label module ships."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import nrrd
import numpy as np
import pytest
import requests
from slicer_files import NRRD, label_on, nrrd_affine

from acsnet.labels import LABEL_VALUES

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample-data" / "nifti"


@pytest.fixture(scope="module")
def segmented(server):
    """What Slicer gets for the scan that most tests use.

    labels: array of the file; header: of the file; params: the JSON beside it.
    """
    file, params = server.client.infer("acsnet", server.image, dict(NRRD))
    labels, header = nrrd.read(file, index_order="F")
    return SimpleNamespace(labels=labels, header=header, params=params)


def test_it_says_where_it_listens_and_how_slicer_connects(server):
    output = server.log.read_text()
    assert f"In 3D Slicer: MONAI Label module, server {server.url}" in output
    assert "research use only, not a medical device" in output
    assert str(server.labels) in output


def test_info_lists_the_labels_as_slicer_numbers_them(server):
    info = server.client.info()
    assert info["labels"] == [*LABEL_VALUES, "background"]
    model = info["models"]["acsnet"]
    assert model["type"] == "segmentation"
    assert model["dimension"] == 3
    assert sorted(model["labels"].values()) == [1, 2, 3, 4, 5]
    assert model["labels"] == LABEL_VALUES
    assert "random" in info["strategies"]
    assert info["datastore"]["total"] == len(list(server.studies.glob("*.nii.gz")))


def test_login_and_training_are_told_to_be_off(server):
    assert server.client.auth_enabled() is False
    assert server.client.train_status(check_if_running=True) is False


def test_next_sample_goes_round_the_scans(server):
    samples = [server.client.next_sample("random", {}) for _ in range(2)]
    assert {sample["id"] for sample in samples} <= set(server.client.datastore()["objects"])
    assert samples[0]["id"] != samples[1]["id"]
    assert Path(samples[0]["path"]).parent == server.studies


def test_inference_returns_labels_on_the_grid_of_the_scan(server, segmented):
    data, header, params = segmented.labels, segmented.header, segmented.params
    scan = nib.load(server.image_file)
    assert data.dtype == np.uint8
    assert data.shape == scan.shape
    np.testing.assert_allclose(nrrd_affine(header), scan.affine, atol=1e-4)
    assert set(np.unique(data)) <= set(range(6))
    assert params["label_names"] == LABEL_VALUES
    assert params["features"]["lv_volume_ml"] == params["lv_volume_ml"]
    voxel_ml = abs(np.linalg.det(scan.affine[:3, :3])) / 1000
    assert params["lv_volume_ml"] == pytest.approx((data > 0).sum() * voxel_ml, rel=0.01)
    assert params["latencies"]["total"] > 0


def test_nifti_and_nrrd_results_are_the_same(server, segmented):
    as_nifti, _ = server.client.infer("acsnet", server.image, {})
    assert as_nifti.endswith(".nii.gz")
    nifti = nib.load(as_nifti)
    np.testing.assert_array_equal(segmented.labels, np.asarray(nifti.dataobj))
    np.testing.assert_allclose(nifti.affine, nib.load(server.image_file).affine, atol=1e-4)


def test_a_saved_label_is_listed_kept_and_given_back(server, tmp_path):
    image = server.image
    sent = label_on(server.image_file, tmp_path / "label.nii.gz", value=4)
    answer = server.client.save_label(image, str(sent), params={"state": "reviewed"})
    assert answer["label"] == image
    assert "final" in server.client.datastore()["objects"][image]["labels"]
    assert (server.labels / "final" / f"{image}.nii.gz").is_file()
    assert server.client.info()["datastore"]["completed"] == 1
    back = nib.load(server.client.download_label(image, "final"))
    np.testing.assert_array_equal(np.asarray(back.dataobj), np.asarray(nib.load(sent).dataobj))
    np.testing.assert_allclose(back.affine, nib.load(sent).affine, atol=1e-4)


def test_a_saved_label_follows_slicers_list_of_segments(server, tmp_path):
    sent = label_on(server.image_file, tmp_path / "label.nii.gz", value=2)
    segments = [{"name": "lv_blood_pool", "idx": 1}, {"name": "core_scar", "idx": 4}]
    server.client.save_label(server.image, str(sent), tag="second", params={"label_info": segments})
    back = nib.load(server.client.download_label(server.image, "second"))
    assert set(np.unique(np.asarray(back.dataobj))) == {0, LABEL_VALUES["core_scar"]}


def test_a_label_off_its_image_is_refused_with_the_reason(server, tmp_path):
    scan = nib.load(server.image_file)
    shifted = scan.affine.copy()
    shifted[:3, 3] += 20
    wrong = tmp_path / "label.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(scan.shape, np.uint8), shifted), wrong)
    with pytest.raises(server.errors) as caught:
        server.client.save_label(server.image, str(wrong), tag="wrong")
    assert "Status: 422" in caught.value.msg
    assert "must lie on its image" in caught.value.msg
    assert "wrong" not in server.client.datastore()["objects"][server.image]["labels"]


def test_a_label_that_cannot_be_read_is_refused(server, tmp_path):
    broken = tmp_path / "label.nii.gz"
    broken.write_bytes(b"not an image")
    with pytest.raises(server.errors) as caught:
        server.client.save_label(server.image, str(broken), tag="wrong")
    assert "Status: 422" in caught.value.msg
    assert "cannot be read" in caught.value.msg


def test_a_volume_of_slicers_own_is_segmented_in_a_session(server, segmented, tmp_path):
    own = tmp_path / "own volume.nii.gz"
    shutil.copy(server.image_file, own)
    session = server.client.create_session(str(own))["session_id"]
    assert server.client.get_session(session)["name"] == session
    file, params = server.client.infer("acsnet", "own volume", dict(NRRD), session_id=session)
    np.testing.assert_array_equal(nrrd.read(file)[0], segmented.labels)
    assert params["lv_volume_ml"] > 0
    server.client.remove_session(session)
    with pytest.raises(server.errors):
        server.client.get_session(session)


def test_a_volume_of_slicers_own_can_be_uploaded_and_labelled(server, tmp_path):
    own = tmp_path / "own.nii.gz"
    scan = nib.load(server.image_file)
    nib.save(nib.Nifti1Image(np.asarray(scan.dataobj)[::-1], scan.affine), own)
    assert server.client.upload_image(str(own), "5: PSIR SAX") == {"image": "5: PSIR SAX"}
    server.client.save_label("5: PSIR SAX", str(label_on(own, tmp_path / "label.nii.gz")))
    assert (server.labels / "draft" / "5: PSIR SAX.nii.gz").is_file()
    with pytest.raises(server.errors) as caught:
        server.client.upload_image(str(own), server.image)
    assert "already another image" in caught.value.msg
    assert {file.name for file in server.studies.iterdir()} == {
        file.name for file in SAMPLES.iterdir()
    }


def test_an_uploaded_file_is_segmented(server, segmented):
    file, _ = server.client.infer("acsnet", "", dict(NRRD), file=str(server.image_file))
    np.testing.assert_array_equal(nrrd.read(file)[0], segmented.labels)


@pytest.mark.parametrize(
    ("model", "image", "status", "reason"),
    [
        ("no_such_model", None, 404, "there is no model 'no_such_model'"),
        ("acsnet", "no such scan", 404, "there is no image 'no such scan'"),
        ("acsnet", "/etc/passwd", 400, "not a path"),
        ("acsnet", "../studies/x", 400, "not a path"),
        ("acsnet", "", 422, "name an image or a session, or send a file"),
    ],
)
def test_what_is_not_there_gets_a_readable_answer(server, model, image, status, reason):
    with pytest.raises(server.errors) as caught:
        server.client.infer(model, server.image if image is None else image, dict(NRRD))
    assert f"Status: {status}" in caught.value.msg
    assert reason in caught.value.msg


def test_the_name_of_a_file_beside_the_server_is_no_image(server):
    """MONAI Label itself would open `studies`, a folder in the server's working directory."""
    with pytest.raises(server.errors) as caught:
        server.client.infer("acsnet", "studies", dict(NRRD))
    assert "Status: 404" in caught.value.msg


def test_a_file_that_is_no_scan_gets_the_reason(server, tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"not an image")
    with pytest.raises(server.errors) as caught:
        server.client.infer("acsnet", "", dict(NRRD), file=str(broken))
    assert "Status: 422" in caught.value.msg
    assert "cannot be read as NIfTI" in caught.value.msg
    assert "/tmp" not in caught.value.msg


@pytest.mark.parametrize(
    ("query", "params", "status"),
    [
        ("", "[1]", 422),
        ("", '{"result_extension": ".exe"}', 422),
        ("&output=dicom_seg", "{}", 422),
        ("&output=nonsense", "{}", 422),
    ],
)
def test_wrong_parameters_get_a_readable_answer(server, query, params, status):
    address = f"{server.url}/infer/acsnet?image={server.image}{query}"
    answer = requests.post(address, data={"params": params}, timeout=60)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_results_come_as_json_or_as_a_file_where_asked(server):
    address = f"{server.url}/infer/acsnet?image={server.image}"
    answer = requests.post(f"{address}&output=json", timeout=60)
    assert answer.json()["label_names"] == LABEL_VALUES
    answer = requests.post(f"{address}&output=image", timeout=60)
    assert answer.content[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("tag", ["../..", "../../outside", "..", "a/b"])
def test_a_tag_that_climbs_writes_nothing(server, tmp_path, tag):
    before = set(server.state.parent.rglob("*"))
    sent = label_on(server.image_file, tmp_path / "label.nii.gz")
    with pytest.raises(server.errors) as caught:
        server.client.save_label(server.image, str(sent), tag=tag)
    assert "Status: 400" in caught.value.msg
    with pytest.raises(server.errors):
        server.client.download_label(server.image, tag)
    assert set(server.state.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/infer/wsi_v2/acsnet?image=/etc/passwd"),
        ("POST", "/batch/infer/acsnet"),
        ("POST", "/train/acsnet"),
        ("POST", "/scoring/dice"),
        ("PUT", "/model/acsnet"),
        ("GET", "/proxy/dicom/studies"),
        ("DELETE", "/datastore/image?id=x"),
        ("POST", "/reload"),
    ],
)
def test_routes_past_our_checks_are_closed(server, method, path):
    answer = requests.request(method, f"{server.url}{path}", timeout=20)
    assert 400 <= answer.status_code < 500


def test_pages_of_other_sites_get_nothing(server):
    for headers in ({"Origin": "https://example.org"}, {"Host": "example.org"}):
        answer = requests.get(f"{server.url}/info/", headers=headers, timeout=20)
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_the_log_names_no_scan(server):
    output = server.log.read_text()
    logged = [line for line in output.splitlines() if line.startswith("{")]
    assert any(json.loads(line).get("route") == "/infer/{model}" for line in logged)
    assert server.image not in "\n".join(logged)


def test_points_of_slicers_segments_move_the_wall_and_stay(server):
    # Of a scan whose labels no other test has saved: clicks start from those.
    image = max(server.client.datastore()["objects"])
    labels = nrrd.read(server.client.infer("acsnet", image, dict(NRRD))[0], index_order="F")[0]
    k = labels.shape[2] // 2
    i, j = np.argwhere(np.isin(labels[:, :, k], (2, 3, 4, 5)))[0].tolist()
    points = {name: [] for name in server.client.info()["labels"]}
    points |= {"background": [[i, j, k]], "label": "background", **NRRD}
    file, params = server.client.infer("acsnet_click", image, points)
    after = nrrd.read(file, index_order="F")[0]
    assert server.client.info()["models"]["acsnet_click"]["type"] == "deepedit"
    assert params["label_names"] == LABEL_VALUES
    assert params["started_from"]["source"] == "draft"
    assert [one["held"] for one in params["clicks"]] == [True]
    assert after[i, j, k] == 0 < labels[i, j, k]
    assert (after != labels)[:, :, k].any()


def test_strokes_in_slicers_mask_give_its_selected_segment(server, segmented, tmp_path):
    labels = segmented.labels
    k = labels.shape[2] // 2
    edge = np.argwhere(np.isin(labels[:, :, k], (2, 3, 4, 5)))[:3]
    mask = labels.copy()
    mask[edge[:, 0], edge[:, 1], k] = 8  # background_scribbles, the 8th segment
    sent = tmp_path / "scribbles.nii.gz"
    nib.save(nib.Nifti1Image(mask, nib.load(server.image_file).affine), sent)
    names = [*LABEL_VALUES, "background", "foreground_scribbles", "background_scribbles"]
    params = {
        "roi": [],
        "label_info": [{"name": name, "id": n + 1} for n, name in enumerate(names)],
        "selected_label_name": "lv_myocardium",
        **NRRD,
    }
    file, told = server.client.infer("acsnet_scribbles", server.image, params, str(sent))
    after = nrrd.read(file, index_order="F")[0]
    assert told["label_names"] == {"lv_myocardium": 1}
    assert set(np.unique(after)) == {0, 1}
    assert not after[edge[:, 0], edge[:, 1], k].any()
    assert all(one["held"] for one in told["clicks"])


def result_of(status):
    """As the plug-in makes its message of a status (`onStopTraining`)."""
    return status.get("result", status.get("details", [])[-1])


def test_a_training_is_started_asked_for_and_stopped_twice_as_the_plug_in_does(server, samples):
    for file in sorted(server.studies.glob("phantom-*.nii.gz")):  # of two patients at least
        image, drawn = file.name.removesuffix(".nii.gz"), samples / "truth" / file.name
        server.client.save_label(image, str(drawn), params={"state": "reviewed"})
    begun = server.client.train_start("all", {"epochs": 2, "device": "cpu"})
    try:
        assert result_of(begun)
        assert server.client.train_status(check_if_running=True)
        status = server.client.train_status(check_if_running=False)
        assert (status["status"], status["id"]) == ("RUNNING", begun["id"])
        assert result_of(status)
        stats = next(iter(server.client.info()["train_stats"].values()))
        assert 0 <= 100 * stats.get("epoch", 1) / stats.get("total_epochs", 1) <= 100
    finally:
        stopped = server.client.train_stop()
    assert stopped["status"] == "STOPPED"
    assert result_of(stopped)
    assert server.client.train_stop()["id"] == begun["id"]
    assert result_of(server.client.train_status(check_if_running=False))
    assert not server.client.train_status(check_if_running=True)

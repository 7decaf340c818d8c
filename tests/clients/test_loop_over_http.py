"""The annotation loop over a real server process, by the client that 3D Slicer ships."""

import json
import time

import nibabel as nib
import nrrd
import numpy as np
import pytest
import requests

from acsnet import __version__
from acsnet.labels import LABEL_VALUES

NRRD = {"result_extension": ".nrrd", "result_dtype": "uint8"}
WALL = LABEL_VALUES["lv_myocardium"]


@pytest.fixture(scope="module")
def drawn(server, tmp_path_factory):
    """What the model draws in the scan most tests use, as a NIfTI file; and its reply."""
    file, params = server.client.infer("acsnet", server.image, {})
    path = tmp_path_factory.mktemp("drawn") / "drawn.nii.gz"
    nib.save(nib.load(file), path)
    return path, params


def values(path):
    return np.asarray(nib.load(path).dataobj)


def audit(server):
    return [json.loads(line) for line in (server.state / "audit.jsonl").read_text().splitlines()]


def versions(server):
    return requests.get(
        f"{server.url}/acsnet/cases/{server.image}/versions.json", timeout=60
    ).json()


def test_clients_see_the_tasks_and_what_they_can_choose(server):
    models = server.client.info()["models"]
    method = {"Threshold of core scar": ["half-way from remote wall to peak", "half of the peak"]}
    keep = {"Keep walls that are possible": True}
    phase = {"Image of each slice (0: the only one)": 0}
    assert {name: model["config"] for name, model in models.items()} == {
        "acsnet": {**method, **keep, "With 90 % intervals (slower)": False, **phase},
        "roi": phase,
        "myo": {**method, **phase},
        "acsnet_correct": {**keep, **phase},
        "acsnet_click": {},
        "acsnet_scribbles": {},
    }


def test_each_task_draws_its_stage(server, drawn):
    path, params = drawn
    assert params["model_version"] == f"shipped {__version__}"
    file, found = server.client.infer("roi", server.image, dict(NRRD))
    ventricle = nrrd.read(file, index_order="F")[0]
    assert found["label_names"] == {"left_ventricle": 1}
    both = np.count_nonzero((ventricle > 0) & (values(path) > 0))
    assert 2 * both / (np.count_nonzero(ventricle) + np.count_nonzero(values(path))) > 0.85
    file, found = server.client.infer("myo", server.image, dict(NRRD))
    assert set(np.unique(nrrd.read(file)[0])) <= set(range(6))
    assert "did not go through the anatomical checks" in found["features"]["warnings"][-1]


def test_the_scar_method_is_the_one_that_was_chosen(server):
    shown = {"Threshold of core scar": "half of the peak"}  # as the plug-in sends it
    for chosen in ({"scar_method": "half_max"}, shown):
        _, found = server.client.infer("acsnet", server.image, chosen)
        assert found["features"]["scar_method"] == "half_max"
    for wrong in ({"scar_method": "otsu"}, {"keep_valid_masks": "no"}, {"uncertainty": 1}):
        with pytest.raises(server.errors) as caught:
            server.client.infer("acsnet", server.image, wrong)
        assert "Status: 422" in caught.value.msg
        assert f"{next(iter(wrong))} must be" in caught.value.msg


def test_a_label_that_was_drawn_comes_back_possible(server, drawn, tmp_path):
    path, _ = drawn
    file, _ = server.client.infer("acsnet_correct", server.image, {}, label_in=str(path))
    same = values(file)
    np.testing.assert_array_equal(same > 1, values(path) > 1)
    broken = values(path).copy()
    middle = int(np.flatnonzero((broken == WALL).any(axis=(0, 1)))[2])
    broken[2:12, 2:12, middle] = WALL
    sent = tmp_path / "broken.nii.gz"
    nib.save(nib.Nifti1Image(broken, nib.load(path).affine), sent)
    file, found = server.client.infer("acsnet_correct", server.image, {}, label_in=str(sent))
    assert not values(file)[2:12, 2:12, middle].any()
    changed = [one for one in found["features"]["anatomy"]["slices"] if not one["valid_before"]]
    assert len(changed) == 1


def test_without_a_label_there_is_nothing_to_correct(server):
    other = max(file.name for file in server.studies.glob("*.nii.gz")).removesuffix(".nii.gz")
    with pytest.raises(server.errors) as caught:
        server.client.infer("acsnet_correct", other, {})
    assert "send a label map to correct, or save one" in caught.value.msg


def test_a_save_answers_with_measures_and_warnings(server, drawn, tmp_path):
    path, params = drawn
    answer = server.client.save_label(server.image, str(path), params={"user": "Ana"})
    assert (answer["author"], answer["state"]) == ("Ana", "draft")
    expected = round(params["features"]["scar_burden_percent"], 2)
    assert answer["measurements"]["scar_burden_percent"] == expected
    assert "Research use only" in answer["notice"]
    astray = values(path).copy()
    astray[1:4, 1:4, astray.shape[2] // 2] = LABEL_VALUES["core_scar"]
    sent = tmp_path / "astray.nii.gz"
    nib.save(nib.Nifti1Image(astray, nib.load(path).affine), sent)
    answer = server.client.save_label(server.image, str(sent), params={"user": "Bob"})
    assert any("scar lies outside the wall in slice" in note for note in answer["warnings"])
    assert {one["user"] for one in versions(server)} >= {"Ana", "Bob"}
    assert versions(server)[0]["model"] == f"shipped {__version__}"


def test_labels_are_known_by_their_names_as_people_write_them(server, drawn, tmp_path):
    path, _ = drawn
    sent = tmp_path / "label.nii.gz"
    nib.save(nib.Nifti1Image((values(path) > 3).astype(np.uint8), nib.load(path).affine), sent)
    for name, status in (("Core Scar", None), ("tumour", "Status: 422")):
        params = {"label_info": [{"name": name}]}
        if status is None:
            server.client.save_label(server.image, str(sent), tag="named", params=params)
            file = server.client.download_label(server.image, "named")
            assert values(file).max() == LABEL_VALUES["core_scar"]
        else:
            with pytest.raises(server.errors) as caught:
                server.client.save_label(server.image, str(sent), tag="named", params=params)
            assert "segment 'tumour' is not one of the labels" in caught.value.msg


def test_an_empty_label_and_the_models_own_tag_are_refused(server, drawn, tmp_path):
    before = versions(server)
    path, _ = drawn
    empty = tmp_path / "empty.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros_like(values(path)), nib.load(path).affine), empty)
    for file, tag, reason in ((empty, "", "empty"), (path, "original", "drafts of the model")):
        with pytest.raises(server.errors) as caught:
            server.client.save_label(server.image, str(file), tag=tag)
        assert reason in caught.value.msg
    assert versions(server) == before


def test_two_annotators_review_and_score(server, drawn):
    path, _ = drawn
    for name in ("Ana", "Bob"):
        server.client.save_label(server.image, str(path), params={"user": name})
    pairs = requests.get(
        f"{server.url}/acsnet/cases/{server.image}/agreement.json", timeout=60
    ).json()
    found = next(one for one in pairs if {one["first"], one["second"]} == {"Ana", "Bob"})
    assert found["region_dice"]["myocardium"] == 1
    assert found["burden_difference"] == 0
    newest = versions(server)[0]
    done = requests.post(
        f"{server.url}/acsnet/cases/{server.image}/accept",
        data={
            "version": newest["version"],
            "by": "Eve",
            "warnings_shown": newest["features"]["warnings"],
        },
        timeout=60,
    )
    assert done.ok
    assert versions(server)[0] == {**newest, "state": "reviewed", "reviewer": "Eve"}
    assert "final" in server.client.datastore()["objects"][server.image]["labels"]
    score = requests.post(f"{server.url}/scoring/agreement", timeout=60).json()
    assert score["label_dice"]["lv_myocardium"] == 1
    assert score["models"] == [f"shipped {__version__}"]
    history = requests.get(f"{server.url}/scoring/agreement", timeout=60).json()
    assert history[-1]["burden_error"] == 0
    wrong = requests.post(
        f"{server.url}/acsnet/cases/{server.image}/accept",
        data={"version": "../x", "by": "Eve"},
        timeout=60,
    )
    assert wrong.status_code == 404


def test_a_batch_drafts_the_images_that_were_chosen(server):
    images = sorted(server.client.datastore()["objects"])[:2]
    address = f"{server.url}/batch/infer"
    assert requests.post(address, json={"images": images}, timeout=60).ok
    again = requests.post(address, json={"images": images}, timeout=60)
    assert again.status_code == 409
    end = time.monotonic() + 300
    while (status := requests.get(address, timeout=60).json())["running"]:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert status["images"] == dict.fromkeys(images, "done")
    objects = server.client.datastore()["objects"]
    assert all("original" in objects[image]["labels"] for image in images)


@pytest.mark.parametrize(
    ("body", "status"),
    [({"images": ["no such scan"]}, 404), ({"images": []}, 422), ({"images": ["x"] * 201}, 422)],
)
def test_a_batch_of_nothing_of_too_much_or_of_what_is_not_there(server, body, status):
    answer = requests.post(f"{server.url}/batch/infer", json=body, timeout=60)
    assert answer.status_code == status


def test_the_audit_log_tells_who_did_what(server, drawn):
    path, _ = drawn
    server.client.infer("acsnet", server.image, {})
    answer = server.client.save_label(server.image, str(path), params={"user": "Ana"})
    inferred, saved = audit(server)[-2:]
    assert (inferred["event"], inferred["task"], inferred["done"]) == ("infer", "acsnet", True)
    assert (inferred["model"], inferred["image"]) == (f"shipped {__version__}", server.image)
    assert inferred["seconds"] > 0
    assert (saved["event"], saved["user"]) == ("save", "Ana")
    assert saved["model"] == f"shipped {__version__}"
    assert saved["version"] == answer["version"]

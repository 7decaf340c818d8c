"""The app, its datastore and its order of scans, without a running server."""

import errno
import json
import os
import shutil

import nibabel as nib
import numpy as np
import pytest
from saved_labels import save_label
from small_scans import write_scan

from acsnet.errors import GeometryError, InputError, WeightsError
from acsnet.io import read_scan
from acsnet.measure import measure_labels
from acsnet.server.app import DRAFT_NOT_KEPT, AcsnetApp
from acsnet.server.datastores.folder import StudiesDatastore

LABELS = np.full((12, 10, 3), 2, np.uint8)


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    write_scan(folder / "b.nii.gz", seed=1)
    write_scan(folder / "a.nii.gz", seed=2)
    (folder / "notes.txt").write_text("not a scan")
    return folder


@pytest.fixture
def store(studies, tmp_path):
    return StudiesDatastore(studies=studies, store=tmp_path / "store")


def test_only_scans_are_listed(store):
    assert sorted(store.list_images()) == ["a", "b"]
    assert store.status() == {"total": 2, "completed": 0, "label_tags": {}}


def test_a_scan_that_comes_or_goes_is_noticed(store, studies):
    write_scan(studies / "c.nii", seed=3)
    (studies / "a.nii.gz").unlink()
    assert store.status()["total"] == 2
    assert sorted(store.get_unlabeled_images()) == ["b", "c"]


def test_the_studies_folder_is_never_written_to(store, studies, tmp_path):
    before = {entry.name: entry.stat().st_mtime_ns for entry in studies.iterdir()}
    save_label(store, "a", LABELS, state="reviewed")
    store.add_image("new", str(write_scan(tmp_path / "new.nii.gz", seed=9)), {})
    assert {entry.name: entry.stat().st_mtime_ns for entry in studies.iterdir()} == before
    assert (tmp_path / "store" / "labels" / "final" / "a.nii.gz").is_file()
    assert store.get_unlabeled_images() == ["b", "new"]


def test_labels_are_found_again_after_a_restart(store, studies, tmp_path):
    save_label(store, "a", LABELS, state="reviewed")
    again = StudiesDatastore(studies=studies, store=tmp_path / "store")
    assert again.get_label_info("a", "final")["user"] == "Ana"
    assert again.status()["completed"] == 1


def test_an_uploaded_scan_may_not_take_the_name_of_another(store, studies, tmp_path):
    with pytest.raises(FileExistsError, match="already another image called 'a'"):
        store.add_image("a", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    assert store.add_image("a", str(studies / "a.nii.gz"), {}) == "a"


def test_an_upload_that_is_no_scan_is_refused(store, tmp_path):
    (tmp_path / "x.nii.gz").write_bytes(b"not an image")
    with pytest.raises(InputError, match=r"x\.nii\.gz"):
        store.add_image("x", str(tmp_path / "x.nii.gz"), {})
    with pytest.raises(GeometryError, match="single slice"):
        store.add_image("y", str(write_scan(tmp_path / "y.nii.gz", slices=1)), {})
    assert sorted(store.list_images()) == ["a", "b"]


def test_records_are_for_their_owner_only(store, tmp_path):
    assert (tmp_path / "store").stat().st_mode & 0o077 == 0


def test_without_verified_weights_there_is_no_app(studies, tmp_path, monkeypatch):
    def load(*, weights):
        msg = "weights of roi are altered"
        raise WeightsError(msg)

    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("acsnet.server.inference.model_server.Pipeline.load", load)
    with pytest.raises(WeightsError, match="altered"):
        AcsnetApp(app_dir=str(tmp_path), studies=str(studies), conf={})


def test_every_review_is_looked_at_by_the_trainer_at_once(web, samples, monkeypatch):
    looks = []
    monkeypatch.setattr(
        web.app.trainings, "wake", lambda: looks.append(len(web.app.datastore().reviewed()))
    )
    image = "a & <i>b"
    truth = (samples / "truth" / "phantom-1.nii.gz").read_bytes()

    def save(**params):
        answer = web.client.put(
            "/datastore/label",
            params={"image": image},
            data={"params": json.dumps({"user": "Ana", **params})},
            files={"label": ("label.nii.gz", truth)},
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    draft = save()
    assert looks == [0]
    form = {"version": draft["version"], "by": "Eve", "warnings_shown": draft["warnings"]}
    assert web.client.post(f"/acsnet/cases/{image}/accept", data=form).status_code == 303
    save(state="reviewed")
    assert looks == [0, 1, 1]
    measured = measure_labels(
        read_scan(samples / "nifti" / "phantom-1.nii.gz"),
        np.asarray(nib.load(samples / "truth" / "phantom-1.nii.gz").dataobj),
    ).features_dict()
    assert draft["measurements"]["scar_burden_percent"] == round(measured["scar_burden_percent"], 2)
    kept = web.app.datastore().label_records(image)[0].features
    assert kept["segments"] == measured["segments"]


def test_no_draft_is_kept_of_files_that_were_replaced_while_they_were_segmented(
    web, samples, monkeypatch
):
    file = shutil.copy(samples / "nifti" / "phantom-1.nii.gz", web.studies / "moving.nii.gz")
    store, run = web.app.datastore(), web.app._infers["acsnet"].run
    store.refresh()

    def replaced_meanwhile(request):
        answer = run(request)
        shutil.copy(samples / "nifti" / "phantom-2.nii.gz", file)
        return answer

    def segmented():
        asked = {"image": "moving", "output": "json"}
        answer = web.client.post("/infer/acsnet", params=asked).json()
        return answer["features"]["warnings"]

    monkeypatch.setattr(web.app._infers["acsnet"], "run", replaced_meanwhile)
    assert DRAFT_NOT_KEPT in segmented()
    assert store.get_labels_by_image_id("moving") == {}
    monkeypatch.undo()
    assert DRAFT_NOT_KEPT not in segmented()
    assert store.get_labels_by_image_id("moving").keys() == {"original"}
    file.unlink()
    store.refresh()


def test_a_draft_for_which_the_disk_is_full_is_given_out_with_a_warning(web, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(web.app.datastore(), "keep_draft", full)
    answer = web.client.post("/infer/acsnet", params={"image": web.series, "output": "json"})
    warnings = answer.json()["features"]["warnings"]
    assert "the draft could not be kept: No space left on device" in warnings


def test_studies_that_are_no_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="studies must be a folder, got"):
        AcsnetApp(app_dir=str(tmp_path), studies=str(tmp_path / "nowhere"), conf={})

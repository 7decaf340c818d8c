"""A state folder of the version before is taken up whole: nothing that people did is lost.

`data/state-layout-2.tar.gz` was written by commit 21b7544 on three synthetic scans (two made by
`scans`, one the first phantom as DICOM) and one that a client uploaded: labels of Ana, Bo, Cy and
Di, reviewed by Rea, one of them withdrawn, one under a client's own tag; drafts of the model,
scores, models, the audit log. `expected.json` in it is what that version told of them.
`data/state-layout-3.tar.gz` is what release 0.2.0 (commit 8573788) made of it, with what Ana drew
and did not save, what Cy clicked, what Bo entered, a requested training, and its hold-out.
"""

import hashlib
import json
import os
import shutil
import tarfile
import time
from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from acsnet.active_learning.score_store import ScoreStore
from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.annotations.reading_details import DetailsStore
from acsnet.fine_tuning.holdout import read_holdout
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_request import read_request, run_folders
from acsnet.labels import Label
from acsnet.server.corrections.reader_states import ReaderStates
from acsnet.server.corrections.unsaved_edits import UnsavedEdits
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.folder_links import UPLOAD_REMARK
from acsnet.server.datastores.preflight import fingerprint
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.server.learning.scoring import AgreementScoring
from acsnet.server.pages.cases import build_case
from acsnet.server.state.backup import write_backup
from acsnet.server.state.paths import (
    CLICKS,
    DETAILS,
    VERSIONS,
    audit_log_file,
    edits_folder,
    models_folder,
    state_folder,
    store_folder,
)
from acsnet.server.state.repair import repair
from acsnet.server.state.restore import restore_backup
from acsnet.server.state.schema import schema_of, settle_state

STATE = Path(__file__).parent / "data" / "state-layout-2.tar.gz"
RELEASE = Path(__file__).parent / "data" / "state-layout-3.tar.gz"
SCANS_OF = 1_700_000_000
"""Time of the scans' files: what a label belongs to is told by it."""


def scans(folder, samples):
    """The studies folder as it was then."""
    folder.mkdir()
    affine = np.diag([1.5, 1.5, 8.0, 1.0])
    for seed, name in enumerate("ab"):
        pixels = np.random.default_rng(seed).integers(0, 500, (12, 10, 4)).astype(np.int16)
        image = nib.Nifti1Image(pixels, affine)
        image.header.set_xyzt_units("mm")
        image.set_sform(affine, code="scanner")
        nib.save(image, folder / f"{name}.nii")
    shutil.copytree(samples / "dicom" / "phantom-1", folder / "phantom-1")
    for path in folder.rglob("*"):
        os.utime(path, (SCANS_OF, SCANS_OF))


def unpacked(folder, state):
    """That state in `folder`, which is the state folder; its studies lay elsewhere then."""
    with tarfile.open(state) as archive:
        archive.extractall(folder, filter="data")
    studies = folder / "studies"
    (folder / "state" / "studies" / "studies").rename(store_folder(studies))
    (folder / "state" / "models" / "studies").rename(models_folder(str(studies)))
    if state == RELEASE:
        (folder / "state" / "edits" / "studies").rename(edits_folder(str(studies)))


@pytest.fixture(scope="module", params=[STATE, RELEASE], ids=["layout 2", "0.2.0"])
def upgraded(request, tmp_path_factory, samples):
    """store: of this version on that state; studies: its folder; expected: what was told before."""
    folder = tmp_path_factory.mktemp("upgraded")
    studies = folder / "studies"
    scans(studies, samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_STATE", str(folder / "state"))
        unpacked(folder, request.param)
        settle_state(state_folder())
        repaired = repair(
            state_folder(),
            store=store_folder(studies),
            models=models_folder(str(studies)),
        )
        assert repaired == {}
        store = StudiesDatastore(studies=studies, store=store_folder(studies))
        end = time.monotonic() + 60
        while not all(store.verdict(image).checked for image in store.list_images()):
            assert time.monotonic() < end
            time.sleep(0.05)
        yield store, studies, json.loads((folder / "expected.json").read_text())
        store.close()


def seconds(time_):
    return None if time_ is None else int(time_.timestamp())


def reviewer_of(version):
    """The reviewer, as the version before told it: of a withdrawn label it told none."""
    return "" if version.state == "withdrawn" else version.reviewer


def test_all_scans_with_their_labels_reviews_and_withdrawals_are_there(upgraded):
    store, _, expected = upgraded
    assert sorted(store.list_images()) == expected["images"]
    assert store.get_unlabeled_images() == expected["waiting"]
    for image, before in expected["cases"].items():
        case = build_case(store, image)
        assert case.state.value == before["state"]
        warnings = [one for one in case.warnings if one != UPLOAD_REMARK]
        assert (case.title, warnings) == (before["title"], before["warnings"])
        assert case.uploaded is (case.id == "own")
        assert case.why == before["why"]
        assert (case.shown and [case.shown.tag, case.shown.id]) == before["shown"]
        told = [
            {
                "id": one.id,
                "tag": one.tag,
                "state": one.state,
                "author": one.author,
                "reviewer": reviewer_of(one),
                "saved": seconds(one.saved),
                "current": bool(one.tag) and one.current,  # of others it told nothing
                "features": one.features,
                "seg_refused": one.seg_refused,
            }
            for one in case.versions
        ]
        told = sorted(told, key=lambda one: (-one["saved"], one["id"]))
        assert told == sorted(before["labels"], key=lambda one: (-one["saved"], one["id"]))


def test_all_label_maps_are_voxel_for_voxel_those_of_before(upgraded):
    store, _, expected = upgraded
    for image, tags in expected["label_maps"].items():
        assert set(store.get_labels_by_image_id(image)) == set(tags)
        for tag, digest in tags.items():
            labels = np.asarray(nib.load(store.get_label_uri(image, tag)).dataobj, np.uint8)
            assert hashlib.sha256(labels.tobytes()).hexdigest() == digest
    (series,) = (image for image in store.list_images() if image.startswith("1.2."))
    assert [tag for tag in expected["segs"] if store.seg_file(series, tag) is None] == []


def test_all_versions_are_there_with_who_when_and_from_what(upgraded):
    _, studies, expected = upgraded
    kept = VersionStore(store_folder(studies) / VERSIONS).all()
    versions = {one.id: one for versions in kept for one in versions}
    assert set(versions) == set(expected["versions"])
    for name, before in expected["versions"].items():
        one = versions[name]
        assert {
            "image": one.image,
            "author": one.author,
            "state": one.state,
            "reviewer": reviewer_of(one),
            "saved": one.saved.isoformat(),
            "model": one.model,
            "tag": one.tag,
            "features": one.features,
            "sha256": one.sha256,
            "reviewed": one.reviewed.isoformat() if reviewer_of(one) else None,
        } == before
        assert one.verified().is_file()


def test_the_same_labels_are_trained_on_and_compared(upgraded):
    store, _, expected = upgraded
    offered = [[one.name, one.patient, one.label.name, one.at] for one in store.reviewed()]
    assert offered == expected["for_training"]
    drawn_by = {image: sorted(store.drawn_by(image)) for image in store.list_images()}
    assert drawn_by == expected["drawn_by"]


def test_scores_models_and_the_audit_log_are_there(upgraded):
    store, studies, expected = upgraded
    book = ScoreBook(store, ScoreStore(store_folder(studies) / "scores"), model=lambda: "m1")
    for image, before in expected["scores"].items():
        found = book.scores(image)
        assert (found and [found.uncertainty, found.correction, list(found.features)]) == before
    assert AgreementScoring(store.scores).history() == expected["agreement"]
    models = Models(models_folder(str(studies)))
    assert {
        "names": models.names(),
        "aliases": asdict(models.aliases()),
        "records": {name: models.record(name) for name in models.names()},
    } == expected["models"]
    assert audit_log.read(audit_log_file()) == expected["audit"]
    assert store.get_image_info("b")["strategy"] == expected["offered"]


@pytest.mark.parametrize("upgraded", [RELEASE], ids=["0.2.0"], indirect=True)
def test_what_was_not_saved_yet_and_entered_beside_labels_is_there(upgraded):
    _, studies, expected = upgraded
    before = expected["unsaved_edit"]
    edits = UnsavedEdits(edits_folder(str(studies))).of(before["image"], before["reader"])
    assert [{key: getattr(edit, key) for key in before} for edit in edits] == [before]
    clicked = expected["clicks"]
    states = ReaderStates(store_folder(studies) / CLICKS)
    state, remarks = states.read(clicked["reader"], clicked["image"])
    assert (remarks, state.scan) == ((), fingerprint(studies / "b.nii"))
    assert [[name, list(index)] for name, index in state.points] == clicked["points"]
    assert np.count_nonzero(state.start.labels == Label.LV_MYOCARDIUM) == clicked["wall"]
    entered = expected["details"]
    details = DetailsStore(store_folder(studies) / DETAILS)
    saved, remarks = details.read(entered["image"], scan=fingerprint(studies / "a.nii"))
    assert (remarks, saved.reader) == ((), entered["reader"])
    assert saved.details.to_dict() == entered["details"]


@pytest.mark.parametrize("upgraded", [RELEASE], ids=["0.2.0"], indirect=True)
def test_patients_stay_on_their_side_and_a_training_that_was_asked_for_is_read(upgraded):
    _, studies, expected = upgraded
    root = models_folder(str(studies))
    holdout = asdict(read_holdout(root))
    assert {side: sorted(ids) for side, ids in holdout.items()} == expected["holdout"]
    before = expected["request"]
    (run,) = run_folders(root)
    asked = read_request(run)
    assert (run.name, asked.trainer, asked.base) == tuple(
        before[key] for key in ("run", "trainer", "base")
    )
    assert [[one.name, one.sha256, one.held] for one in asked.cases] == before["cases"]
    assert [hashlib.sha256(one.label.read_bytes()).hexdigest() for one in asked.cases] == [
        sha256 for _, sha256, _ in before["cases"]
    ]


def test_a_backup_by_this_version_holds_what_only_earlier_ones_kept_so(tmp_path, monkeypatch):
    """The records of all drafts in one file, and an upload among the links to scans."""

    def kept():
        store = store_folder(tmp_path / "studies")
        return [(store / name).read_bytes() for name in ("datastore_v2.json", "images/own.nii.gz")]

    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    unpacked(tmp_path, STATE)
    before = kept()
    write_backup(tmp_path / "b.tar.gz", studies=str(tmp_path / "studies"))
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "restored"))
    restore_backup(tmp_path / "b.tar.gz", studies=str(tmp_path / "studies"))
    assert kept() == before
    assert schema_of(state_folder()) == 2

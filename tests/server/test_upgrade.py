"""A state folder of the version before is taken up whole: nothing that people did is lost.

`data/state-layout-2.tar.gz` was written by commit 21b7544 on three synthetic scans (two made by
`scans`, one the first phantom as DICOM) and one that a client uploaded: labels of Ana, Bo, Cy and
Di, reviewed by Rea, one of them withdrawn, one under a client's own tag; drafts of the model,
scores, models, the audit log. `expected.json` in it is what that version told of them.
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
from acsnet.fine_tuning.model_registry import Models
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.folder_links import UPLOAD_REMARK
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.server.learning.scoring import AgreementScoring
from acsnet.server.pages.cases import build_case
from acsnet.server.state.backup import write_backup
from acsnet.server.state.paths import (
    VERSIONS,
    audit_log_file,
    models_folder,
    state_folder,
    store_folder,
)
from acsnet.server.state.repair import repair
from acsnet.server.state.restore import restore_backup
from acsnet.server.state.schema import schema_of, settle_state

STATE = Path(__file__).parent / "data" / "state-layout-2.tar.gz"
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


def unpacked(folder):
    """That state in `folder`, which is the state folder; its studies lay elsewhere then."""
    with tarfile.open(STATE) as archive:
        archive.extractall(folder, filter="data")
    studies = folder / "studies"
    (folder / "state" / "studies" / "studies").rename(store_folder(studies))
    (folder / "state" / "models" / "studies").rename(models_folder(str(studies)))


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory, samples):
    """store: of this version on that state; studies: its folder; expected: what was told before."""
    folder = tmp_path_factory.mktemp("upgraded")
    studies = folder / "studies"
    scans(studies, samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_STATE", str(folder / "state"))
        unpacked(folder)
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


def test_a_backup_by_this_version_holds_what_only_earlier_ones_kept_so(tmp_path, monkeypatch):
    """The records of all drafts in one file, and an upload among the links to scans."""

    def kept():
        store = store_folder(tmp_path / "studies")
        return [(store / name).read_bytes() for name in ("datastore_v2.json", "images/own.nii.gz")]

    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    unpacked(tmp_path)
    before = kept()
    write_backup(tmp_path / "b.tar.gz", studies=str(tmp_path / "studies"))
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "restored"))
    restore_backup(tmp_path / "b.tar.gz", studies=str(tmp_path / "studies"))
    assert kept() == before
    assert schema_of(state_folder()) == 2

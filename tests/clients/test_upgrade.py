"""A server takes up the state that the version before left behind, labels and all.

`data/state-layout-1.tar.gz` was written by a server of that version, commit b9f1e27, on the two
phantoms: a draft of the model; labels of Ana, Bo and Cy, of which Rea reviewed Bo's; a scan that a
client uploaded, with a reviewed label.
"""

import json
import os
import shutil
import tarfile
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import requests

from acsnet.annotations import audit_log
from acsnet.server.datastores.preflight import fingerprint
from acsnet.server.state.paths import store_folder

from .conftest import SAMPLES

STATE = Path(__file__).parent / "data" / "state-layout-1.tar.gz"
SCANS_OF = 1_700_000_000
"""Time of the scans' files: what a label belongs to is told by it."""
UPLOAD_WAS = "2fe46dcb74122b9c1904d3a4e61f8d4ab8ac492a8583802c2c8b7f9f59c366fe"
"""The fingerprint of the upload that its label names."""
DATASTORE = "datastore_v2.json"
TIMEOUT = 120
KNOWN = [("Cy", "draft", ""), ("Bo", "reviewed", "Rea"), ("Ana", "draft", "")]


@pytest.fixture(scope="module")
def upgraded(start_server, tmp_path_factory):
    """url: of this version's server on that state; state, studies: its folders; log."""
    folder = tmp_path_factory.mktemp("upgraded")
    studies, state = folder / "studies", folder / "state"
    shutil.copytree(SAMPLES, studies)
    for scan in studies.iterdir():
        os.utime(scan, (SCANS_OF, SCANS_OF))
    with tarfile.open(STATE) as archive:
        archive.extractall(state)
    (old,) = (state / "studies").iterdir()
    # An archive keeps whole seconds, so that the upload is not quite as its label says.
    for record in (old / DATASTORE, *old.glob("versions/*/*.json")):
        upload = fingerprint(old / "images" / "own.nii.gz")
        record.write_text(record.read_text().replace(UPLOAD_WAS, upload))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_STATE", str(state))
        old.rename(store_folder(studies))  # the studies lay elsewhere then
    url, log = start_server(studies, ACSNET_STATE=str(state))
    return SimpleNamespace(url=url, state=state, studies=studies, log=log)


def told(upgraded, image):
    """Who drew each version of a label, newest first, in which state, and who reviewed it."""
    address = f"{upgraded.url}/acsnet/cases/{image}/versions.json"
    versions = requests.get(address, timeout=TIMEOUT).json()
    return [(one["user"], one["state"], one["reviewer"]) for one in versions]


def drawn(upgraded, image, tag, folder):
    """The labels in a label map as clients get it."""
    address = f"{upgraded.url}/datastore/label"
    answer = requests.get(address, params={"label": image, "tag": tag}, timeout=TIMEOUT)
    assert answer.ok, answer.text
    path = folder / "label.nii.gz"
    path.write_bytes(answer.content)
    return set(np.unique(np.asarray(nib.load(path).dataobj)).tolist())


def test_labels_reviews_and_uploads_of_the_version_before_are_there(upgraded, tmp_path):
    assert told(upgraded, "phantom-1") == KNOWN
    assert told(upgraded, "own") == [("Cy", "reviewed", "Cy")]
    assert told(upgraded, "phantom-2") == []
    assert drawn(upgraded, "phantom-1", "final", tmp_path) == {0, 2}
    assert drawn(upgraded, "phantom-1", "draft", tmp_path) == {0, 3}
    assert {1, 2} <= drawn(upgraded, "phantom-1", "original", tmp_path)
    assert drawn(upgraded, "own", "final", tmp_path) == {0, 2}
    events = [event["event"] for event in audit_log.read(upgraded.state / "audit.jsonl")]
    events = [event for event in events if event != "view"]  # what this test looked at itself
    assert events == ["infer", "save", "save", "review", "save", "save"]
    assert json.loads((upgraded.state / "state.json").read_text())["schema"] == 4
    assert requests.get(f"{upgraded.url}/readyz", timeout=TIMEOUT).ok
    assert "repaired" not in upgraded.log.read_text()


def test_work_goes_on_and_all_of_it_is_in_a_backup(upgraded, acsnet, tmp_path):
    address = f"{upgraded.url}/datastore/label"
    newest = requests.get(address, params={"label": "phantom-1", "tag": "draft"}, timeout=TIMEOUT)
    files = {"label": ("l.nii.gz", newest.content)}
    answer = requests.put(
        address,
        params={"image": "phantom-1"},
        data={"params": json.dumps({"user": "Di", "state": "draft"})},
        files=files,
        timeout=TIMEOUT,
    )
    assert answer.ok, answer.text
    assert told(upgraded, "phantom-1") == [("Di", "draft", ""), *KNOWN]
    done = acsnet(
        *("backup", "--studies", upgraded.studies, "--output", tmp_path / "b.tar.gz"),
        ACSNET_STATE=str(upgraded.state),
    )
    assert done.returncode == 0, done.stderr
    other = tmp_path / "other"
    done = acsnet(
        *("restore", tmp_path / "b.tar.gz", "--studies", upgraded.studies, "--state", other)
    )
    assert done.returncode == 0, done.stderr
    listed = acsnet(
        *("labels", "list", "--studies", upgraded.studies), ACSNET_STATE=str(other), COLUMNS="300"
    )
    for name, _, _ in [("Di", "", ""), *KNOWN]:
        assert name in listed.stdout

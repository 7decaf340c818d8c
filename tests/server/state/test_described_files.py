"""Each file that a server writes is in the table of what happens when it is damaged."""

import re
import shutil
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from state_files import PAGE, undescribed

from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_request import Reviewed, write_request
from acsnet.fine_tuning.training_status import change_status
from acsnet.nets.weights import SHIPPED
from acsnet.server.datastores.label_records import MODEL_DRAFT
from acsnet.server.learning.begun_scans import BegunScans
from acsnet.server.state.backup import write_backup
from acsnet.server.state.paths import (
    CLICKS,
    DECISIONS,
    DETAILS,
    SAVES,
    UNSENT,
    models_folder,
    of_studies,
    state_folder,
)
from acsnet.server.state.schema import settle_state

TESTS = Path(__file__).parents[2]


def test_each_row_names_a_test_that_there_is():
    section = PAGE.read_text().split("## Damaged files")[1].split("\n## ")[0]
    tests = "\n".join(file.read_text() for file in TESTS.rglob("test_*.py"))
    names = re.findall(r"`(test_\w+)`", section)
    assert len(names) > 20
    assert [name for name in names if f"def {name}(" not in tests] == []


def test_a_file_of_another_kind_is_found(tmp_path):
    (tmp_path / "studies" / "x").mkdir(parents=True)
    for name in ("state.json", "studies/x/taken.jsonl", "studies/x/.lock", "studies/x/new.json"):
        (tmp_path / name).touch()
    assert undescribed(tmp_path) == ["studies/x/new.json"]


def test_of_the_copy_of_a_pacs_only_that_may_be_deleted_which_a_backup_leaves_out(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    url = "http://pacs.example.org/dicom-web"
    section = (
        (PAGE.parent / "pacs.md").read_text().split("you may delete ")[1].split("A [backup]")[0]
    )
    deleted, kept = (set(re.findall(r"`([^`]+)`", part)) for part in section.split("Never delete"))
    for name in deleted | kept:
        file = of_studies(url) / (name if name.endswith(".jsonl") else f"{name}/1/file")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n")
    settle_state(state_folder())
    write_backup(tmp_path / "a.tar.gz", studies=url)
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        held = {name.split("/")[1] for name in archive.getnames() if name.startswith("store/")}
    assert deleted == {"images", "scores"}
    assert held == kept
    assert kept >= {DECISIONS, SAVES, DETAILS, CLICKS, UNSENT}


@pytest.mark.slow
def test_each_file_that_a_used_server_has_written_is_described(web, samples):
    """By scans and labels of every way in, decisions, scores, offers, models and a training."""
    client, store = web.client, web.app.store_folder()
    settle_state(web.folder / "state")
    drawn = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    labels = np.zeros(drawn.shape, np.uint8)
    labels[40:60, 40:60, 3], labels[45:55, 45:55, 3] = 2, 1
    nib.save(nib.Nifti1Image(labels, drawn.affine, drawn.header), web.folder / "label.nii.gz")

    def send(method, path, **options):
        answer = client.request(method, path, **options)
        assert answer.status_code < 400, answer.text

    upload = {"file": ("own.nii.gz", (samples / "nifti" / "phantom-1.nii.gz").read_bytes())}
    send("PUT", "/datastore/image?image=own", files=upload)
    for image in (web.series, "own"):
        send("POST", f"/infer/acsnet?image={image}&output=json")
    for state in ("draft", "reviewed"):
        params = f'{{"user": "Ana", "state": "{state}"}}'
        sent = {"label": ("label.nii.gz", (web.folder / "label.nii.gz").read_bytes())}
        send("PUT", "/datastore/label?image=own", files=sent, data={"params": params})
    rejected = {"version": MODEL_DRAFT, "by": "Ana", "comment": "wrong"}
    send("POST", f"/acsnet/cases/{web.series}/reject", json=rejected)
    send("POST", f"/infer/acsnet?image={web.series}&output=json")
    send("POST", "/activelearning/random", json={"client_id": "Ana"})
    send("POST", "/scoring/agreement")
    DetailsStore(store / DETAILS).save("own", ReadingDetails(), reader="Ana")
    BegunScans(store / "begun").add("own", "state")
    models = Models(models_folder(str(web.studies)))
    models.promote(models.add(SHIPPED, {}))
    (label,) = store.glob("labels/final/own.nii.gz")
    reviewed = [
        Reviewed(name=f"scan-{k}", patient=f"{k}", image=Path(f"{k}.nii"), label=label, at=0.0)
        for k in range(5)
    ]
    about = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}
    run = write_request(models.root, reviewed, trainer="roi", **about)
    change_status(run, state="running")
    shutil.copy(SHIPPED / "manifest.json", run)  # as any file beside those of a run: none of ours
    state = web.folder / "state"
    assert undescribed(state) == [(run / "manifest.json").relative_to(state).as_posix()]
    kinds = {path.relative_to(state).parts[2] for path in (store).iterdir()}
    assert kinds >= {"records", "versions", "labels", "seg", "scores", "uploads", "begun", DETAILS}

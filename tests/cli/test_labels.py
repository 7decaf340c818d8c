"""`acsnet labels` over the versions of a studies folder."""

import re

import nibabel as nib
import numpy as np
import pytest
from typer.testing import CliRunner

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.cli.main import app
from acsnet.server.state.paths import VERSIONS, store_folder

runner = CliRunner()


@pytest.fixture
def studies(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


@pytest.fixture
def save(studies, tmp_path):
    store = VersionStore(store_folder(studies) / VERSIONS)

    def save(author, values):
        sent = tmp_path / "sent.nii.gz"
        data = np.array(values, np.uint8).reshape(-1, 1, 1)
        nib.save(nib.Nifti1Image(data, np.eye(4)), sent)
        return store.add("case", sent, author=author, scan="x", model="shipped")

    return save


def labels(*arguments, studies):
    return runner.invoke(app, ["labels", *map(str, arguments), "--studies", str(studies)])


def test_a_version_is_listed_reviewed_and_audited(studies, save, tmp_path):
    version = save("Ana", [2, 2])
    assert re.search(rf"{version.id}\W+draft\W+Ana", labels("list", studies=studies).output)
    done = labels("review", "case", version.id, "--by", "Bob", studies=studies)
    assert (done.exit_code, done.output) == (0, f"{version.id} is reviewed by Bob\n")
    assert re.search(r"reviewed\W+Ana\W+Bob", labels("list", studies=studies).output)
    (entry,) = audit_log.read(tmp_path / "state" / "audit.jsonl")
    assert (entry["event"], entry["user"], entry["image"]) == ("review", "Bob", "case")


def test_a_second_review_is_refused_and_not_audited(studies, save, tmp_path):
    version = save("Ana", [2, 2])

    def review(by):
        return labels("review", "case", version.id, "--by", by, studies=studies)

    assert [review(by).exit_code for by in ("Bob", "Bob")] == [0, 0]
    refused = review("Ada")
    assert refused.exit_code == 2
    assert "already accepted by Bob on 20" in refused.output
    newer = save("Ana", [2, 4])
    assert labels("review", "case", newer.id, "--by", "Eve", studies=studies).exit_code == 0
    refused = review("Bob")
    assert refused.exit_code == 2
    assert "a newer label map holds" in refused.output
    lines = audit_log.read(tmp_path / "state" / "audit.jsonl")
    reviews = [(line["user"], line["version"]) for line in lines]
    assert reviews == [("Bob", version.id), ("Eve", newer.id)]


def test_agreement_of_two_people(studies, save):
    save("Ana", [2, 2, 4, 4])
    save("Bob", [2, 2, 2, 4])
    output = labels("agreement", "case", studies=studies).output
    assert re.search(r"myocardium\W+1\.000", output)
    assert re.search(r"core_scar\W+0\.667", output)
    assert "scar burden differs by +25.0 % of the myocardium" in output


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("agreement", "case"), "scan 'case' has label maps of 1 people"),
        (("review", "case", "x", "--by", "Bob"), "image 'case' has no version 'x'"),
    ],
)
def test_what_cannot_be_done_is_told(studies, save, arguments, reason):
    save("Ana", [2])
    done = labels(*arguments, studies=studies)
    assert done.exit_code == 2
    assert reason in done.output


def test_a_pacs_is_no_folder(tmp_path):
    done = labels("list", studies="http://pacs/dicom-web")
    assert done.exit_code == 2
    assert "studies must be a folder" in done.output

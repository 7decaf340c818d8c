"""What is to be chosen is told in the words of whoever chooses."""

import shutil

import packed_scans
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.cohort.case_worker import CaseWorker, CohortOptions
from acsnet.cohort.sources import FileSource
from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan
from acsnet.server.web.error_responses import add_error_handlers

pytestmark = pytest.mark.slow


@pytest.fixture
def two_images(samples, tmp_path):
    """A folder with a magnitude and a phase-sensitive image of each slice."""
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    return packed_scans.magnitude_and_phase_sensitive(datasets, tmp_path / "both")


@pytest.fixture
def two_series(samples, tmp_path):
    """A folder with two series that may be the scan."""
    for name in ("phantom-1", "phantom-2"):
        shutil.copytree(samples / "dicom" / name, tmp_path / "two" / name)
    return tmp_path / "two"


def printed(*words):
    """What a command prints that refuses its input."""
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 2, done.output
    return " ".join(done.output.split())


def in_cohort(folder, out):
    worker = CaseWorker(output=out, options=CohortOptions(), device="cpu", threads=1)
    return worker.work(FileSource(case="a", path=folder)).reason


def by_server(folder):
    site = FastAPI()
    add_error_handlers(site)
    site.get("/scan")(lambda: read_scan(folder).name)
    return TestClient(site).get("/scan").json()["detail"]


def test_images_of_a_slice_are_chosen_as_each_can(two_images, samples, tmp_path):
    plain = samples / "dicom" / "phantom-1"
    with pytest.raises(GeometryError, match=r"choose one with --phase N, N from 1 to 2$"):
        read_scan(two_images)
    out = "--output", tmp_path / "out"
    assert printed("segment", two_images, *out).count("--phase N, N from 1 to 2") == 1
    assert "--phase-before N, N from 1 to 2" in printed("compare", two_images, plain, *out)
    assert "--phase-after N, N from 1 to 2" in printed("compare", plain, two_images, *out)
    reason = in_cohort(two_images, tmp_path / "out")
    assert reason.endswith("choose one by the column phase of a CSV table, N from 1 to 2")
    answer = by_server(two_images)
    assert "as a case of its own, by the option phase of the model (N from 1 to 2)," in answer
    (tmp_path / "images").mkdir()
    two_images.rename(tmp_path / "images" / "phantom-1")
    words = "--stress", "--images", tmp_path / "images", "--labels", samples / "truth"
    refused = printed("evaluate", *words, "--truth", "acsnet", "--cases", "phantom-1")
    assert refused.endswith("put the images of one of them into a folder of their own")
    assert not any("--phase N" in text for text in (reason, answer, refused))


def test_series_are_chosen_as_each_can(two_series, samples, tmp_path):
    plain = samples / "dicom" / "phantom-1"
    with pytest.raises(InputError, match=r"choose one with --series UID \(or its number\): 1"):
        read_scan(two_series)
    with pytest.raises(InputError, match=r"no series '99'; choose with --series from 1"):
        read_scan(two_series, series="99")
    out = "--output", tmp_path / "out"
    assert "--series-before UID (or its number): 1" in printed("compare", two_series, plain, *out)
    unknown = printed("compare", plain, two_series, *out, "--series-after", "99")
    assert "no series '99'; choose with --series-after from 1" in unknown
    reason = in_cohort(two_series, tmp_path / "out")
    assert "choose one by the column series of a CSV table (UID or number): 1" in reason
    assert "put one of them into a folder of its own: 1" in by_server(two_series)

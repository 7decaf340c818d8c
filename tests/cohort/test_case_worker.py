import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from acsnet.cohort import case_worker
from acsnet.cohort.case_worker import CaseWorker, CohortOptions
from acsnet.cohort.sources import FileSource
from acsnet.errors import DeviceError, OutputFullError, WeightsError
from acsnet.export import write_result


@pytest.fixture(scope="module")
def worked(tmp_path_factory, write_scan):
    """A folder with one case that is done, and its scan."""
    folder = tmp_path_factory.mktemp("worked")
    source = FileSource(case="a", path=write_scan(folder))
    assert worker(folder / "out").work(source).computed
    return folder


@pytest.fixture
def done(worked, tmp_path):
    """A copy of the same; the scan lies where it lay."""
    shutil.copytree(worked / "out", tmp_path / "out")
    shutil.copy(worked / "scan-1.nii.gz", tmp_path)
    return tmp_path


@pytest.fixture
def computed(monkeypatch):
    """Counts scans, and spares the time of the networks."""
    seen = []

    class Quick:
        def __call__(self, scan):
            seen.append(scan)
            return scan

    def write(result, output):
        (Path(output) / result.name).mkdir(exist_ok=True)
        for name in ("segmentation.nii.gz", "features.json"):
            (Path(output) / result.name / name).write_text("{}")

    monkeypatch.setattr(case_worker.Pipeline, "load", lambda **_: Quick())
    monkeypatch.setattr(case_worker, "write_result", write)
    return seen


def worker(output, **settings):
    return CaseWorker(
        output=output,
        options=CohortOptions(**settings),
        device="cpu",
        threads=torch.get_num_threads(),
    )


def again(folder, **settings):
    source = FileSource(case="a", path=folder / "scan-1.nii.gz")
    return worker(folder / "out", **settings).work(source)


def test_a_done_case_is_passed_over_without_loading_networks(done, monkeypatch):
    monkeypatch.setattr(case_worker.Pipeline, "load", None)
    outcome = again(done)
    assert (outcome.computed, outcome.reason) == (False, None)


def test_the_case_has_the_name_of_the_list(worked):
    features = json.loads((worked / "out" / "a" / "features.json").read_text())
    assert features["case"] == "a"


def test_another_content_is_done_again(done, computed, write_scan):
    shutil.move(write_scan(done / "new", seed=2), done / "scan-1.nii.gz")
    assert again(done).computed
    assert not again(done).computed
    assert len(computed) == 1


@pytest.mark.parametrize(
    "settings", [{"scar_method": "half_max"}, {"smooth_walls": True}, {"ignore_window": True}]
)
def test_other_settings_are_done_again(done, computed, settings):
    assert again(done, **settings).computed
    assert not again(done, **settings).computed


def test_other_software_or_weights_are_done_again(done, computed, monkeypatch):
    file = done / "out" / "a" / "cohort.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "software": "0.0.1"}))
    assert again(done).computed
    assert not again(done).computed
    monkeypatch.setattr(case_worker, "read_manifest", lambda: {"roi": {"sha256": "other"}})
    assert again(done).computed
    assert not again(done).computed


@pytest.mark.parametrize("gone", ["cohort.json", "features.json", "segmentation.nii.gz"])
def test_a_case_without_all_its_files_is_done_again(done, computed, gone):
    (done / "out" / "a" / gone).unlink()
    assert again(done).computed


def test_a_case_with_a_damaged_file_is_done_again(done, computed):
    (done / "out" / "a" / "features.json").write_text("{")
    assert again(done).computed


def test_results_of_a_content_that_is_gone_are_removed(done):
    (done / "scan-1.nii.gz").write_text("broken")
    (done / "out" / "a" / "features.csv").write_text("of the same result")
    assert again(done).reason
    assert list((done / "out" / "a").iterdir()) == []


def test_a_label_map_that_was_changed_since_is_neither_passed_over_nor_lost(done, computed):
    drawn = done / "out" / "a" / "segmentation.nii.gz"
    drawn.write_bytes(drawn.read_bytes() + b"corrected")
    files = {file.name: file.read_bytes() for file in drawn.parent.iterdir()}
    for settings in ({}, {"scar_method": "half_max"}):
        assert again(done, **settings).reason == (
            f"{drawn} was changed since it was written, or two commands wrote it at once: measure "
            "it with `acsnet quantify` into another folder, then move it away"
        )
    assert {file.name: file.read_bytes() for file in drawn.parent.iterdir()} == files
    drawn.rename(done / "drawn.nii.gz")
    assert again(done).computed


def test_measures_of_a_label_map_that_somebody_drew_are_not_replaced(done, computed, measured):
    drawn = replace(measured, scan=replace(measured.scan, name="a"))
    folder = write_result(drawn, done / "out")  # as `acsnet quantify` does: the record goes
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    assert set(files) == {"segmentation.nii.gz", "features.json"}
    reason = f"{folder} holds measures of a label map that somebody drew: move it away"
    assert again(done).reason == reason
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == files
    folder.rename(done / "drawn")
    assert again(done).computed


def test_a_label_map_that_was_changed_before_a_stopped_run_went_on_is_not_lost(done, computed):
    """The record is written last: a run that was killed after the result left none."""
    folder = done / "out" / "a"
    (folder / "cohort.json").unlink()
    (folder / "segmentation.nii.gz").write_bytes(b"corrected")
    assert "segmentation.nii.gz was changed since it was written" in again(done).reason
    assert (folder / "segmentation.nii.gz").read_bytes() == b"corrected"


def test_a_result_of_an_earlier_version_tells_of_no_change(done, computed):
    for name in ("cohort.json", "features.json"):
        file = done / "out" / "a" / name
        content = json.loads(file.read_text())
        assert len(content.pop("segmentation_sha256")) == 64
        file.write_text(json.dumps(content))
    (done / "out" / "a" / "segmentation.nii.gz").write_bytes(b"changed")
    assert not again(done).computed
    assert again(done, smooth_walls=True).computed


def test_a_case_that_was_stopped_while_it_was_written_is_done_again(done, computed, monkeypatch):
    def stopped(result, output):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(case_worker, "write_result", stopped)
        with pytest.raises(KeyboardInterrupt):
            again(done, scar_method="half_max")
    assert again(done).computed


def test_a_scan_that_cannot_be_read_has_the_reason(tmp_path):
    (tmp_path / "scan-1.nii.gz").write_text("no scan")
    outcome = again(tmp_path)
    assert outcome.reason.startswith("scan-1.nii.gz cannot be read as NIfTI")
    assert not (tmp_path / "out").exists()
    (tmp_path / "scan-1.nii.gz").unlink()
    assert "does not exist" in again(tmp_path).reason


@pytest.mark.parametrize("fault", [WeightsError, DeviceError])
def test_networks_that_cannot_be_used_are_no_fault_of_the_case(done, monkeypatch, fault):
    def unusable(**_):
        msg = "roi.safetensors: the checksum differs"
        raise fault(msg)

    monkeypatch.setattr(case_worker.Pipeline, "load", unusable)
    with pytest.raises(fault):
        again(done, smooth_walls=True)
    assert (done / "out" / "a" / "segmentation.nii.gz").is_file()  # the result of before


def test_a_full_disk_ends_the_run_and_is_no_fault_of_the_case(done, computed, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(case_worker, "write_result", full)
    with pytest.raises(
        OutputFullError, match="full: free some space, then run the same command again"
    ):
        again(done, smooth_walls=True)

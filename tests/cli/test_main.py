import errno
import json
import os
import shutil
import subprocess
import sys
from contextlib import suppress

import nibabel as nib
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from acsnet import __version__
from acsnet.cli.common import Commands
from acsnet.cli.main import app
from acsnet.export import write_result

pytestmark = pytest.mark.slow

runner = CliRunner()
NUMBERS = (
    "lv_volume_ml",
    "myocardium_volume_ml",
    "enhancement_volume_ml",
    "core_scar_volume_ml",
    "grey_zone_volume_ml",
    "scar_burden_percent",
    "myocardium_mass_g",
)


@pytest.fixture(scope="module")
def segmented(samples, tmp_path_factory):
    """Both patients, a DICOM folder among them, and one file that is no scan, in one call."""
    folder = tmp_path_factory.mktemp("cli")
    broken = folder / "broken.nii.gz"
    broken.write_bytes(b"not a scan")
    inputs = [samples / "nifti" / "phantom-1.nii.gz", broken, samples / "dicom" / "phantom-2"]
    output = folder / "out"
    result = runner.invoke(app, ["segment", *map(str, inputs), "--output", str(output)])
    return result, output


def test_one_bad_input_does_not_stop_the_others_and_exits_with_2(segmented):
    result, output = segmented
    assert result.exit_code == 2
    assert "broken.nii.gz" in result.output
    assert sorted(p.name for p in output.iterdir()) == ["phantom-1", "phantom-2"]


@pytest.mark.parametrize(
    ("command", "write"),
    [
        ("segment", "acsnet.export.write_result"),
        ("figure", "acsnet.report.anatomy_figure.write_anatomy_figure"),
    ],
)
def test_a_full_disk_ends_the_run_and_is_no_fault_of_the_input(
    samples, tmp_path, monkeypatch, command, write
):
    tries = []

    def full(*_, **__):
        tries.append(command)
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "a" / "x"))

    monkeypatch.setattr(write, full)
    inputs = [str(samples / "nifti" / f"phantom-{number}.nii.gz") for number in (1, 2)]
    result = runner.invoke(app, [command, *inputs, "--output", str(tmp_path)])
    said = f"error: {tmp_path} is full: free some space, then run the same command again\n"
    assert (result.exit_code, tries) == (2, [command])
    assert result.stderr.endswith(said)
    assert "refused" not in result.stderr


def test_an_error_of_the_system_is_a_sentence_with_the_file():
    commands = typer.Typer(cls=Commands)

    @commands.callback(invoke_without_command=True)
    def fail():
        raise IsADirectoryError(errno.EISDIR, "Is a directory", "/srv/a")

    result = runner.invoke(commands)
    assert (result.exit_code, result.stderr) == (2, "error: /srv/a: Is a directory\n")


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [
        ("cohort", "requests", "'.[cohort]'"),  # dicom has it, too, but no ray
        ("models", "filelock", "'.[server]'"),  # cohort has it, too, but no mlflow
        ("push", "requests", "'.[dicom]'"),
        ("segment", "torch", "'.[train]'"),
    ],
)
def test_a_missing_package_names_an_extra_that_is_enough(command, package, extra):
    commands = typer.Typer(cls=Commands)
    commands.callback()(lambda: None)

    @commands.command(name=command)
    def fail():
        raise ModuleNotFoundError(name=package)

    result = runner.invoke(commands, [command])
    said = f"this needs the package {package}, which is not installed: run pip install {extra} in "
    assert (result.exit_code, result.stderr) == (2, f"error: {said}the project's folder\n")


def test_the_segmentation_lies_on_the_inputs_grid(segmented, samples):
    _, output = segmented
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    mask = nib.load(output / "phantom-1" / "segmentation.nii.gz")
    assert mask.shape == image.shape
    assert mask.get_data_dtype() == np.uint8
    np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4)
    assert set(np.unique(np.asarray(mask.dataobj))) <= {0, 1, 2, 3, 4, 5}


def test_features_hold_every_promised_number(segmented):
    _, output = segmented
    for case in ("phantom-1", "phantom-2"):
        features = json.loads((output / case / "features.json").read_text())
        for name in NUMBERS:
            assert features[name] > 0, name
        assert isinstance(features["warnings"], list)
        assert "Not a medical device" in features["notice"]


def test_nothing_half_written_is_left(segmented):
    _, output = segmented
    names = {path.name for path in output.rglob("*") if path.is_file()}
    assert names == {"segmentation.nii.gz", "features.json"}


@pytest.mark.parametrize("command", ["segment", "compare"])
def test_a_changed_label_map_is_refused_before_anything_is_computed(
    samples, measured, tmp_path, monkeypatch, command
):
    scan = str(samples / "nifti" / "phantom-1.nii.gz")
    inputs, output = (
        ([scan], tmp_path) if command == "segment" else ([scan] * 2, tmp_path / "after")
    )
    file = write_result(measured, output) / "segmentation.nii.gz"
    file.write_bytes(b"corrected")
    computed = []
    monkeypatch.setattr("acsnet.pipeline.Pipeline.load", lambda **_: computed.append)
    result = runner.invoke(app, [command, *inputs, "--output", str(tmp_path)])
    said = "was changed since it was written, or two commands wrote it at once: measure it with"
    assert said in " ".join(result.output.split())
    assert (result.exit_code, computed, file.read_bytes()) == (2, [], b"corrected")


def test_inputs_of_one_name_are_told_apart_by_their_folders(samples, tmp_path):
    scan = samples / "nifti" / "phantom-1.nii.gz"
    for patient in ("one", "two"):
        (tmp_path / patient).mkdir()
        shutil.copy(scan, tmp_path / patient / "lge.nii.gz")
    output = tmp_path / "out"
    inputs = [str(tmp_path / patient) for patient in ("one", "two")]
    result = runner.invoke(app, ["segment", *inputs, "--output", str(output)])
    assert result.exit_code == 0
    assert {folder.name for folder in output.iterdir()} == {"one_lge", "two_lge"}


def test_a_terminal_is_told_at_once_what_takes_the_time(samples, tmp_path):
    screen, terminal = os.openpty()
    scan = samples / "nifti" / "phantom-1.nii.gz"
    code = "from acsnet.cli.main import main; main()"
    command = [sys.executable, "-c", code, "segment", scan, "--output", tmp_path]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)
    shown = b""
    with suppress(OSError), open(screen, "rb", buffering=0) as screen_of_terminal:  # noqa: PTH123
        while part := screen_of_terminal.read(4096):
            shown += part
    assert started.wait(timeout=300) == 0
    assert shown.index(b"loading the networks") < shown.index(b"phantom-1.nii.gz")


def test_one_input_named_twice_is_not_segmented_twice(samples, tmp_path):
    scan = str(samples / "nifti" / "phantom-1.nii.gz")
    result = runner.invoke(app, ["segment", scan, scan, "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "a case named phantom-1 came earlier in this run" in " ".join(result.output.split())


def test_a_name_is_printed_as_it_is(tmp_path):
    done = runner.invoke(app, ["segment", "b:a:smile:.nii.gz", "--output", str(tmp_path)])
    assert done.output.count("b:a:smile:.nii.gz") == 3  # two in the reason, one on the bar


def test_evaluate_prints_the_tables(segmented, samples, tmp_path):
    _, output = segmented
    numbers = tmp_path / "numbers.json"
    result = runner.invoke(
        app,
        [
            "evaluate",
            *("--predictions", str(output), "--labels", str(samples / "truth")),
            *("--truth", "acsnet", "--json", str(numbers)),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "myocardium" in result.output
    assert json.loads(numbers.read_text())


def test_evaluate_without_a_common_case_is_refused(tmp_path, samples):
    result = runner.invoke(
        app,
        [
            "evaluate",
            *("--predictions", str(tmp_path), "--labels", str(samples / "truth")),
            *("--truth", "acsnet"),
        ],
    )
    assert result.exit_code == 2


def test_version_and_info():
    assert runner.invoke(app, ["--version"]).output.strip() == f"acsnet {__version__}"
    info = runner.invoke(app, ["info"])
    assert info.exit_code == 0
    assert "roi" in info.output
    assert "core_scar" in info.output


def test_training_without_a_split_is_refused(tmp_path):
    result = runner.invoke(
        app, ["train", "roi", "--data", str(tmp_path), "--output", str(tmp_path / "run")]
    )
    assert result.exit_code == 2
    assert "splits.json" in result.output

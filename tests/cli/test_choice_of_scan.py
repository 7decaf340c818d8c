"""`--phase` and `--series` choose what is measured; what they cannot choose is refused."""

import json
import re

import packed_scans
import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app

pytestmark = pytest.mark.slow


@pytest.fixture
def patient_1(samples):
    return packed_scans.slices(samples / "dicom" / "phantom-1")


@pytest.fixture
def phases(patient_1, tmp_path):
    """Three inversion times; the later two are 10 brighter each."""
    return packed_scans.inversion_times(patient_1, tmp_path / "phases", times_ms=(250, 300, 350))


@pytest.fixture
def two_series(patient_1, tmp_path):
    """The same stack as series number 5, and 100 brighter as number 6; their UIDs."""
    folder, uids = tmp_path / "examination", []
    for number, brighter in ((5, 0), (6, 100)):
        for index, dataset in enumerate(patient_1):
            packed_scans.new_uid(dataset)
            dataset.SeriesInstanceUID = f"1.2.3.{number}"
            dataset.SeriesNumber = number
            dtype = dataset.pixel_array.dtype
            dataset.PixelData = (dataset.pixel_array + brighter).astype(dtype).tobytes()
            packed_scans.save(dataset, folder / f"{number}-{index}.dcm")
        uids.append(f"1.2.3.{number}")
    return folder, uids


@pytest.fixture
def quantify(samples, tmp_path):
    """Measure a folder with the drawn labels: exit code, output, mean of the remote wall."""

    def quantify(folder, *options):
        labels, out = samples / "truth" / "phantom-1.nii.gz", tmp_path / "out"
        words = ["quantify", folder, labels, "--output", out, *options]
        done = CliRunner().invoke(app, [str(word) for word in words])
        (file,) = out.rglob("features.json") if done.exit_code == 0 else (None,)
        mean = None if file is None else json.loads(file.read_text())["remote"]["mean"]
        return done.exit_code, " ".join(done.output.split()), mean

    return quantify


def test_the_phase_that_is_named_is_measured(phases, quantify):
    means = [quantify(phases, "--phase", str(number))[2] for number in (1, 2, 3)]
    assert [mean - means[0] for mean in means] == pytest.approx([0, 10, 20], abs=0.5)


@pytest.mark.parametrize("options", [(), ("--phase", "0"), ("--phase", "4"), ("--phase", "-1")])
def test_a_phase_that_is_not_there_is_refused_with_what_there_is(
    phases, quantify, options, tmp_path
):
    code, output, _ = quantify(phases, *options)
    assert code == 2
    assert "3 inversion times, told apart by InversionTime (250.0, 300.0, 350.0)" in output
    assert "choose one with --phase N, N from 1 to 3" in output
    assert ("got phase" in output) == bool(options)
    assert not (tmp_path / "out").exists()


def test_a_phase_that_is_no_number_is_refused(phases, quantify):
    code, output, _ = quantify(phases, "--phase", "late")
    assert code == 2
    assert re.search("phase.*integer", output)


def test_a_phase_of_a_plain_stack_must_be_its_only_one(samples, quantify):
    folder = samples / "dicom" / "phantom-1"
    assert quantify(folder, "--phase", "1")[2] == quantify(folder)[2]
    code, output, _ = quantify(folder, "--phase", "2")
    assert code == 2
    assert "phase must be 1, got 2: there is one image at each slice position" in output


def test_a_series_is_chosen_by_its_number_or_uid(two_series, quantify):
    folder, uids = two_series
    means = [quantify(folder, "--series", name)[2] for name in ("5", "6", *uids)]
    assert [mean - means[0] for mean in means] == pytest.approx([0, 100, 0, 100], abs=0.5)


def test_without_a_series_all_are_listed(two_series, quantify):
    folder, uids = two_series
    code, output, _ = quantify(folder)
    assert code == 2
    assert "holds 2 MR series; choose one with --series UID (or its number)" in output
    assert all(f"{uid} (number" in output for uid in uids)


@pytest.mark.parametrize("name", ["7", "1.2.3", "", "lge", "5.0"])
def test_a_series_that_is_not_there_is_refused_with_what_there_is(two_series, quantify, name):
    folder, uids = two_series
    code, output, _ = quantify(folder, "--series", name)
    assert code == 2
    assert f"has no series {name!r}; choose with --series from" in output
    assert all(uid in output for uid in uids)


def test_series_that_hold_the_same_places_are_several_images_of_each(two_series, quantify):
    folder, _ = two_series
    code, output, _ = quantify(folder, "--series", "5", "--series", "6")
    assert code == 2
    assert "2 images at each of 8 slice positions" in output
    assert "2 series, told apart by SeriesNumber (5, 6); choose one with --phase N" in output


def test_parts_that_are_named_are_joined(patient_1, tmp_path, quantify):
    """Halves of one stack, called differently, so that nothing tells that they belong together."""
    for index, dataset in enumerate(patient_1):
        number = 5 + (index >= 4)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number}", number
        dataset.SeriesDescription = ("LGE apex", "LGE base")[index >= 4]
    folder = packed_scans.write(tmp_path / "halves", patient_1)
    for options in (("--series", "5", "--series", "6"), ("--series", "5, 6")):
        code, output, mean = quantify(folder, *options)
        assert (code, mean is None) == (0, False), output


def test_the_options_are_for_dicom_folders(samples, quantify):
    code, output, _ = quantify(samples / "nifti" / "phantom-1.nii.gz", "--phase", "2")
    assert code == 2
    assert re.search(r"phase and series are for DICOM folders, phantom-1.nii.gz is a file", output)


def test_segment_takes_them_too(phases, samples, tmp_path, pipeline, monkeypatch):
    monkeypatch.setattr("acsnet.pipeline.Pipeline.load", lambda **_: pipeline)

    def segment(folder, out, *options):
        words = ["segment", str(folder), "--output", str(tmp_path / out), *options]
        done = CliRunner().invoke(app, words)
        burdens = [
            json.loads(file.read_text())["scar_burden_percent"]
            for file in (tmp_path / out).rglob("features.json")
        ]
        return done.exit_code, burdens

    plain = segment(samples / "dicom" / "phantom-1", "plain")
    assert plain[0] == 0
    assert segment(phases, "first", "--phase", "1") == plain
    assert segment(phases, "fourth", "--phase", "4") == (2, [])
    assert segment(phases, "other", "--series", "99", "--phase", "1") == (2, [])

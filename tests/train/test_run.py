"""From a data folder to verified weights: the whole room, small."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from acsnet.cli import app
from acsnet.errors import InputError, WeightsError
from acsnet.nets.resunet import ResUNet, ResUNetConfig
from acsnet.nets.weights import load_network, read_manifest
from acsnet.stages.myocardium import EnhancementCleanup
from acsnet.train import build as build_module
from acsnet.train import run as run_module
from acsnet.train.build import build, load
from acsnet.train.recipes import RECIPES
from acsnet.train.run import run_training


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(build_module, "PHANTOMS", 1)
    monkeypatch.setattr(build_module, "VARIANTS", 2)
    tiny = {
        name: replace(
            recipe,
            net=ResUNetConfig(base_filters=2, inputs=recipe.net.inputs, outputs=recipe.net.outputs),
            epochs=1,
            images_an_epoch=6,
            batch=3,
        )
        for name, recipe in RECIPES.items()
    }
    monkeypatch.setattr(run_module, "RECIPES", tiny)


def test_samples_come_back_as_built_from_the_train_lists_only(data, tmp_path, console):
    paths = build(data, tmp_path / "samples", console=console)
    roi, myo = load(paths["roi"]), load(paths["myo"])
    # Two variants of three slices each: two LGE patients, one cine patient; then the phantom.
    assert np.bincount(roi.source)[:2].tolist() == [12, 6]
    assert np.bincount(roi.patient)[:3].tolist() == [6, 6, 6]
    assert roi.images.shape[1] == 1
    assert myo.images.shape[1] == 2
    for samples in (roi, myo):
        assert samples.images.dtype == samples.tissue.dtype == np.uint8
        assert len(samples.images) == len(samples.tissue) == len(samples.patient)
    stamps = [path.stat().st_mtime_ns for path in paths.values()]
    assert build(data, tmp_path / "samples", console=console) == paths
    assert [path.stat().st_mtime_ns for path in paths.values()] == stamps

    again = build(data, tmp_path / "held out", hold_out=frozenset({"Case_P001"}), console=console)
    held = load(again["roi"])
    assert np.bincount(held.source)[:2].tolist() == [6, 6]
    # The first variant keeps its signal: the other patient's slices are the same as before.
    np.testing.assert_array_equal(held.images[:3], roi.images[6:9])


@pytest.mark.parametrize("other", [{"seed": 1}, {"hold_out": frozenset({"Case_P001"})}])
def test_samples_of_other_cases_or_another_seed_are_not_taken(data, tmp_path, console, other):
    folder = tmp_path / "samples"
    build(data, folder, console=console)
    with pytest.raises(InputError, match="other cases or another seed: use another folder"):
        build(data, folder, console=console, **other)


def test_a_run_writes_weights_that_are_verified_when_loaded(data, tmp_path, console):
    for name in ("roi", "myo"):
        folder = run_training(
            name, data=data, output=tmp_path / "run", seed=0, device="cpu", console=console
        )
    assert folder == tmp_path / "run" / "weights"
    manifest = read_manifest(folder)
    assert set(manifest) == {"roi", "myo"}
    EnhancementCleanup(**manifest["myo"]["cleanup"])
    assert "cleanup" not in manifest["roi"]
    assert manifest["roi"]["recipe"]["epochs"] == 1
    assert "research" in manifest["roi"]["trained_on"]
    network = load_network("roi", ResUNet, folder=folder)
    state = torch.load(tmp_path / "run" / "roi" / "checkpoint.pt", weights_only=True)
    for key, value in network.named_parameters():
        assert torch.equal(value, state["average"][key].half().float())

    path = folder / "roi.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"roi\.safetensors: the checksum differs"):
        load_network("roi", ResUNet, folder=folder)
    load_network("myo", ResUNet, folder=folder)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("splits.json", r"splits\.json with the patient-level train lists is missing"),
        (
            "acdc/images/patient001_frame01.nii.gz",
            r"acdc/images/patient001_frame01\.nii\.gz: .* is not there",
        ),
    ],
)
def test_a_data_folder_that_lacks_a_file_is_refused_before_training(
    data, tmp_path, console, missing, message
):
    (data / missing).unlink()
    with pytest.raises(InputError, match=message):
        run_training(
            "roi", data=data, output=tmp_path / "run", seed=0, device="cpu", console=console
        )
    assert not (tmp_path / "run").exists()


def test_the_command_says_in_one_sentence_what_is_missing(tmp_path):
    result = CliRunner().invoke(
        app, ["train", "roi", "--data", str(tmp_path), "--output", str(tmp_path / "run")]
    )
    assert result.exit_code == 2
    assert "splits.json" in result.output
    assert "Traceback" not in result.output

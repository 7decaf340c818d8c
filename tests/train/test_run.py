"""From a data folder to verified weights: the whole room, small."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.prior import Prior, load_prior
from acsnet.cli import app
from acsnet.errors import InputError, WeightsError
from acsnet.nets.autoencoder import Autoencoder, scores_of
from acsnet.nets.resunet import ResUNet
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
            net=replace(recipe.net, base_filters=2),
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


def test_the_autoencoder_comes_with_the_prior_of_its_walls(data, tmp_path, console, monkeypatch):
    seen = {}

    def build_prior(codes, scale_mm, *, decode, limits, seed, progress):
        seen.update(codes=codes, scale_mm=scale_mm, scores=decode(codes[:2]))
        progress(3)
        return Prior(
            codes=codes,
            scale_mm=scale_mm,
            experts=len(codes),
            gap=1.0,
            acceptance=0.5,
            seed=seed,
            limits=limits,
        )

    monkeypatch.setattr(run_module, "build_prior", build_prior)
    folder = run_training(
        "autoencoder", data=data, output=tmp_path / "run", seed=2, device="cpu", console=console
    )
    network = load_network("autoencoder", Autoencoder, folder=folder)
    prior = load_prior(read_limits(), folder=folder)
    # Three patients of three slices each; codes and scores are those of the weights as written.
    assert seen["codes"].shape == (9, 16)
    assert seen["scale_mm"].shape == (9,)
    np.testing.assert_allclose(seen["scores"], scores_of(network, seen["codes"][:2]), atol=1e-5)
    np.testing.assert_array_equal(prior.codes, seen["codes"])
    assert prior.seed == 2
    assert "research" in read_manifest(folder)["prior"]["trained_on"]


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

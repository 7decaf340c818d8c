"""From a data folder to verified weights: the whole room, small."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from mlflow import MlflowClient
from quick_prior import quick_prior
from rich.console import Console
from typer.testing import CliRunner

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import load_prior
from acsnet.cli.main import app
from acsnet.errors import InputError, WeightsError
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import NETWORKS, load_network, random_network, save_network
from acsnet.nets.weights import SHIPPED, read_manifest, read_weights
from acsnet.stages.myocardium import EnhancementCleanup
from acsnet.train import latent_prior as latent_module
from acsnet.train import run as run_module
from acsnet.train.recipes import RECIPES
from acsnet.train.run import adapted, run_training
from acsnet.train.samples.prepare import SampleMix, build, load
from acsnet.train.samples.slices import SOURCES

pytestmark = pytest.mark.slow

MIX = SampleMix(phantoms=1, variants=dict.fromkeys(SOURCES, 2))
TINY = {
    name: replace(
        recipe,
        net=replace(recipe.net, base_filters=2),
        epochs=1,
        images_an_epoch=6,
        batch=3,
    )
    for name, recipe in RECIPES.items()
}


build_few = partial(build, mix=MIX)


@pytest.fixture(scope="session")
def built(data_to_build, tmp_path_factory):
    """The folder of the samples of seed 0."""
    folder = tmp_path_factory.mktemp("built") / "samples"
    build_few(data_to_build, folder, console=Console(quiet=True))
    return folder


@pytest.fixture
def seen(monkeypatch):
    """What the prior was fitted to; the fit itself takes minutes, and a network that is trained."""
    seen = {"fits": 0}

    def build_prior(codes, scale_mm, *, decode, limits, seed, progress):
        seen.update(codes=codes, scale_mm=scale_mm, scores=decode(codes[:2]))
        seen["fits"] += 1
        progress(3)
        return quick_prior(
            codes, scale_mm, decode=decode, limits=limits, seed=seed, progress=progress
        )

    monkeypatch.setattr(latent_module, "build_prior", build_prior)
    return seen


@pytest.fixture
def run(data, tracked_folder, built, console):
    """Train into the run folder, with other options where they are given."""
    shutil.copytree(built, tracked_folder / "samples")

    def start(what, **changed):
        options = {"data": data, "output": tracked_folder, "seed": 0, "device": "cpu"}
        options |= {"recipes": TINY, "mix": MIX}
        return run_training(what, **(options | changed), console=console)

    return start


def command(data, output, *options):
    result = CliRunner().invoke(
        app, ["train", "roi", "--data", str(data), "--output", str(output), *options]
    )
    assert "Traceback" not in result.output
    return result


def test_samples_come_back_as_built_from_the_train_lists_only(data, built, console):
    paths = {name: built / f"{name}.npz" for name in ("roi", "myo")}
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
    assert build_few(data, built, console=console) == paths
    assert [path.stat().st_mtime_ns for path in paths.values()] == stamps


@pytest.mark.parametrize(("listed", "seed"), [(["Case_P001", "Case_P002"], 1), (["Case_P002"], 0)])
def test_samples_of_other_cases_or_another_seed_are_not_taken(data, built, console, listed, seed):
    splits = json.loads((data / "splits.json").read_text())
    splits["emidec"]["train"] = listed
    (data / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(
        InputError, match="of other data, another mix of variants or another seed: use"
    ):
        build_few(data, built, seed=seed, console=console)


def test_a_run_writes_weights_that_are_verified_when_loaded(run, tracked_folder):
    for name in ("roi", "myo"):
        folder = run(name)
    assert folder == tracked_folder / "weights"
    manifest = read_manifest(folder)
    assert set(manifest) == {"roi", "myo"}
    EnhancementCleanup(**manifest["myo"]["cleanup"])
    assert "cleanup" not in manifest["roi"]
    assert manifest["roi"]["recipe"]["epochs"] == 1
    assert "research" in manifest["roi"]["trained_on"]
    for name in ("roi", "myo"):
        assert read_weights(name, ResUNetConfig, folder=folder).ranges
    network = load_network("roi", ResUNet, folder=folder)
    state = torch.load(tracked_folder / "roi" / "checkpoint.pt", weights_only=True)
    for key, value in network.named_parameters():
        assert torch.equal(value, state["average"][key].half().float())

    path = folder / "roi.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"roi\.safetensors: the checksum differs"):
        load_network("roi", ResUNet, folder=folder)
    load_network("myo", ResUNet, folder=folder)


def test_all_networks_come_into_one_folder_and_are_not_trained_again(run, tracked_folder, seen):
    folder = run("all", epochs=2)
    for name, kind in NETWORKS.items():
        load_network(name, kind, folder=folder)
    load_prior(read_limits(), folder=folder)
    fingerprints = set()
    for name in NETWORKS:
        about = json.loads((tracked_folder / name / "run.json").read_text())
        assert about["seed"] == 0
        assert about["finished"] >= about["starts"][0]["at"]
        assert about["sha256"] == read_manifest(folder)[name]["sha256"]
        fingerprints |= {about["data_fingerprint"], read_manifest(folder)[name]["data_fingerprint"]}
        rows = (tracked_folder / name / "history.csv").read_text().split()
        assert rows[0] == "epoch,loss,learning_rate,seconds"
        assert [row[0] for row in rows[1:]] == ["1", "2"]
        assert json.loads((tracked_folder / name / "recipe.json").read_text())["epochs"] == 2
    assert len(fingerprints) == 1

    client = MlflowClient(f"sqlite:///{tracked_folder / 'mlflow.db'}")
    versions = {v.name: v for v in client.search_model_versions()}
    assert set(versions) == {f"acsnet-{name}" for name in (*NETWORKS, "prior")}
    tracked = client.get_run(versions["acsnet-myo"].run_id)
    assert tracked.data.tags["data_fingerprint"] in fingerprints
    assert tracked.data.params["epochs"] == "2"
    assert [m.step for m in client.get_metric_history(tracked.info.run_id, "loss")] == [1, 2]

    before = {p: p.stat().st_mtime_ns for p in tracked_folder.rglob("*") if p.is_file()}
    run("all", epochs=2)
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert seen["fits"] == 1


def test_weights_that_were_lost_are_written_again_without_training(run, tracked_folder):
    folder = run("roi")
    content = (folder / "roi.safetensors").read_bytes()
    history = (tracked_folder / "roi" / "history.csv").read_text()
    (folder / "roi.safetensors").unlink()
    run("roi")
    assert (folder / "roi.safetensors").read_bytes() == content
    assert (tracked_folder / "roi" / "history.csv").read_text() == history
    client = MlflowClient(f"sqlite:///{tracked_folder / 'mlflow.db'}")
    assert len(client.search_model_versions("name = 'acsnet-roi'")) == 1


def test_the_autoencoder_comes_with_the_prior_of_its_walls(run, seen):
    folder = run("autoencoder", seed=2)
    network = load_network("autoencoder", Autoencoder, folder=folder)
    prior = load_prior(read_limits(), folder=folder)
    # Three patients of three slices each; codes and scores are those of the weights as written.
    assert seen["codes"].shape == (9, 16)
    assert seen["scale_mm"].shape == (9,)
    np.testing.assert_allclose(seen["scores"], network.scores(seen["codes"][:2]), atol=1e-5)
    np.testing.assert_array_equal(prior.codes, seen["codes"])
    assert prior.seed == 2
    assert "research" in read_manifest(folder)["prior"]["trained_on"]

    own = read_manifest(folder)["autoencoder"]
    run("prior", seed=3)
    assert load_prior(read_limits(), folder=folder).seed == 3
    assert read_manifest(folder)["autoencoder"] == own


def test_the_prior_of_a_run_without_autoencoder_is_that_of_the_shipped_one(run, seen):
    folder = run("prior")
    assert set(read_manifest(folder)) == {"autoencoder", "prior"}
    assert read_manifest(folder)["autoencoder"] == read_manifest()["autoencoder"]
    load_network("autoencoder", Autoencoder, folder=folder)
    load_prior(read_limits(), folder=folder)


def test_a_run_goes_on_from_the_networks_of_a_folder(run, tracked_folder, tmp_path):
    shutil.copytree(run("roi"), tmp_path / "before")
    before = load_network("roi", ResUNet, folder=tmp_path / "before")
    shutil.rmtree(tracked_folder / "roi")
    shutil.rmtree(tracked_folder / "weights")
    folder = run("roi", init=tmp_path / "before")
    recipe = json.loads((tracked_folder / "roi" / "recipe.json").read_text())
    assert recipe["start"] == read_manifest(tmp_path / "before")["roi"]["sha256"]
    assert recipe["learning_rate"] == pytest.approx(RECIPES["roi"].learning_rate / 3)
    after = load_network("roi", ResUNet, folder=folder)
    # Two steps at a small rate: near where it began, which random weights would not be.
    for (key, old), new in zip(before.named_parameters(), after.parameters(), strict=True):
        assert (old - new).abs().max() < 0.01, key
    # The statistics of its batch norm go on, too.
    statistics = [
        not torch.equal(old, new)
        for old, new in zip(before.buffers(), after.buffers(), strict=True)
        if old.is_floating_point()
    ]
    assert all(statistics)


def test_a_run_that_began_with_other_networks_is_not_gone_on_with(
    run, tracked_folder, tmp_path, monkeypatch
):
    for seed, name in enumerate("AB"):
        torch.manual_seed(seed)
        network = random_network(TINY["autoencoder"].net)
        save_network(network, "autoencoder", folder=tmp_path / name, about={})
    monkeypatch.setitem(run_module.STEPS, "autoencoder", ("autoencoder",))  # the prior takes long
    run("autoencoder", init=tmp_path / "A")
    run("autoencoder", init=tmp_path / "A")
    with pytest.raises(InputError, match=r"run/autoencoder holds .* other settings \(start\)"):
        run("autoencoder", init=tmp_path / "B")


def test_a_network_that_is_not_that_of_the_recipe_is_not_gone_on_from(run, tmp_path):
    with pytest.raises(InputError, match=r"roi is built as .*base_filters=12.* recipe trains"):
        run("roi", init=SHIPPED)
    with pytest.raises(WeightsError, match="missing or broken"):
        run("roi", init=tmp_path)


def test_cine_can_weigh_more_or_be_left_out():
    at = SOURCES.index("cine")
    heavy = adapted(RECIPES["myo"], epochs=None, cine_weight=0.8)
    assert heavy.weight[at] == 0.8
    assert heavy.share == RECIPES["myo"].share
    none = adapted(RECIPES["myo"], epochs=7, cine_weight=0.0)
    assert none.epochs == 7
    assert none.weight[at] == none.share[at] == 0.0
    assert none.share[0] == RECIPES["myo"].share[0]
    walls = RECIPES["autoencoder"]
    assert adapted(walls, epochs=None, cine_weight=0.0) == walls


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused(weight):
    with pytest.raises(InputError, match="weight of cine must be a number from 0 up, got"):
        adapted(RECIPES["roi"], epochs=None, cine_weight=weight)


@pytest.mark.parametrize(
    ("what", "option"),
    [("prior", {"epochs": 2}), ("prior", {"init": SHIPPED}), ("autoencoder", {"cine_weight": 0.5})],
)
def test_a_setting_that_it_has_not_is_refused(run, what, option):
    with pytest.raises(InputError, match=f"{what} has no such setting"):
        run(what, **option)


def test_a_run_does_not_go_on_with_other_data_or_settings(run, data, tracked_folder):
    run("roi")
    with pytest.raises(InputError, match=r"run/roi holds a run with other settings \(weight\)"):
        run("roi", cine_weight=0.7)
    with (data / "emidec" / "images" / "Case_P002.nii.gz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=r"the image of emidec/Case_P002 changed"):
        run("roi")
    with pytest.raises(InputError, match=r"samples holds samples of other data"):
        run("myo")


def test_no_prior_of_other_data_is_fitted_to_the_autoencoder_of_a_run(
    run, data, tracked_folder, monkeypatch, seen
):
    monkeypatch.setitem(run_module.STEPS, "autoencoder", ("autoencoder",))
    run("autoencoder")
    with (data / "emidec" / "labels" / "Case_P002.nii.gz").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(InputError, match=r"run/autoencoder holds .* emidec/Case_P002 changed"):
        run("prior")
    assert seen["fits"] == 0


def test_a_patient_in_both_lists_is_refused_before_anything_is_written(data, tmp_path):
    splits = json.loads((data / "splits.json").read_text())
    splits["acdc"]["test"] = ["patient001_frame12"]
    (data / "splits.json").write_text(json.dumps(splits))
    result = command(data, tmp_path / "new")
    assert result.exit_code == 2
    assert "patient001 of 'acdc' is in the train and in the test list" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("splits.json", r"splits\.json with the patient-level train lists is missing"),
        (
            "acdc/images/patient001_frame01.nii.gz",
            r"acdc/images/patient001_frame01\.nii\.gz: .* does not exist",
        ),
    ],
)
def test_a_data_folder_that_lacks_a_file_is_refused_before_training(
    run, data, tmp_path, missing, message
):
    (data / missing).unlink()
    with pytest.raises(InputError, match=message):
        run("roi", output=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_says_in_one_sentence_what_is_missing(tmp_path):
    result = command(tmp_path, tmp_path / "run")
    assert result.exit_code == 2
    assert "splits.json" in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(data, tmp_path):
    result = command(data, tmp_path / "new", "--device", "cuda")
    assert result.exit_code == 2
    assert "torch finds no GPU here: use --device cpu" in result.output
    assert not (tmp_path / "new").exists()


def test_an_output_that_cannot_be_written_is_refused(data, tmp_path):
    (tmp_path / "file").touch()
    result = command(data, tmp_path / "file" / "run")
    assert result.exit_code == 2
    assert "Not a directory" in result.output


@pytest.mark.parametrize("option", [("--epochs", "0"), ("--cine-weight", "-1"), ("--seed", "-1")])
def test_numbers_out_of_range_are_refused(data, tmp_path, option):
    assert command(data, tmp_path / "new", *option).exit_code == 2

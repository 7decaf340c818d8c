import importlib.util
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from acsnet.errors import InputError
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import random_network
from acsnet.nets.views import AS_IT_IS
from acsnet.train.data.lists import cases_of
from acsnet.train.loop import draw
from acsnet.train.losses import PrintedLoss
from acsnet.train.recipes import MYOCARDIUM
from acsnet.train.samples.prepare import USUAL_MIX, SampleMix
from acsnet.train.samples.slices import SOURCES, Samples, stack_neighbours
from training import ablation_arms
from training.ablation_arms import (
    ARMS,
    BASE,
    LEFT_OUT,
    OwnSlice,
    cine_as_it_came,
    folds,
    probabilities,
)

from ..train.conftest import write_data

pytestmark = pytest.mark.slow

SMALL = ResUNetConfig(base_filters=2, inputs=6, outputs=2, depth=2)


def samples_of(counts=(8, 12, 4)):
    """Each source is one case of four variants."""
    n = sum(counts)
    return Samples(
        images=np.zeros((n, 2, 4, 4), np.uint8),
        tissue=np.zeros((n, 4, 4), np.uint8),
        source=np.repeat(np.arange(3, dtype=np.uint8), counts),
        patient=np.repeat(np.arange(3, dtype=np.int32), counts),
        neighbours=stack_neighbours([c // 4 for c in counts for _ in range(4)]),
    )


def changed_fields(arm):
    before, after = vars(MYOCARDIUM), vars(ARMS[arm].recipe(MYOCARDIUM))
    return {key for key in before if before[key] != after[key]}


@pytest.mark.parametrize(
    ("arm", "fields"),
    [
        (BASE, set()),
        ("one-view", set()),
        ("raw-cine", set()),
        ("printed-loss", {"loss"}),
        ("no-lge-like", {"share", "weight"}),
        ("no-phantoms", {"share", "weight"}),
        ("no-neighbours", {"net"}),
        ("small-windows", {"make_batch"}),
        ("no-inversion-times", set()),
        ("no-new-scars", set()),
    ],
)
def test_an_arm_changes_one_thing_of_the_shipped_recipe(arm, fields):
    assert changed_fields(arm) == fields


def test_arms_that_leave_a_kind_of_variant_out_make_samples_without_it():
    usual = asdict(USUAL_MIX)
    changed = {arm: asdict(ARMS[arm].mix(USUAL_MIX)) for arm in ARMS}
    assert changed.pop("no-inversion-times") == usual | {"inversion_time_share": 0.0}
    none = {"lge": 0.0, "cine": 0.0, "phantom": 0.0}
    assert changed.pop("no-new-scars") == usual | {"new_scar_share": none}
    assert all(mix == usual for mix in changed.values())
    own = {"no-inversion-times", "no-new-scars"}
    assert not any(ARMS[arm].trained_as_base for arm in own)


def test_small_windows_are_smaller_than_the_window_of_use():
    images, tissue = torch.zeros(1, 6, 192, 192), torch.ones(1, 192, 192)
    batch = ARMS["small-windows"].recipe(MYOCARDIUM).make_batch
    inputs, target = batch(images, tissue, torch.Generator().manual_seed(0))
    assert inputs.shape[-2:] == target.shape[-2:] == (96, 96)


def test_measures_at_other_inversion_times_are_means_over_both(data, monkeypatch):
    (case,) = cases_of(data, "emidec", ["Case_P001"])
    burdens = iter([2.0, None, 7.0])  # at 15 and 85 % of blood, then as it came
    seen = []

    def measured(network, changed, *, views):
        above_black = changed.scan.pixels - changed.scan.pixels.min()
        wall, pool = (np.median(above_black[changed.tissue == value]) for value in (2, 1))
        seen.append(wall / pool)
        burden = next(burdens)
        return dict.fromkeys(ablation_arms.AT_OTHER_TIMES, burden) | {"wall_dice": 0.1 * len(seen)}

    monkeypatch.setattr(ablation_arms, "measured", measured)
    case.scan.pixels[case.tissue == 1] += 0.01  # some pixel of all is brighter than blood
    case.scan.pixels.flat[0] = case.scan.pixels.max() + 1.0
    measures = ablation_arms.measured_both_ways(Bright(SMALL), case, views=AS_IT_IS)
    assert seen[:2] == pytest.approx([0.15, 0.85], abs=0.02)
    assert measures["wall_dice"] == pytest.approx(0.3)
    assert measures["wall_dice_other_times"] == pytest.approx(0.15)
    assert measures["burden_bias_points"] == 7.0
    assert measures["burden_bias_other_times"] == 2.0


def test_the_printed_loss_has_the_papers_beta():
    assert ARMS["printed-loss"].recipe(MYOCARDIUM).loss == PrintedLoss(beta=0.4)


def test_a_source_that_is_taken_out_leaves_its_share_to_the_others():
    recipe = replace(MYOCARDIUM, share=(0.6, 0.3, 0.1), weight=(1.0, 0.5, 0.5))
    recipe = replace(recipe, images_an_epoch=700)
    for arm, expected in (("no-lge-like", [600, 0, 100]), ("no-phantoms", [467, 233, 0])):
        changed = ARMS[arm].recipe(recipe)
        drawn = draw(samples_of(), changed, np.random.default_rng(0))
        assert np.bincount(samples_of().source[drawn], minlength=3).tolist() == expected
        assert [w == 0.0 for w in changed.weight] == [count == 0 for count in expected]


def test_cine_as_it_came_is_the_first_variant_of_each_cine_case():
    kept = cine_as_it_came(samples_of())
    assert kept.source.tolist() == [0] * 8 + [1] * 3 + [LEFT_OUT] * 9 + [2] * 4
    drawn = draw(kept, MYOCARDIUM, np.random.default_rng(0))
    assert set(drawn) <= {*range(11), *range(20, 24)}


def test_without_neighbours_other_slices_change_nothing():
    recipe = ARMS["no-neighbours"].recipe(replace(MYOCARDIUM, net=SMALL))
    network = random_network(recipe.net).eval()
    assert isinstance(network, OwnSlice)
    assert network.down[0].body[0].in_channels == 2
    x = torch.rand(1, 6, 16, 16)
    other = torch.cat([x[:, :2], torch.rand(1, 4, 16, 16)], dim=1)
    assert torch.equal(network(x), network(other))
    assert not torch.equal(network(x), network(other.flip(1)))
    assert asdict(recipe.net) == asdict(SMALL) | {"inputs": 2}


def test_folds_hold_each_patient_once_and_the_same_share_of_normals():
    names = [f"Case_N{k:03}" for k in range(8)] + [f"Case_P{k:03}" for k in range(12)]
    parts = folds(names, 4)
    assert sorted(name for part in parts for name in part) == names
    assert [sum("_N" in name for name in part) for part in parts] == [2, 2, 2, 2]
    assert [len(part) for part in parts] == [5, 5, 5, 5]
    assert folds(names, 4) == parts


class Bright(ResUNet):
    """Draws wall and enhancement wherever there is signal."""

    def forward(self, x):
        return torch.where(x[:, :2] > 0, 10.0, -10.0)


def test_probabilities_are_on_the_scans_grid_round_the_experts_ventricle(data):
    (case,) = cases_of(data, "emidec", ["Case_P001"])
    case.tissue[0] = 0
    seen = probabilities(Bright(SMALL), case, views=AS_IT_IS)
    assert seen.shape == (2, *case.tissue.shape)
    assert seen[0][case.tissue > 0].min() > 0.9
    # The ventricle reaches 14 pixels of 2 mm from the middle, the square 14 of 1.25 mm further.
    assert seen[:, 2, 32, 32 + 14 + 7].min() > 0.9
    assert seen[:, 2, 32, 32 + 14 + 11].max() < 0.1
    assert seen[:, 0].max() == 0.0


@pytest.fixture
def data(tmp_path):
    return write_data(tmp_path / "data")


@pytest.fixture(scope="module")
def benchmark():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "ablation.py"
    spec = importlib.util.spec_from_file_location("ablation_benchmark", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TINY = replace(
    MYOCARDIUM,
    net=replace(MYOCARDIUM.net, base_filters=2),
    epochs=1,
    images_an_epoch=4,
    batch=4,
)
FEW = SampleMix(phantoms=0, variants=dict.fromkeys(SOURCES, 2))


def test_the_benchmark_measures_each_patient_once_and_goes_on_where_it_was_stopped(
    benchmark, data, tmp_path, monkeypatch
):
    output, arms = tmp_path / "run", ["base", "one-view"]
    run = partial(benchmark.run, data, output, arms=arms, count=2, mix=FEW)
    trained, asked = benchmark.trained, []

    def stopped(arm, base, samples, folder, console, start=None):
        asked.append((folder.name, arm))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return trained(arm, base, samples, folder, console, start)

    monkeypatch.setattr(benchmark, "trained", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(base=TINY)
    done = (output / "fold-1" / "one-view.json").stat().st_mtime_ns
    run(base=TINY)
    jobs = [
        ("fold-1", "base"),
        ("fold-1", "one-view"),
        ("fold-2", "base"),
        ("fold-2", "one-view"),
    ]
    assert asked == [*jobs[:3], *jobs[2:]]
    assert (output / "fold-1" / "one-view.json").stat().st_mtime_ns == done
    # It is of the base's network: nothing is trained for them.
    assert not (output / "fold-1" / "one-view").exists()
    content = json.loads((output / "samples" / "content.json").read_text())
    assert content["emidec"] == ["Case_P001", "Case_P002"]
    measured = [json.loads((output / f"fold-{k}" / "base.json").read_text()).keys() for k in (1, 2)]
    assert sorted(name for fold in measured for name in fold) == content["emidec"]

    report = json.loads((output / "ablation.json").read_text())
    assert report["patients"].keys() == set(arms)
    assert report["patients"]["base"].keys() == {"Case_P001", "Case_P002"}
    assert {change["verdict"] for change in report["changes"]["one-view"]} == {"too few patients"}
    lines = (output / "ablation.md").read_text().splitlines()
    assert lines[0].startswith("| arm | measure | patients | mean | difference |")
    assert lines[2].startswith("| base | wall Dice | 2 | ")
    assert "Research use only, not a medical device." in lines

    with pytest.raises(InputError, match="other folds or another recipe: use another folder"):
        run(base=replace(TINY, epochs=2))


def test_an_arm_with_other_variants_is_trained_on_samples_of_its_own(benchmark, data, tmp_path):
    output, arms = tmp_path / "run", ["base", "no-new-scars"]
    benchmark.run(data, output, arms=arms, count=2, base=TINY, mix=FEW)
    shares = [
        json.loads((output / folder / "content.json").read_text())["new_scar_share"]
        for folder in ("samples", "samples-no-new-scars")
    ]
    assert shares == [{"lge": 0.35, "cine": 0.2, "phantom": 0.0}, dict.fromkeys(SOURCES, 0.0)]
    report = (output / "ablation.md").read_text()
    assert "| no-new-scars | wall Dice, other inversion times | 2 | " in report


def test_folds_start_from_what_all_may_see_and_leave_their_patients_out(
    benchmark, data, tmp_path, monkeypatch
):
    output, seen = tmp_path / "run", {}
    train = benchmark.train

    def watched(recipe, samples, folder, *, start=None, **options):
        drawn = draw(samples, replace(recipe, images_an_epoch=200), np.random.default_rng(0))
        seen[folder.parent.name] = set(samples.patient[drawn].tolist()), start
        return train(recipe, samples, folder, start=start, **options)

    monkeypatch.setattr(benchmark, "train", watched)
    benchmark.run(data, output, arms=["base"], count=2, base=TINY, shared_epochs=1, mix=FEW)
    emidec, cine = {0, 1}, {2}
    assert seen["shared"] == (cine, None)
    for fold in ("fold-1", "fold-2"):
        patients, start = seen[fold]
        held_out = json.loads((output / fold / "base.json").read_text()).keys()
        (left,) = (int(name[-1]) - 1 for name in held_out)
        assert patients == (emidec | cine) - {left}
        assert start is not None
    assert seen["fold-1"][1].sha256 == seen["fold-2"][1].sha256


def test_the_base_is_always_there_and_an_unknown_arm_is_named(benchmark):
    assert benchmark.arm_names("one-view,printed-loss") == ["base", "printed-loss", "one-view"]
    with pytest.raises(benchmark.argparse.ArgumentTypeError, match="no arm flop; there are base,"):
        benchmark.arm_names("base,flop")

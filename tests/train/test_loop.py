import csv
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from acsnet.errors import AcsnetError, InputError
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.torch_weights import random_network
from acsnet.train.checkpoint import State
from acsnet.train.loop import Recipe, Start, average_decay, draw, rate, train
from acsnet.train.losses import PrintedLoss, SeparateLoss
from acsnet.train.recipes import RECIPES, myocardium_batch, roi_batch, shuffled_neighbours
from acsnet.train.samples.slices import SAMPLE_SIDE, Samples, stack_neighbours


def tiny_batch(images, tissue, generator):
    noise = 0.05 * torch.randn(images.shape, generator=generator)
    return images / 255.0 + noise, (tissue > 0)[:, None].float()


TINY = Recipe(
    name="tiny",
    net=ResUNetConfig(base_filters=2, outputs=1, depth=2),
    loss=PrintedLoss(beta=0.6),
    make_batch=tiny_batch,
    epochs=2,
    images_an_epoch=24,
    batch=8,
)


def synthetic(counts=(12, 6, 4), side=16):
    n = sum(counts)
    tissue = np.zeros((n, side, side), np.uint8)
    for k in range(n):
        tissue[k, 2 + k % 5 : 10 + k % 5, 4:12] = 1
    noise = np.random.default_rng(0).integers(0, 60, (n, 1, side, side))
    return Samples(
        images=(tissue[:, None] * 150 + noise).astype(np.uint8),
        tissue=tissue,
        source=np.repeat(np.arange(3, dtype=np.uint8), counts),
        patient=np.arange(n, dtype=np.int32),
        neighbours=stack_neighbours(counts),
    )


def weights(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert torch.equal(a[key], b[key]), key


def test_each_source_has_its_share_whatever_its_size():
    samples = synthetic(counts=(3, 200, 10))
    recipe = Recipe(**{**vars(TINY), "images_an_epoch": 1000, "share": (0.5, 0.3, 0.2)})
    drawn = draw(samples, recipe, np.random.default_rng(0))
    assert np.bincount(samples.source[drawn]).tolist() == [500, 300, 200]
    assert not (np.diff(samples.source[drawn].astype(int)) >= 0).all()  # mixed


def test_a_source_that_is_not_there_leaves_its_share_to_the_others():
    samples = synthetic(counts=(3, 20, 0))
    recipe = Recipe(**{**vars(TINY), "images_an_epoch": 800, "share": (0.5, 0.3, 0.2)})
    drawn = draw(samples, recipe, np.random.default_rng(0))
    assert np.bincount(samples.source[drawn]).tolist() == [500, 300]


def test_the_rate_rises_from_nothing_and_falls_to_nothing():
    steps = np.linspace(0.0, 1.0, 301)
    rates = np.array([rate(TINY, float(p)) for p in steps])
    assert rates[0] == 0.0
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
    assert rates.max() == pytest.approx(TINY.learning_rate, rel=0.01)
    top = int(rates.argmax())
    assert steps[top] == pytest.approx(1 / 30, abs=0.01)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()


@pytest.mark.parametrize(
    ("step", "decay"), [(0, 1 / 10), (8, 9 / 18), (1790, 1791 / 1800), (1791, 0.995), (9000, 0.995)]
)
def test_the_average_of_weights_begins_short_after_a_fresh_start(step, decay):
    assert average_decay(TINY, step=step, fresh=True) == pytest.approx(decay)
    assert average_decay(TINY, step=step, fresh=False) == 0.995


@pytest.mark.parametrize(("fresh", "share"), [(True, (0.75, 0.955)), (False, (0.005, 0.01))])
def test_random_weights_leave_the_average_at_once_and_a_network_gone_on_from_slowly(
    tmp_path, console, fresh, share
):
    # Of three steps the first has no rate. The others move the weights by a and b, and the average
    # by 1 - 2/11 * 3/12 of a and 9/12 of b after a fresh start; else by 1 - 0.995^2 and 0.005.
    recipe = replace(TINY, epochs=1)
    torch.manual_seed(0)
    before = random_network(TINY.net)
    start = None if fresh else Start(network=before, sha256="0" * 64)
    average = train(recipe, synthetic(), tmp_path, console=console, start=start)
    last = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["net"]
    key = next(name for name, _ in before.named_parameters())
    first = before.state_dict()[key]
    moved = (average.state_dict()[key] - first).norm() / (last[key] - first).norm()
    assert share[0] < float(moved) < share[1]


def test_the_same_seed_gives_the_same_weights_to_the_bit(tmp_path, console):
    runs = [train(TINY, synthetic(), tmp_path / n, seed=3, console=console) for n in "ab"]
    assert_same(*map(weights, runs))
    assert_same(*(torch.load(tmp_path / n / "checkpoint.pt")["net"] for n in "ab"))


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, console):
    samples = synthetic()
    straight = weights(train(TINY, samples, tmp_path / "straight", seed=3, console=console))

    calls = 0

    def interrupted(images, tissue, generator):
        nonlocal calls
        calls += 1
        if calls == 5:  # three batches an epoch: in the second
            raise KeyboardInterrupt
        return tiny_batch(images, tissue, generator)

    folder = tmp_path / "resumed"
    stopping = Recipe(**{**vars(TINY), "make_batch": interrupted})
    with pytest.raises(KeyboardInterrupt):
        train(stopping, samples, folder, seed=3, console=console)
    torch.manual_seed(99)
    resumed = weights(train(TINY, samples, folder, seed=3, console=console))

    assert_same(straight, resumed)
    histories = [
        [row[:3] for row in csv.reader((tmp_path / name / "history.csv").open())]
        for name in ("straight", "resumed")
    ]
    assert [row[0] for row in histories[0]] == ["epoch", "1", "2"]
    assert histories[0] == histories[1]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_finished_run_gives_its_weights_again_without_training(tmp_path, console):
    samples = synthetic()
    first = weights(train(TINY, samples, tmp_path, console=console))
    unused = Recipe(**{**vars(TINY), "make_batch": None})
    assert_same(first, weights(train(unused, samples, tmp_path, console=console)))


@pytest.mark.parametrize(
    ("change", "seed", "named"), [({}, 4, "seed"), ({"epochs": 5}, 3, "epochs")]
)
def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path, console, change, seed, named):
    train(TINY, synthetic(), tmp_path, seed=3, console=console)
    other = Recipe(**{**vars(TINY), **change})
    with pytest.raises(InputError, match=rf"other settings \({named}\)"):
        train(other, synthetic(), tmp_path, seed=seed, console=console)
    assert json.loads((tmp_path / "recipe.json").read_text())["seed"] == 3


def test_a_loss_that_is_no_number_stops_the_run_at_the_last_good_epoch(tmp_path, console):
    calls = 0

    def broken(images, tissue, generator):
        nonlocal calls
        calls += 1
        inputs, target = tiny_batch(images, tissue, generator)
        return (inputs * float("nan") if calls == 5 else inputs), target

    with pytest.raises(AcsnetError, match="the loss of epoch 2 is nan"):
        train(
            Recipe(**{**vars(TINY), "make_batch": broken}), synthetic(), tmp_path, console=console
        )
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert [row[0] for row in state["history"]] == [1]
    assert all(torch.isfinite(value).all() for value in state["net"].values())


def test_epochs_are_told_one_after_the_other_and_again_to_a_run_that_goes_on(tmp_path, console):
    told = []

    def tell(history):
        told.append([row.epoch for row in history])

    for _ in range(2):
        train(TINY, synthetic(), tmp_path, console=console, on_epoch=tell)
    assert told == [[1], [1, 2], [1, 2]]


def test_a_damaged_checkpoint_is_refused_by_name(tmp_path, console):
    train(TINY, synthetic(), tmp_path, console=console)
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
        train(TINY, synthetic(), tmp_path, console=console)


def test_a_checkpoint_with_a_flipped_bit_or_cut_anywhere_is_refused_by_name(tmp_path, console):
    train(TINY, synthetic(), tmp_path, console=console)
    checkpoint = tmp_path / "checkpoint.pt"
    whole = checkpoint.read_bytes()
    with zipfile.ZipFile(checkpoint) as records:
        values = max(
            (records.read(name) for name in records.namelist() if "/data/" in name), key=len
        )
    flipped = bytearray(whole)
    flipped[whole.index(values) + len(values) // 2] ^= 1
    cut = [whole[: len(whole) * tenths // 10] for tenths in range(10)]
    state = State.start(random_network(TINY.net), learning_rate=1.0)
    for content in (bytes(flipped), *cut):
        checkpoint.write_bytes(content)
        with pytest.raises(InputError, match=r"checkpoint\.pt is damaged"):
            state.restore(checkpoint)
    checkpoint.write_bytes(whole)
    state.restore(checkpoint)
    assert len(state.history) == 2


def test_another_seed_gives_other_weights(tmp_path, console):
    samples = synthetic()
    one = train(TINY, samples, tmp_path / "1", seed=1, console=console)
    two = train(TINY, samples, tmp_path / "2", seed=2, console=console)
    assert not torch.equal(one.head.weight, two.head.weight)


def test_the_loss_falls_and_the_settings_are_kept(tmp_path, console):
    recipe = Recipe(**{**vars(TINY), "epochs": 8, "learning_rate": 1e-2})
    network = train(recipe, synthetic(), tmp_path, seed=5, console=console)
    with (tmp_path / "history.csv").open() as file:
        history = list(csv.DictReader(file))
    assert list(history[0]) == ["epoch", "loss", "learning_rate", "seconds"]
    # The last of three batches of the second epoch of eight: (1 + 2/3) / 8 of the way.
    assert float(history[1]["learning_rate"]) == pytest.approx(rate(recipe, 5 / 24), rel=1e-3)
    losses = [float(row["loss"]) for row in history]
    assert losses[-1] < 0.7 * losses[0]
    assert not network.training
    settings = json.loads((tmp_path / "recipe.json").read_text())
    assert settings["seed"] == 5
    assert settings["slices"] == 22
    assert settings["net"]["base_filters"] == 2
    assert "make_batch" not in settings


def test_missing_the_ventricle_costs_the_roi_more_than_drawing_too_much():
    loss = RECIPES["roi"].loss
    assert isinstance(loss, SeparateLoss)
    assert loss.fn > loss.fp


def test_neighbours_are_exchanged_and_left_out_at_random_but_the_slice_stays():
    images = torch.arange(6.0).repeat(400, 1)[:, :, None, None].expand(400, 6, 2, 2)
    shuffled = shuffled_neighbours(images, torch.Generator().manual_seed(0))[:, :, 0, 0]
    assert (shuffled[:, :2] == torch.tensor([0.0, 1.0])).all()
    below = {tuple(row) for row in shuffled[:, 2:4].tolist()}
    assert below == {(0.0, 1.0), (2.0, 3.0), (4.0, 5.0)}
    swapped = ((shuffled[:, 2] == 4) | (shuffled[:, 4] == 2)).float().mean()
    assert float(swapped) == pytest.approx(0.5, abs=0.08)
    absent = (shuffled[:, 2] == 0).float().mean()
    assert float(absent) == pytest.approx(0.1, abs=0.05)


def test_the_batches_fit_their_networks():
    side = SAMPLE_SIDE
    tissue = torch.zeros(2, side, side, dtype=torch.uint8)
    tissue[:, 70:120, 70:120] = 2
    tissue[:, 85:105, 85:105] = 1
    tissue[:, 70:80, 85:105] = 3
    generator = torch.Generator().manual_seed(0)
    inputs, target = roi_batch(torch.full((2, 3, side, side), 100.0), tissue, generator)
    assert inputs.shape == (2, 3, 176, 176)
    assert target.shape == (2, 1, 176, 176)
    # 50 x 50 pixels, each side within exp(0.25) and one of them within exp(0.12) more.
    assert ((target.sum((1, 2, 3)) > 1300) & (target.sum((1, 2, 3)) < 4800)).all()
    inputs, target = myocardium_batch(torch.full((2, 6, side, side), 100.0), tissue, generator)
    assert inputs.shape == (2, 6, 128, 128)
    assert target.shape == (2, 2, 128, 128)
    wall, enhancement = target[:, 0], target[:, 1]
    assert (wall >= enhancement).all()
    assert enhancement.sum() > 0
    assert (inputs[:, 0][wall > 0] != 0).all()
    assert float((inputs == 0).float().mean()) > 0.2

"""Whole runs on a small site. Each is done in a child process, as the server does it."""

import json
import shutil
import signal
import socket
from dataclasses import replace

import pytest
import small_site
import torch
from small_site import shuffled, small_network, small_schedule
from torch import nn
from trained_apart import (
    begun,
    ended,
    go_on_and_die,
    in_a_child,
    passes,
    perform,
    perform_and_die,
    perform_and_pass,
    take_part,
)

from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.fine_tuning import worker
from acsnet.fine_tuning.fine_tune import moved_back
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.promotion import decide
from acsnet.fine_tuning.reviewed_cases import ReadCases, read_cases
from acsnet.fine_tuning.training_request import (
    RequestedScan,
    read_request,
    run_folders,
    write_request,
)
from acsnet.fine_tuning.training_status import change_status, read_status
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.torch_weights import random_network
from acsnet.nets.weights import SHIPPED, read_weights, save_ranges

pytestmark = pytest.mark.slow

BLOCKS = ("down.0", "down.1", "down.2", "up.0")
RANGES = {
    **{f"{block}.{value}": (0.0, 1.0) for block in BLOCKS for value in ("mid", "out")},
    "up.1.mid": (0.0, 1.0),
}
"""Of a small network: the same for all values, as no training measures them."""


@pytest.fixture
def site(root, write_chain, tmp_path):
    """A models folder whose live version has small random networks."""
    models = Models(root)
    chain = write_chain(tmp_path / "chain")
    save_ranges("roi", RANGES, folder=chain)
    models.promote(models.add(chain, {}))
    return models


def request(models, cases, *, trainer="myo", epochs=2):
    live = models.aliases().live
    options = {"device": "cpu", "threads": 1, "quiet_s": 0.0, "epochs": epochs}
    return write_request(models.root, cases, trainer=trainer, base=live, **options)


def weights(models, name):
    return {f.name: f.read_bytes() for f in sorted(models.weights(name).glob("*.safetensors"))}


def ranges_of(models, version, name):
    return read_weights(name, ResUNetConfig, folder=models.weights(version)).ranges


def test_killed_in_the_middle_of_training_it_goes_on_to_the_same_candidate(
    site, write_scan, tmp_path
):
    before = site.aliases().live
    folder = request(site, [write_scan(k) for k in range(2)])
    copy = tmp_path / "copy"
    shutil.copytree(site.root, copy)

    assert in_a_child(perform_and_die, folder, 1) == signal.SIGKILL
    status = read_status(folder)
    assert status.state == "training"
    assert site.aliases().live == before
    change_status(folder, epoch=1, starts=2)  # told of the epoch, and started again
    assert in_a_child(go_on_and_die, folder) == signal.SIGKILL
    status = read_status(folder)
    assert (status.epoch, status.starts) == (1, 2)
    trained = next(case.image for case in read_request(folder).cases if not case.held)
    away = trained.rename(tmp_path / "away.nii.gz")  # its samples are there already
    assert in_a_child(perform_and_pass, folder) == 0
    away.rename(trained)
    status = read_status(folder)
    assert (status.left_out, site.record(status.candidate)["left_out"]) == ((), [])
    assert (status.state, status.epoch, status.epochs, status.promoted) == ("done", 2, 2, True)

    straight = Models(copy)
    assert in_a_child(perform_and_pass, copy / "runs" / folder.name) == 0
    assert straight.aliases() == site.aliases()
    assert weights(straight, status.candidate) == weights(site, status.candidate)

    new, old = weights(site, status.candidate), weights(site, before)
    assert {name for name in new if new[name] != old[name]} == {"myo.safetensors"}
    ranges = {name: ranges_of(site, status.candidate, name) for name in ("roi", "myo")}
    assert ranges["roi"] == ranges_of(site, before, "roi") == RANGES
    assert ranges["myo"].keys() == RANGES.keys()
    assert ranges["myo"] != RANGES
    record = site.record(status.candidate)
    assert (record["base"], record["trainer"], record["trained_scans"]) == (before, "myo", 1)
    assert record["decision"]["against"] == before
    manifest = json.loads((site.weights(status.candidate) / "manifest.json").read_text())
    assert "cleanup" in manifest["myo"]
    assert manifest["myo"]["trained_on"].endswith("fine-tuned on reviewed labels of the site")

    # The end again, as after a kill between promotion and the note that it is done.
    change_status(folder, state="measuring", ended="", promoted=False)
    site.rollback()
    assert in_a_child(perform_and_pass, folder) == 0
    assert site.aliases().live == before  # nobody's rollback is undone


def test_models_are_compared_in_the_form_that_is_served(site, monkeypatch):
    """The server loads the networks for the processor, wherever they were trained."""
    loaded = []
    monkeypatch.setattr(worker.Pipeline, "load", lambda **options: loaded.append(options))
    nobody = ReadCases(cases=(), left_out=())
    worker.compare(site, "shipped", site.aliases().live, nobody, before_each=lambda: None)
    folders = (site.weights("shipped"), site.weights(site.aliases().live))
    assert loaded == [{"weights": folder} for folder in folders]


def test_models_are_compared_on_what_people_drew_and_two_of_them_on_accepted_drafts(
    tmp_path, monkeypatch
):
    """By the weights folder and the scans of each measurement."""
    measured, told = [], []

    def measure(weights, read, *, before_each):
        measured.append((weights.parent.name, [case.name for case, _ in read.cases]))
        return {}

    def case(name, *, unchanged):
        file = tmp_path / name
        about = {"image": file, "label": file, "sha256": "", "held": True}
        return RequestedScan(name=name, patient=name, unchanged=unchanged, **about), None

    monkeypatch.setattr(worker, "measure", measure)
    cases = (case("drawn", unchanged=False), case("accepted", unchanged=True))
    read = worker.ReadCases(cases=cases, left_out=())
    models = Models(tmp_path)
    monkeypatch.setattr(
        worker, "decide", lambda *of, **options: told.append(options) or decide(*of)
    )
    decision = worker.compare(models, "live", "new", read, before_each=lambda: None)
    assert told == [{"shipped": {}, "accepted": ({}, {})}]
    shipped = SHIPPED.parent.name
    of_version = [("live", ["drawn"]), ("new", ["drawn"]), (shipped, ["drawn"])]
    assert measured == [*of_version, ("live", ["accepted"]), ("new", ["accepted"])]
    assert decision.accepted == ("accepted",)


def test_half_of_the_way_is_gone_back():
    before, trained = (nn.Linear(1, 1, bias=False) for _ in range(2))
    nn.init.constant_(before.weight, 1.0)
    nn.init.constant_(trained.weight, 3.0)
    moved = moved_back(trained, before, share=0.5)
    assert (moved.weight.item(), before.weight.item()) == (2.0, 1.0)


def test_two_processes_make_one_candidate(site, write_scan, tmp_path):
    """As `torchrun` starts them, which `tests/train/test_distributed.py` does in earnest."""
    folder = request(site, [write_scan(k) for k in range(2)], trainer="roi", epochs=1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shared = folder, tmp_path / "lock", tmp_path / "audit.jsonl"
    children = [begun(take_part, *shared, rank, port) for rank in "01"]
    assert [ended(child) for child in children] == [0, 0]
    said = "".join((tmp_path / f"said-{rank}").read_text() for rank in "01")
    assert said.count("roi: epoch 1, mean loss") == 1
    status = read_status(folder)
    assert (status.state, status.epoch, status.epochs) == ("done", 1, 1)
    assert site.names()[-1] == status.candidate
    events = audit_log.read(tmp_path / "audit.jsonl")
    assert [event["state"] for event in events if event["event"] == "train"] == ["done"]


def test_labels_are_copied_and_patients_keep_their_side(site, write_scan):
    cases = [write_scan(k) for k in range(4)]
    folder = request(site, cases)
    first = {case.name: case for case in read_request(folder).cases}
    assert sum(case.held for case in first.values()) == 1
    cases[0].label.write_bytes(b"changed")
    assert first["case0"].label.read_bytes() != b"changed"
    later = read_request(request(site, [*cases, write_scan(9)])).cases
    assert {c.name: c.held for c in later if c.name in first} == {
        name: case.held for name, case in first.items()
    }
    assert len(run_folders(site.root)) == 2
    assert "patient" not in json.dumps([case.patient for case in later])


@pytest.mark.parametrize(
    ("numbers", "options", "reason"),
    [
        ([], {}, "at least 2 patients, got 0"),
        ([1], {}, "at least 2 patients, got 1"),
        ([1, 2], {"trainer": "liver"}, "trainer must be one of roi, myo"),
        ([1, 2], {"epochs": 0}, "epochs must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_trained_leaves_nothing_behind(site, write_scan, numbers, options, reason):
    with pytest.raises(InputError, match=reason):
        request(site, [write_scan(k) for k in numbers], **options)
    assert not (site.root / "runs").exists()
    assert not (site.root / "holdout.json").exists()


def test_a_scan_that_is_gone_is_left_out_and_told(site, write_scan):
    cases = [write_scan(k) for k in range(3)]
    folder = request(site, cases)
    named = read_request(folder).cases
    cases[0].image.unlink()
    read = read_cases(named)
    assert [case.name for case, _ in read.cases] == ["case1", "case2"]
    assert read.left_out[0].startswith("case0: ")


def test_a_label_that_was_altered_is_left_out(site, write_scan):
    folder = request(site, [write_scan(k) for k in range(3)])
    named = read_request(folder).cases
    named[1].label.write_bytes(named[0].label.read_bytes())
    named[2].label.write_bytes(b"")
    read = read_cases(named)
    assert [case.name for case, _ in read.cases] == ["case0"]
    assert read.left_out == tuple(f"case{k}: the copy of its label was altered" for k in (1, 2))


def test_a_run_that_fails_once_its_model_is_live_says_that_it_is_served(
    site, write_scan, write_chain, tmp_path, monkeypatch
):
    def full(*args):
        raise OSError("No space left on device")

    folder = request(site, [write_scan(k) for k in range(2)])
    name = site.add(write_chain(tmp_path / "better", seed=1), {})
    change_status(folder, candidate=name)
    monkeypatch.setattr(worker, "compare", passes)
    monkeypatch.setattr(worker, "mirror", full)
    log = tmp_path / "audit.jsonl"
    assert worker.main(folder, tmp_path / "lock", log) == 0
    status = read_status(folder)
    assert (status.state, status.promoted, site.aliases().live) == ("done", True, name)
    assert status.detail == "served from now on; after that: No space left on device"
    assert [line["event"] for line in audit_log.read(log)] == ["promote", "train"]


def test_a_model_is_not_served_instead_of_another_than_it_was_measured_against(
    site, write_scan, write_chain, tmp_path, monkeypatch
):
    def promoted_meanwhile(*args, **options):
        site.promote("shipped")
        return passes()

    folder, before = request(site, [write_scan(k) for k in range(2)]), site.aliases().live
    name = site.add(write_chain(tmp_path / "better", seed=1), {})
    change_status(folder, candidate=name)
    monkeypatch.setattr(worker, "compare", promoted_meanwhile)
    with pytest.raises(InputError, match=f"measured against {before}, but shipped is live now"):
        perform(folder)
    status = read_status(folder)
    assert (status.state, status.promoted, status.step) == ("failed", False, "")
    assert site.aliases().live == "shipped"


def test_a_better_model_is_promoted_and_a_poisoned_one_is_not(
    root, write_scan, ring_labels, tmp_path
):
    """The shipped stage 1 finds these rings: only stage 2 has to learn."""
    torch.manual_seed(0)
    beginner = {"myo": random_network(small_network("myo").net)}
    site = Models(root)
    site.promote(site.add(small_site.write_chain(tmp_path / "chain", beginner), {}))
    schedule = replace(small_schedule(), learning_rate=1e-2)
    cases = [write_scan(k) for k in range(4)]

    folder = request(site, cases, epochs=12)
    assert in_a_child(perform, folder, schedule) == 0
    better = read_status(folder).candidate
    assert read_status(folder).promoted
    assert site.aliases().live == better
    rows = {row["measure"]: row for row in site.record(better)["decision"]["rows"]}
    assert rows["wall_dice"]["live"] < 0.4
    assert rows["wall_dice"]["candidate"] > 0.7

    held = {case.name: case.held for case in read_request(folder).cases}
    poisoned = [
        case if held[case.name] else write_scan(k, label=shuffled(ring_labels(12.0 + k)))
        for k, case in enumerate(cases)
    ]
    folder = request(site, poisoned, epochs=2)
    assert in_a_child(perform, folder, replace(schedule, images_an_epoch=32)) == 0
    status = read_status(folder)
    assert (status.state, status.promoted) == ("done", False)
    assert status.detail.startswith("worse than the margin: left ventricle Dice, myocardium Dice")
    assert site.aliases().live == better
    assert site.aliases().candidate == status.candidate
    assert not site.record(status.candidate)["decision"]["promote"]

"""A run trains on what it read at its first start, whatever becomes of the scans."""

from dataclasses import replace

import numpy as np
import pytest
from small_site import rings

from acsnet.errors import InputError
from acsnet.fine_tuning.kept_samples import keep_samples, kept_walls, trained_scans
from acsnet.fine_tuning.replay import replayed_walls, with_replay
from acsnet.fine_tuning.training_request import read_request, write_request


@pytest.fixture
def run(tmp_path, write_scan):
    """A run on four scans, of which case2 is held out."""
    root = tmp_path / "models"
    root.mkdir()
    options = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}
    cases = [write_scan(k) for k in range(4)]
    return write_request(root, cases, trainer="autoencoder", **options)


def keep(run, *, steps=("autoencoder", "prior")):
    return keep_samples(run, read_request(run).cases, steps=steps, phantoms=0, seed=0)


def test_it_goes_on_with_the_scans_of_its_first_start(run):
    cases = read_request(run).cases
    cases[3].image.unlink()
    first = keep(run)
    assert first.scans == ("case0", "case1")
    assert first.left_out == ("case3: its scan was replaced or changed after its label",)
    walls = kept_walls(run)
    assert walls.images.shape == (6, 1, 192, 192)
    assert walls.patient.tolist() == [0, 0, 0, 1, 1, 1]
    cases[0].image.unlink()
    assert keep(run) == trained_scans(run) == first
    np.testing.assert_array_equal(kept_walls(run).images, walls.images)


def test_what_was_cut_short_is_done_again(run):
    keep(run)
    (run / "samples" / "scans.json").unlink()
    read_request(run).cases[0].image.unlink()
    assert keep(run).scans == ("case1", "case3")
    assert len(kept_walls(run).images) == 6


def test_where_no_scan_can_be_read_each_is_told_with_its_reason(run):
    for case in read_request(run).cases:
        if not case.held:
            case.image.unlink()
    with pytest.raises(InputError, match=r"no scan to train on can be read: case0: its scan .*; c"):
        keep(run)
    assert not (run / "samples").exists()


def test_where_no_scan_can_be_measured_on_nothing_is_trained(run, tmp_path, write_scan):
    (held,) = [case for case in read_request(run).cases if case.held]
    held.image.unlink()
    with pytest.raises(InputError, match=r"no scan to measure on can be read: case2: its scan was"):
        keep(run)
    assert not (run / "samples").exists()
    drawn = np.where(rings(14.0) == 1, 2, rings(14.0)).astype(np.uint8)
    root = tmp_path / "other"
    root.mkdir()
    cases = [write_scan(k, label=drawn if k == 2 else None) for k in range(4)]
    cases += [replace(write_scan(5), patient="patient2", unchanged=True)]
    options = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}
    other = write_request(root, cases, trainer="autoencoder", **options)
    with pytest.raises(InputError, match=r"to measure on .*: case2: no blood pool is drawn"):
        keep(other)


def test_where_all_that_is_held_out_was_accepted_unchanged_that_is_the_reason(run):
    cases = [replace(case, unchanged=case.held) for case in read_request(run).cases]
    with pytest.raises(InputError, match=r"accepted unchanged, .* correct one of them \(case2\)"):
        keep_samples(run, cases, steps=("prior",), phantoms=0, seed=0)


def test_without_a_wall_of_some_size_among_the_labels_the_replayed_ones_are_trained_on(
    tmp_path, write_scan
):
    root = tmp_path / "models"
    root.mkdir()
    pools = [np.where(rings(12.0 + k) == 1, 1, 0).astype(np.uint8) for k in range(3)]
    for pool in pools:
        pool[0, 0] = 2  # a pixel a slice, which is no wall
    cases = [write_scan(k, label=pool) for k, pool in enumerate(pools)]
    options = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}
    run = write_request(root, cases, trainer="autoencoder", **options)
    assert keep(run).scans == ("case0", "case1")
    assert kept_walls(run).images.shape == (0, 1, 192, 192)
    samples, (replayed, _) = with_replay(kept_walls(run)), replayed_walls()
    np.testing.assert_array_equal(samples.images, replayed)
    assert samples.neighbours.tolist() == [[k, k] for k in range(len(replayed))]

import numpy as np
import pytest
import torch

from acsnet.anatomy.pose import FRAME_SIDE, RMS_PIXELS
from acsnet.errors import InputError
from acsnet.train.augment.wall_shape import (
    alignment,
    damage,
    random_distortion,
    wall_batch,
    warp_walls,
)
from acsnet.train.samples import walls
from acsnet.train.samples.walls import WALL_SIDE, wall_samples

AT = torch.arange(FRAME_SIDE) - (FRAME_SIDE - 1) / 2


def disc(radius, centre=(0.0, 0.0), side=FRAME_SIDE):
    at = torch.arange(side) - (side - 1) / 2
    distance = torch.hypot(at[:, None] - centre[0], at - centre[1])
    return (distance < radius).float()[None, None]


def moments(walls):
    wall = walls[0, 0]
    rows, columns = (wall.sum(1) * AT).sum() / wall.sum(), (wall.sum(0) * AT).sum() / wall.sum()
    square = (wall * ((AT[:, None] - rows) ** 2 + (AT - columns) ** 2)).sum() / wall.sum()
    return float(rows), float(columns), float(square.sqrt())


def test_expert_walls_come_from_the_train_lists_in_the_frame_of_the_autoencoder(data, console):
    samples = wall_samples(data, console=console)
    # Two LGE patients and one cine patient of three slices each.
    assert samples.images.shape == (9, 1, WALL_SIDE, WALL_SIDE)
    assert np.bincount(samples.source).tolist() == [6, 3]
    assert np.bincount(samples.patient).tolist() == [3, 3, 3]
    edge = (WALL_SIDE - FRAME_SIDE) // 2
    frame = torch.from_numpy(samples.images[:1, :, edge:-edge, edge:-edge].astype(np.float32))
    row, column, spread = moments(frame)
    assert abs(row) < 0.5
    assert abs(column) < 0.5
    assert abs(spread - RMS_PIXELS) < 1.0
    # The rings of the test data have radii of 10, 12 and 14 pixels.
    ratio = samples.scale_mm[:3] / samples.scale_mm[0]
    np.testing.assert_allclose(ratio, [1.0, 1.2, 1.4], rtol=0.04)


def test_patients_held_out_are_not_among_them(data, console):
    samples = wall_samples(data, hold_out=frozenset({"Case_P001"}), console=console)
    assert np.bincount(samples.source).tolist() == [3, 3]


def test_lists_without_a_wall_to_learn_from_are_refused_in_a_sentence(data, console, monkeypatch):
    monkeypatch.setattr(walls, "MIN_WALL_PIXELS", 10**6)
    with pytest.raises(InputError, match=r"splits.json: no case of the train lists has a slice"):
        wall_samples(data, console=console)


def test_alignment_brings_any_disc_to_the_middle_and_to_one_size():
    small = disc(20.0, centre=(9.0, -6.0))
    row, column, spread = moments(warp_walls(small, alignment(small)))
    assert abs(row) < 0.3
    assert abs(column) < 0.3
    assert abs(spread - RMS_PIXELS) < 0.5


def test_a_window_of_a_wider_image_keeps_its_pixels():
    wide = disc(30.0, side=WALL_SIDE)
    identity = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    torch.testing.assert_close(warp_walls(wide, identity), disc(30.0), atol=1e-5, rtol=0)


def test_shapes_are_turned_and_stretched_but_keep_their_area():
    theta = random_distortion(50, torch.Generator().manual_seed(0))
    determinants = torch.linalg.det(theta[:, :, :2])
    torch.testing.assert_close(determinants.abs(), torch.ones(50), atol=1e-4, rtol=0)
    assert (determinants > 0).any()
    assert (determinants < 0).any()
    assert (theta[:, :, 2] == 0).all()


def test_damage_changes_walls_and_leaves_masks():
    walls = disc(40.0).repeat(8, 1, 1, 1)
    damaged = damage(walls, torch.Generator().manual_seed(0))
    assert set(damaged.unique().tolist()) == {0.0, 1.0}
    assert (damaged != walls).any(dim=(1, 2, 3)).all()


def test_a_batch_asks_for_the_whole_wall_in_the_frame_of_what_is_seen():
    images = (255 * (disc(44.0, side=WALL_SIDE) - disc(28.0, side=WALL_SIDE))).repeat(16, 1, 1, 1)
    inputs, target = wall_batch(images, images[:, 0], torch.Generator().manual_seed(0))
    assert inputs.shape == target.shape == (16, 1, FRAME_SIDE, FRAME_SIDE)
    spread = [moments(one[None])[2] for one in inputs]
    np.testing.assert_allclose(spread, RMS_PIXELS, atol=1.0)
    same = ((inputs > 0.5) == (target > 0.5)).float().mean(dim=(1, 2, 3)) > 0.999
    assert 2 <= int(same.sum()) <= 14  # about half are damaged
    again, _ = wall_batch(images, images[:, 0], torch.Generator().manual_seed(0))
    assert torch.equal(inputs, again)

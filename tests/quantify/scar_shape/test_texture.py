import tracemalloc

import numpy as np
import pytest

from acsnet.quantify.scar_shape.texture import (
    entropy_bits,
    interface_mm,
    island_volumes_ml,
    measure_texture,
)


def test_islands_touch_by_corners_and_across_slices():
    scar = np.zeros((3, 8, 8), bool)
    scar[0, 0, 0] = scar[1, 1, 1] = scar[1, 1, 2] = True
    scar[2, 6, 6] = True
    assert island_volumes_ml(scar, 0.5) == (1.5, 0.5)
    assert island_volumes_ml(np.zeros_like(scar), 0.5) == ()


def test_entropy_of_equal_shares_is_their_number_in_bits():
    wall = np.arange(64.0)
    assert entropy_bits(wall, wall) == pytest.approx(6.0)
    assert entropy_bits(np.array([0.0, 0.0, 63.0, 63.0]), wall) == pytest.approx(1.0)
    assert entropy_bits(np.full(9, 5.0), wall) == 0.0
    assert entropy_bits(np.array([]), wall) is None


@pytest.mark.parametrize("odd", [-100000.0, 100000.0])
def test_one_dark_or_bright_voxel_leaves_the_entropy_as_it_was(odd):
    labels = np.full((1, 64, 4), 2, np.uint8)
    signal = np.repeat(np.arange(64.0), 4).reshape(labels.shape)  # four voxels in each of 64 bins
    signal[0, 30, 1] = odd  # is counted in the first bin, or in the last
    found = measure_texture(labels, signal, spacing_mm=(1, 1, 1), voxel_ml=1.0)
    # 62 shares of 4 / 256, one of 3 and one of 5.
    assert found.myocardium_entropy_bits == pytest.approx(
        8.0 - (62 * 4 * 2 + 3 * np.log2(3) + 5 * np.log2(5)) / 256
    )


def test_voxels_without_signal_have_no_part_in_the_entropy():
    labels = np.full((1, 64, 5), 2, np.uint8)
    labels[:, :, :2] = 4
    signal = np.repeat(np.arange(64.0), 5).reshape(labels.shape)
    measured = np.ones(labels.shape, bool)
    signal[..., 1], measured[..., 1] = -500.0, False
    found = measure_texture(labels, signal, spacing_mm=(1, 1, 1), voxel_ml=1.0, measured=measured)
    assert found.myocardium_entropy_bits == pytest.approx(6.0)
    assert found.scar_entropy_bits == pytest.approx(6.0)
    assert found.scar_island_volumes_ml == (128.0,)  # as drawn


def test_core_beside_grey_zone_has_a_border_of_its_length():
    labels = np.full((1, 12, 40), 2, np.uint8)
    labels[0, 2:6, 5:35] = 3
    labels[0, 6:10, 5:35] = 4
    # 30 columns of 2 mm; at both ends the line turns the corner of the core.
    assert interface_mm(labels, (1.0, 2.0)) == pytest.approx(60.0, abs=2.0)
    found = measure_texture(labels, np.ones(labels.shape), spacing_mm=(8, 1, 2), voxel_ml=0.016)
    assert found.core_grey_interface_cm2 == pytest.approx(60.0 * 8.0 / 100.0, abs=0.16)
    labels[labels == 3] = 2
    assert interface_mm(labels, (1.0, 2.0)) == 0.0


def test_a_round_core_in_a_round_grey_zone_has_its_circumference():
    rows, columns = np.indices((80, 80))
    radius = np.hypot(rows - 40.2, columns - 39.7)
    labels = np.where(radius < 15, 4, np.where(radius < 25, 3, 2)).astype(np.uint8)[None]
    assert interface_mm(labels, (1.0, 1.0)) == pytest.approx(2 * np.pi * 15, rel=0.06)


def test_what_is_not_known_is_none():
    labels = np.full((1, 4, 4), 2, np.uint8)
    signal = np.arange(16.0).reshape(1, 4, 4)
    found = measure_texture(labels, signal, spacing_mm=(1, 1, 1), voxel_ml=1.0)
    assert (found.scar_islands, found.scar_entropy_bits) == (0, None)
    assert found.myocardium_entropy_bits == pytest.approx(4.0)
    found = measure_texture(labels, signal, spacing_mm=(1, 1, 1), voxel_ml=1.0, core_known=False)
    assert found.core_grey_interface_cm2 is None


def test_a_small_wall_takes_little_memory_however_large_the_image():
    labels = np.zeros((4, 512, 512), np.uint8)
    labels[1:3, 200:220, 300:320], labels[1:3, 205:210, 300:306] = 2, 3
    labels[1:3, 205:210, 306:310] = 4  # 2 slices of 50 voxels of scar, with a border of 5
    signal = np.random.default_rng(0).random(labels.shape, np.float32)
    tracemalloc.start()
    found = measure_texture(labels, signal, spacing_mm=(10, 1, 1), voxel_ml=0.01)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.scar_islands == 1
    assert found.scar_island_volumes_ml == pytest.approx((1.0,))
    assert found.core_grey_interface_cm2 == pytest.approx(1.0, abs=0.1)
    assert most < 4 * labels.size  # masks alone; numbers of parts and their counts take twelve

import numpy as np
import pytest
from labelled_stack import SHAPE, case_of, labels_of

from acsnet.evaluate.robustness.intensity import (
    bias_ramp,
    bias_waves,
    dark_wall,
    gamma,
    inversion_time,
    rescaled,
    rician_noise,
    scar_level,
    signed,
)


def test_scale_offset_and_sign_are_exact(case):
    pixels = case.scan.pixels
    assert rescaled(case, scale=0.01, offset=-500.0).scan.pixels == pytest.approx(
        0.01 * pixels - 500.0
    )
    assert np.median(signed(case).scan.pixels) == 0.0
    assert signed(case).scan.pixels.min() < 0.0


def test_gamma_keeps_black_and_white_and_bends_between():
    pixels = np.full(SHAPE, 100.0, np.float32)
    pixels[:, :, :24] = -20.0
    pixels[:, :, 24:30] = 10.0  # a quarter of the way
    values = [
        np.unique(gamma(case_of(labels_of(), pixels), power=power).scan.pixels)
        for power in (0.5, 2.0)
    ]
    assert values[0] == pytest.approx([-20.0, 40.0, 100.0])
    assert values[1] == pytest.approx([-20.0, -12.5, 100.0])


@pytest.mark.parametrize("bias", [bias_ramp, bias_waves])
def test_bias_fields_reach_forty_percent_each_way_and_leave_black(bias):
    pixels = np.full(SHAPE, 100.0, np.float32)
    pixels[:, :, 0] = 0.0
    field = bias(case_of(labels_of(), pixels)).scan.pixels / 100.0
    assert not field[:, :, 0].any()
    assert (field[:, :, 1:].min(), field[:, :, 1:].max()) == pytest.approx((0.6, 1.4), abs=0.05)
    assert np.array_equal(field[0], field[5])
    assert np.abs(np.diff(field[0, :, 1:], axis=0)).max() < 0.08


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_noise_has_the_level_that_it_says(share):
    pixels = np.full(SHAPE, 700.0, np.float32)
    pixels[:, :20] = 200.0
    case = case_of(labels_of(), pixels)
    noisy = rician_noise(case, share=share).scan.pixels - 200.0
    assert noisy[:, 20:].std() == pytest.approx(500.0 * share, rel=0.03)
    # Where there is no signal the magnitude has a Rayleigh distribution.
    assert noisy[:, :20].mean() == pytest.approx(500.0 * share * np.sqrt(np.pi / 2), rel=0.03)
    assert np.array_equal(noisy, rician_noise(case, share=share).scan.pixels - 200.0)


def test_a_dark_wall_is_nearly_black():
    labels = labels_of()
    pixels = np.choose(labels, [50.0, 400.0, 150.0, 600.0]).astype(np.float32)
    changed = dark_wall(case_of(labels, pixels)).scan.pixels
    # Black goes from 50 to 140: 90 % of the way to the wall.
    assert [np.unique(changed[labels == k]).tolist() for k in range(4)] == [[0], [260], [10], [460]]


def test_at_another_inversion_time_the_wall_has_its_share_of_the_blood_and_the_rest_follows():
    labels = labels_of()
    pixels = np.choose(labels, [50.0, 350.0, 150.0, 450.0]).astype(np.float32)
    pixels[:, 0, 0] = 1050.0  # white
    changed = inversion_time(case_of(labels, pixels), wall_of_pool=0.85).scan.pixels
    # Blood stays at 350, 300 above black: 85 % of that puts the wall at 305.
    assert np.unique(changed[labels == 1]).tolist() == [350.0]
    assert changed[labels == 2] == pytest.approx(305.0)
    assert (changed.min(), changed.max()) == (50.0, 1050.0)
    # Scar was brighter than blood and darker than white, and still is.
    scar = np.unique(changed[labels == 3])
    assert len(scar) == 1
    assert 350.0 < scar[0] < 1050.0


def test_without_bright_blood_there_is_no_other_inversion_time():
    labels = labels_of()
    case = case_of(labels, np.choose(labels, [50.0, 150.0, 350.0, 450.0]).astype(np.float32))
    assert inversion_time(case, wall_of_pool=0.5) is case


def test_scar_is_moved_to_its_share_of_the_way_from_healthy_wall_to_blood():
    labels = labels_of()
    pixels = np.choose(labels, [50.0, 350.0, 150.0, 450.0]).astype(np.float32)
    changed = scar_level(case_of(labels, pixels), of_contrast=0.6).scan.pixels
    # Of the 200 between wall and blood 60 %, above the wall: 270, or 180 less than before.
    # The wall is 4 pixels thick: in its middle, away from the softened edges, all of it has gone.
    assert changed[labels == 3].min() == pytest.approx(270.0, abs=5.0)
    assert (changed[labels == 3] < 400.0).all()
    np.testing.assert_array_equal(changed[[0, 1, 2, 4, 5]], pixels[[0, 1, 2, 4, 5]])


def test_an_offset_of_the_signal_changes_nothing_in_where_scar_is_moved_to():
    labels = labels_of()
    pixels = np.choose(labels, [50.0, 350.0, 150.0, 450.0]).astype(np.float32)
    raised = np.where(labels == 0, pixels, pixels + 2000.0)
    changed = scar_level(case_of(labels, pixels), of_contrast=0.6).scan.pixels
    expected = np.where(labels == 0, changed, changed + 2000.0)
    moved = scar_level(case_of(labels, raised), of_contrast=0.6).scan.pixels
    np.testing.assert_allclose(moved, expected, atol=1e-2)


def test_a_scan_without_enhancement_has_no_scar_to_move():
    case = case_of(np.minimum(labels_of(), 2))
    assert scar_level(case, of_contrast=2.0) is case


def test_without_bright_blood_no_scar_is_moved():
    labels = labels_of()
    case = case_of(labels, np.choose(labels, [50.0, 150.0, 350.0, 450.0]).astype(np.float32))
    assert scar_level(case, of_contrast=0.6) is case

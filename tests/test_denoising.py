import numpy as np
import pytest
from skimage.restoration import denoise_tv_chambolle

from acsnet.denoising import denoised, noise_sd


@pytest.mark.parametrize("sd", [0.01, 0.1])
def test_noise_is_measured_whatever_is_drawn_and_added_in_black(sd):
    rng = np.random.default_rng(0)
    drawn = np.zeros((3, 80, 60), np.float32)
    drawn[:, 20:50, 10:40] = 0.6
    noisy = (drawn + rng.normal(0.0, sd, drawn.shape)).astype(np.float32)
    assert noise_sd(noisy) == pytest.approx(sd, rel=0.1)
    assert noise_sd(np.pad(noisy, ((0, 0), (80, 80), (60, 60)))) == pytest.approx(sd, rel=0.1)


def test_noise_is_smoothed_and_edges_stay():
    rng = np.random.default_rng(0)
    drawn = np.zeros((2, 80, 60), np.float32)
    drawn[:, 40:] = 0.6
    smooth = denoised((drawn + rng.normal(0.0, 0.1, drawn.shape)).astype(np.float32), 0.1)
    assert smooth[:, 5:30].std() < 0.03
    step = smooth[:, 41].mean() - smooth[:, 38].mean()
    assert step == pytest.approx(0.6, abs=0.06)


def test_a_drawn_picture_has_no_noise_to_smooth():
    drawn = np.zeros((2, 20, 20), np.float32)
    assert noise_sd(drawn) == 0.0
    drawn[:, 8:12] = 1.0
    assert noise_sd(drawn) == pytest.approx(0.0, abs=1e-6)
    assert denoised(drawn, 0.0) is drawn


def test_slices_of_one_value_are_left_as_they_are_and_cost_nothing():
    rng = np.random.default_rng(0)
    stack = np.zeros((5, 24, 24), np.float32)
    stack[2] = rng.random((24, 24))
    smooth = denoised(stack, 0.2)
    assert np.array_equal(smooth[2], denoised(stack[2:3], 0.2)[0])
    assert not smooth[[0, 1, 3, 4]].any()
    assert smooth[2].std() < stack[2].std()


@pytest.mark.parametrize("sd", [0.02, 0.3])
@pytest.mark.parametrize("shape", [(3, 61, 48), (1, 5, 3), (2, 1, 9)])
def test_the_result_is_that_of_scikit_image_to_the_last_bit(shape, sd):
    stack = np.random.default_rng(0).random(shape, np.float32)
    expected = denoise_tv_chambolle(stack, weight=sd, channel_axis=0)
    assert np.array_equal(denoised(stack, sd), expected)

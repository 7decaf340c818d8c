import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acsnet.nets.number_formats import STEPS, WEIGHT_STEPS, bits, rounded, with_zero_on_a_step


def test_seven_bits_of_the_fraction_remain_and_ties_go_to_even():
    # 1 + 2^-7 is the next bfloat16 after 1; half of that step is a tie, and 1 is the even one.
    assert rounded(np.float32([1.0, 1 + 2**-8, 1 + 3 * 2**-8])).tolist() == [1.0, 1.0, 1 + 2**-6]


@given(arrays(np.float32, 20, elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_the_bits_are_those_of_pytorch(values):
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy()
    np.testing.assert_array_equal(bits(values).view(np.int16), expected)


def test_a_range_is_moved_so_that_zero_is_on_a_step():
    # From -1.003 to 4.097 are 255 steps of 0.02; zero lies 50.15 of them above the lowest.
    assert with_zero_on_a_step(-1.003, 4.097) == pytest.approx((-1.0, 4.1))
    assert with_zero_on_a_step(-1.0, 4.1) == pytest.approx((-1.0, 4.1))
    assert with_zero_on_a_step(0.0, 51.0) == (0.0, 51.0)


def test_two_products_of_8_bits_fit_into_16():
    assert 2 * STEPS * WEIGHT_STEPS < 2**15

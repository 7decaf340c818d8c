import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acsnet.nets.bfloat16 import bits, rounded


def test_seven_bits_of_the_fraction_remain_and_ties_go_to_even():
    # 1 + 2^-7 is the next bfloat16 after 1; half of that step is a tie, and 1 is the even one.
    assert rounded(np.float32([1.0, 1 + 2**-8, 1 + 3 * 2**-8])).tolist() == [1.0, 1.0, 1 + 2**-6]


@given(arrays(np.float32, 20, elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_the_bits_are_those_of_pytorch(values):
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy()
    np.testing.assert_array_equal(bits(values).view(np.int16), expected)

"""Which third of the ventricle a slice belongs to."""

import numpy as np
import pytest

from acsnet.quantify.aha_segments import slice_levels


@pytest.mark.parametrize(
    ("count", "levels"),
    [
        (4, [0, 1, 1, 2]),  # middles at 1, 3, 5 and 7 eighths of the length
        (5, [0, 0, 1, 2, 2]),
        (7, [0, 0, 1, 1, 1, 2, 2]),
    ],
)
def test_the_middle_of_a_slice_decides_its_third(count, levels):
    assert slice_levels(np.ones((count, 1, 1), np.uint8)).tolist() == levels

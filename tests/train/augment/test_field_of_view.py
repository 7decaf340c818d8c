from dataclasses import replace

import numpy as np
import pytest

from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.train.augment.field_of_view import other_field_of_view
from acsnet.train.data.case import TrainingCase

SLICES, ROWS, COLUMNS = 3, 60, 40


@pytest.fixture
def case():
    """A ventricle of rows 20-29 and columns 15-22 in noise from 1 to 2; 2 mm pixels, no file order.

    Its input array is (column, row, slice), as NIfTI holds them.
    """
    pixels = 1.0 + np.random.default_rng(0).random((SLICES, ROWS, COLUMNS)).astype(np.float32)
    tissue = np.zeros(pixels.shape, np.uint8)
    tissue[:, 20:30, 15:23] = 2
    grid = InputGrid(
        shape=(COLUMNS, ROWS, SLICES), affine=np.diag([2.0, 2.0, 8.0, 1.0]), axes=(2, 1, 0)
    )
    return TrainingCase(
        scan=ShortAxisScan(name="a", pixels=pixels, grid=grid), tissue=tissue, source="lge"
    )


def test_no_field_of_view_cuts_the_ventricle_or_changes_it(case):
    inside = case.scan.pixels[case.tissue > 0]
    sizes = set()
    for seed in range(50):
        changed = other_field_of_view(case, np.random.default_rng(seed))
        np.testing.assert_array_equal(changed.scan.pixels[changed.tissue > 0], inside)
        assert changed.scan.pixels.shape == changed.tissue.shape
        assert changed.scan.grid.shape == changed.tissue.shape[::-1]
        assert changed.scan.spacing_mm == case.scan.spacing_mm
        sizes.add(changed.tissue.shape)
    assert all(slices == SLICES for slices, _, _ in sizes)
    # 6 mm are 3 pixels: at least 10 + 2 x 3 rows; at most half as many rows again on either side.
    rows = [n for _, n, _ in sizes]
    assert 16 <= min(rows) < 35
    assert 85 < max(rows) <= 120


def test_what_is_added_is_as_black_as_the_scan_gets(case):
    wider = (other_field_of_view(case, np.random.default_rng(seed)) for seed in range(50))
    grown = next(c for c in wider if c.tissue.shape[1] > ROWS and c.tissue.shape[2] > COLUMNS)
    black = case.scan.pixels.min()
    assert grown.scan.pixels.min() == black
    assert (grown.scan.pixels > black).sum() == case.scan.pixels.size - 1


def test_a_ventricle_at_the_edge_stays_whole(case):
    tissue = np.zeros_like(case.tissue)
    tissue[:, :4, -4:] = 2
    for seed in range(20):
        changed = other_field_of_view(replace(case, tissue=tissue), np.random.default_rng(seed))
        assert (changed.tissue > 0).sum() == (tissue > 0).sum()

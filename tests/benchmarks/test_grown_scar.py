"""Scar that takes more of the wall: how much, where, and with what signal."""

import numpy as np
import pytest

from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import Label
from acsnet.scan import InputGrid, ShortAxisScan
from calibration.grown_scar import with_more_scar

HEALTHY, SCARRED, BLOOD = 100.0, 400.0, 300.0


@pytest.fixture
def case():
    """Two slices with a wall from radius 12 to 18; scar of a right angle through it in the second.

    The soft edge of the scar, half as bright, lies beside it in the healthy wall.
    """
    rows, columns = np.indices((48, 48)) - 23.5
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    wall = (radius >= 12.0) & (radius < 18.0)
    scar = wall & (np.abs(angle) <= np.pi / 4)
    edge = wall & ~scar & (np.abs(angle) <= np.pi / 4 + 1.0 / 15.0)
    labels = np.zeros((2, 48, 48), np.uint8)
    labels[:, radius < 12.0] = Label.LV_BLOOD_POOL
    labels[:, wall] = Label.LV_MYOCARDIUM
    labels[1, scar] = Label.GREY_ZONE
    pixels = np.select([radius < 12.0, scar, edge, wall], [BLOOD, SCARRED, 250.0, HEALTHY])
    pixels = np.stack([np.where(scar | edge, HEALTHY, pixels), pixels]).astype(np.float32)
    grid = InputGrid(shape=(2, 48, 48), affine=np.eye(4), axes=(0, 1, 2))
    return LabelledScan(scan=ShortAxisScan(name="ring", pixels=pixels, grid=grid), labels=labels)


def test_the_scar_takes_a_third_more_of_its_own_slices(case):
    after = with_more_scar(case, by=4 / 3)
    before_scar, scar = (part.labels == Label.GREY_ZONE for part in (case, after))
    assert scar.sum() / before_scar.sum() == pytest.approx(4 / 3, abs=0.03)
    assert (scar | ~before_scar).all()
    assert (after.labels[0] == case.labels[0]).all()


def test_it_reaches_further_by_as_much_on_either_side(case):
    scar = with_more_scar(case, by=4 / 3).labels[1] == Label.GREY_ZONE
    rows, columns = np.nonzero(scar)
    angles = np.degrees(np.arctan2(rows - 23.5, columns - 23.5))
    # 90 degrees become 120: 60 on either side.
    assert angles.max() == pytest.approx(60.0, abs=3.0)
    assert angles.min() == pytest.approx(-60.0, abs=3.0)


def test_what_is_new_has_the_signal_of_the_scar_and_a_soft_edge(case):
    after = with_more_scar(case, by=4 / 3)
    new = (after.labels == Label.GREY_ZONE) & (case.labels != Label.GREY_ZONE)
    assert np.median(after.scan.pixels[new]) == SCARRED
    changed = after.scan.pixels != case.scan.pixels
    assert not changed[case.labels != Label.LV_MYOCARDIUM].any()
    beside = changed & (after.labels == Label.LV_MYOCARDIUM)
    assert set(after.scan.pixels[beside]) == {250.0}

import numpy as np
import pytest

from acsnet.anatomy.checks import check
from acsnet.interaction.nearest_walls import suggest_walls
from acsnet.labels import MYOCARDIUM, Label

MM = (1.5, 1.5)
ROWS, COLUMNS = np.indices((80, 80)) - 40
RADIUS = 1.5 * np.hypot(ROWS, COLUMNS)


def drawn():
    """Two rings with scar on the right; the second has a spur of scar on the left."""
    labels = np.zeros((2, 80, 80), np.uint8)
    labels[:, RADIUS < 32.0] = Label.LV_MYOCARDIUM
    labels[:, (RADIUS < 32.0) & (COLUMNS > 18)] = Label.CORE_SCAR
    labels[:, RADIUS <= 22.0] = Label.LV_BLOOD_POOL
    spur = (np.abs(ROWS) < 1) & (COLUMNS < -20) & (COLUMNS > -36)
    labels[1][spur] = Label.CORE_SCAR
    return labels


@pytest.fixture(scope="module")
def suggestion(pipeline):
    return suggest_walls(drawn(), MM, corrector=pipeline.corrector)


def test_what_is_possible_stays_as_drawn(suggestion):
    np.testing.assert_array_equal(suggestion.labels[0], drawn()[0])
    assert [one.index for one in suggestion.slices] == [1]


def test_what_is_not_gets_the_nearest_wall_and_is_told_what_would_change(suggestion, pipeline):
    (changed,) = suggestion.slices
    wall = np.isin(suggestion.labels[1], MYOCARDIUM)
    assert changed.near
    assert changed.failed
    assert check(wall, MM, pipeline.corrector.limits).valid
    before = np.isin(drawn()[1], MYOCARDIUM)
    assert changed.removed_mm2 == pytest.approx((before & ~wall).sum() * 2.25)
    assert changed.added_mm2 == pytest.approx((wall & ~before).sum() * 2.25)
    assert changed.removed_mm2 > 0
    scar = drawn()[1] == Label.CORE_SCAR
    assert changed.scar_removed_mm2 == pytest.approx((scar & ~wall).sum() * 2.25)
    assert 0 < changed.scar_removed_mm2 < (scar & wall).sum() * 2.25
    assert 0.9 < changed.dice < 1.0


def test_scar_stays_where_the_wall_still_is(suggestion):
    wall = np.isin(suggestion.labels[1], MYOCARDIUM)
    scar = drawn()[1] == Label.CORE_SCAR
    np.testing.assert_array_equal(suggestion.labels[1] == Label.CORE_SCAR, scar & wall)


def test_where_no_wall_is_near_nothing_is_suggested(pipeline):
    labels = np.zeros((1, 80, 80), np.uint8)
    labels[0, ::6, ::6] = Label.LV_MYOCARDIUM
    out = suggest_walls(labels, MM, corrector=pipeline.corrector)
    assert not out.slices[0].near
    np.testing.assert_array_equal(out.labels, labels)

import json
from itertools import chain

import numpy as np
import pytest

from acsnet.anatomy.checks import (
    NOT_A_RING,
    Limit,
    check,
    check_ventricle,
    limits_from_dict,
    limits_to_dict,
    read_limits,
)
from acsnet.anatomy.measures import MEASURE_NAMES, Form
from acsnet.errors import WeightsError
from acsnet.train.data.case import WALL
from acsnet.train.data.lists import cases_of

pytestmark = pytest.mark.slow


def ring(outer=26, inner=18):
    rows, columns = np.indices((80, 80)) - 39.5
    radius = np.hypot(rows, columns)
    return (radius < outer) & (radius > inner)


@pytest.fixture(scope="module")
def limits():
    return read_limits()


def test_a_plain_ring_passes_and_an_empty_slice_too(limits):
    assert check(ring(), (1.3, 1.3), limits).valid
    nothing = check(np.zeros((9, 9), bool), (1.3, 1.3), limits, closed=True)
    assert nothing.valid
    assert nothing.form is Form.EMPTY


def test_each_defect_fails_by_its_own_name(limits):
    two = ring()
    two[2:4, 2:4] = True
    assert check(two, (1.3, 1.3), limits).failures == ("objects",)

    holed = ring()
    holed[40, 61] = False
    assert check(holed, (1.3, 1.3), limits).failures == ("holes",)

    rows, columns = np.indices((80, 80)) - 39.5
    notched = ring() & ~((np.hypot(rows, columns) > 20) & (np.abs(rows) < 3) & (columns > 0))
    assert "outer_concavity_mm" in check(notched, (1.3, 1.3), limits).failures

    moved = np.roll(ring(), -14, axis=0)
    assert check(moved, (1.3, 1.3), limits).failures == ("border_pixels",)


def test_limits_are_lengths_not_pixels(limits):
    assert "outer_radius_mm" in check(ring(), (0.2, 0.2), limits).failures
    assert "thickness_max_mm" in check(ring(), (9.0, 9.0), limits).failures


def test_where_only_a_ring_will_do_caps_and_open_walls_fail(limits):
    rows, columns = np.indices((80, 80)) - 39.5
    opened = ring() & (np.abs(np.arctan2(rows, columns)) > 0.4)
    cap = np.hypot(rows, columns) < 10
    for wall, form in ((opened, Form.OPEN), (cap, Form.CAP)):
        free = check(wall, (1.3, 1.3), limits)
        assert free.valid
        assert free.form is form
        assert check(wall, (1.3, 1.3), limits, closed=True).failures == (NOT_A_RING,)
    assert check(ring(), (1.3, 1.3), limits, closed=True).valid


def test_a_ring_with_its_cavity_is_a_ventricle_and_nothing_is_one_too():
    rows, columns = np.indices((80, 80)) - 39.5
    cavity = np.hypot(rows, columns) <= 18
    assert check_ventricle(ring(), cavity) == ()
    assert check_ventricle(np.zeros((9, 9), bool), np.zeros((9, 9), bool)) == ()


def test_each_fault_of_wall_and_pool_together_has_its_name():
    def masks(text):
        drawn = np.array([list(line) for line in text.split()])
        return drawn == "w", drawn == "p"

    assert check_ventricle(*masks("ww. wpp www")) == ()
    assert check_ventricle(*masks("www wpw wwp")) == ("pool_parts",)
    assert check_ventricle(*masks("www..p www... www...")) == ("ventricle_objects",)
    assert check_ventricle(*masks("wppw w..w wwww")) == ("ventricle_holes",)
    wall, pool = masks("www wpw www")
    assert check_ventricle(wall, pool | wall) == ("pool_in_wall",)
    # A ventricle whose parts meet by a corner is one object, and blood that does is two parts.
    assert check_ventricle(*masks("ww.. ww.. ..ww ..ww")) == ()
    assert check_ventricle(*masks("wwww wpww wwpw wwww")) == ("pool_parts",)


def test_a_value_that_is_not_there_is_within_any_limit():
    assert np.nan in Limit(low=1, high=2)
    assert 1 in Limit(low=1, high=2)
    assert 2.01 not in Limit(low=1, high=2)


def test_shipped_limits_have_one_for_each_measure_in_their_order(limits):
    assert tuple(limits) == MEASURE_NAMES
    assert all(limit.low <= limit.high for limit in limits.values())
    assert limits_from_dict(limits_to_dict(limits), source="here") == limits


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.pop("holes"), "limits are missing or unknown: holes"),
        (lambda table: table.update(colour=[0, 1]), "limits are missing or unknown: colour"),
        (lambda table: table.update(holes=["a", "b"]), "must be pairs of numbers"),
        (lambda table: table.update(holes=3), "must be pairs of numbers"),
        (lambda table: table.update(holes=[1]), "must be pairs of numbers"),
        (lambda table: table.update(holes=[float("nan"), 1]), "holes must lie between .* nan to 1"),
        (lambda table: table.update(holes=[2, 1]), "holes must lie between two .* 2.0 to 1.0"),
    ],
)
def test_limits_that_are_not_whole_are_refused_by_name(tmp_path, limits, change, message):
    table = limits_to_dict(limits)
    change(table)
    path = tmp_path / "limits.json"
    path.write_text(json.dumps({"limits": table}))
    with pytest.raises(WeightsError, match=message) as error:
        read_limits(path)
    assert "limits.json" in str(error.value)


@pytest.mark.parametrize("text", [None, "", "[]", "{}"])
def test_a_missing_or_broken_file_is_refused(tmp_path, text):
    path = tmp_path / "limits.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(WeightsError, match=r"limits\.json: the limits .* are missing or broken"):
        read_limits(path)


def test_nearly_all_walls_that_experts_drew_in_other_patients_pass(data, limits):
    splits = json.loads((data / "splits.json").read_text())
    cases = chain(
        cases_of(data, "emidec", splits["emidec"]["test"]),
        cases_of(data, "acdc", splits["acdc"]["test"]),
    )
    verdicts = [
        check(wall, case.scan.spacing_mm[1:], limits).valid
        for case in cases
        for wall in case.tissue >= WALL
        if wall.any()
    ]
    assert np.mean(verdicts) >= 0.99

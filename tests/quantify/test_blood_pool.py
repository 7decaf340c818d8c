"""Pool outside the wall: it is found, and moves nothing that is counted from the pool's centre."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from acsnet.errors import AcsnetError
from acsnet.labels import Label
from acsnet.measure import measure_labels
from acsnet.quantify.blood_pool import pool_outside_wall, without_stray_pool
from acsnet.quantify.quantification import Given, quantify

pytestmark = pytest.mark.slow

# #: wall, o: pool of the ventricle, x: pool outside, .: nothing.
PICTURES = {
    "a dab away from a closed wall": """
        x.......
        ..#####.
        ..#ooo#.
        ..#####.
    """,
    "a dab that touches a closed wall from outside": """
        .#####..
        .#ooo#x.
        .#####..
        x.......
    """,
    "a pool split by papillary muscles": """
        .######.
        .#o##o#.
        .#oo.##.
        .#..o##.
        .######.
    """,
    "a pool that nothing of the wall touches": """
        #######.
        #.....#x
        #..o..#x
        #.....#.
        #######.
    """,
    "a pool in two parts beside an open wall": """
        .#####..
        .#oo#oo.
        .#oo.oo.
        .#......
        .....xx.
    """,
    "a part between an open wall and the pool": """
        ###ooooo
        #......o
        #.o....o
        ###ooooo
    """,
    "a bubble in an open wall": """
        ####....
        #o#ooo..
        ###ooo..
        ..####.x
    """,
    "a wall with a hole at a corner": """
        .####..
        .#oo#..
        .#oo#..
        .###o..
        .....o.
    """,
    "a closed wall without its pool": """
        .####.x.
        .#..#x..
        .####...
    """,
    "a wall without cavity": """
        .##...xx
        .##.....
        ........
    """,
    "no wall": """
        o..o
        ....
    """,
    "no pool": """
        .##.
        .##.
    """,
}


def drawn(picture):
    """(row, column) characters of a picture."""
    return np.array([list(line) for line in picture.split()])


def labels_of(picture):
    characters = drawn(picture)
    labels = np.zeros(characters.shape, np.uint8)
    labels[characters == "#"] = Label.LV_MYOCARDIUM
    labels[np.isin(characters, ["o", "x"])] = Label.LV_BLOOD_POOL
    return labels


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("turns", range(4))
def test_pool_outside_the_wall_is_told_from_that_of_the_ventricle(name, turns):
    labels = np.rot90(labels_of(PICTURES[name]), turns)
    outside = np.rot90(drawn(PICTURES[name]) == "x", turns)
    np.testing.assert_array_equal(pool_outside_wall(labels), outside)


def test_only_the_pool_outside_is_taken_away():
    labels = labels_of(PICTURES["a dab away from a closed wall"])[None]
    expected = labels.copy()
    expected[0, 0, 0] = Label.BACKGROUND
    np.testing.assert_array_equal(without_stray_pool(labels), expected)
    assert labels[0, 0, 0] == Label.LV_BLOOD_POOL  # what was drawn stays


@pytest.mark.parametrize("name", ["a closed wall without its pool", "a wall without cavity"])
def test_a_slice_keeps_pool_that_is_all_it_has(name):
    labels = labels_of(PICTURES[name])[None]
    assert without_stray_pool(labels) is labels


def rectangles(shape):
    """Rectangles of a label: indices of (slice, row, column) into a label map, and the label."""
    slices, rows, columns = shape

    def side(length):
        return st.tuples(st.integers(0, length - 1), st.integers(1, length // 2)).map(
            lambda span: slice(span[0], span[0] + span[1])
        )

    place = st.tuples(st.integers(0, slices - 1), side(rows), side(columns))
    labels = [Label.LV_BLOOD_POOL] * 4 + list(Label)
    return st.tuples(place, st.sampled_from(labels))


@given(st.lists(rectangles((1, 24, 24)), max_size=6), rectangles((1, 24, 24)))
def test_pool_in_one_part_is_left_as_it_is(walls, pool):
    labels = np.zeros((1, 24, 24), np.uint8)
    for place, label in walls:
        labels[place] = label if label != Label.LV_BLOOD_POOL else Label.LV_MYOCARDIUM
    labels[pool[0]] = Label.LV_BLOOD_POOL
    assert without_stray_pool(labels) is labels


@pytest.mark.parametrize(
    "place",
    [
        (slice(2, 3), slice(2, 8), slice(2, 8)),
        (slice(0, 6), slice(2, 4), slice(2, 4)),
        (slice(1, 4), slice(100, 104), slice(90, 100)),
        (slice(3, 4), slice(52, 55), slice(77, 80)),  # touches the wall, which ends at column 76
    ],
)
def test_a_dab_of_pool_moves_no_measure_but_volumes(shell, place):
    scan, labels = shell(extent_deg=90, depth=0.6)
    plain = quantify(scan, labels)
    assert not labels[place].any()
    dabbed = labels.copy()
    dabbed[place] = Label.LV_BLOOD_POOL
    found = quantify(scan, dabbed)
    assert found.insertion == plain.insertion
    assert found.insertion_point == plain.insertion_point
    assert found.segments == plain.segments
    assert found.transmurality == plain.transmurality
    assert found.pattern == plain.pattern
    np.testing.assert_array_equal(found.segment_map, plain.segment_map)
    added_ml = found.features.blood_pool_volume_ml - plain.features.blood_pool_volume_ml
    assert added_ml == pytest.approx(labels[place].size * 8.0 * 1.4 * 1.4 / 1000.0)


def test_a_given_insertion_is_seen_from_the_middle_of_the_ventricle(shell):
    scan, labels = shell(spacing_mm=(8.0, 1.0, 1.0))
    labels[3, 2:12, 2:12] = Label.LV_BLOOD_POOL
    # The pool's middle lies at row 74 - 0.3 and column 74 + 0.2: straight up is 270 degrees.
    for given_point in (
        Given(rv_insertion=(40.0, 74.2)),
        Given(rv_insertion_by_slice={4: (40.0, 74.2)}),
    ):
        insertion = quantify(scan, labels, given=given_point).insertion
        assert np.rad2deg(insertion.angle) % 360 == pytest.approx(270.0, abs=0.1)


def test_an_insertion_whose_ray_misses_the_ventricle_has_no_point(shell):
    scan, labels = shell()
    labels[3][labels[3] == Label.LV_BLOOD_POOL] = 0  # the middle one of 6 slices
    labels[3, :8, :8] = labels[3, :8, 60:68] = Label.LV_BLOOD_POOL  # their middle: 3.5, 33.5
    found = quantify(scan, labels)
    # Up and left, as in the other slices: from there out of the image.
    assert 180 < np.rad2deg(found.insertion.angle) % 360 < 270
    assert found.insertion_point is None
    shaded = scan.pixels + np.linspace(0, 1, scan.pixels.shape[2], dtype=np.float32)
    image = replace(scan, pixels=shaded)  # of many values: an image, no label map
    document = measure_labels(image, scan.grid.to_input(labels)).features_dict()
    place = document["rv_insertion"]
    assert (place["slice"], place["row"], place["column"]) == (None, None, None)
    assert place["source"] == "automatic"


SHAPE = (3, 60, 60)
CORNERS = [
    ((1, slice(0, 8), slice(0, 8)), Label.LV_BLOOD_POOL),
    ((1, slice(0, 8), slice(30, 38)), Label.LV_BLOOD_POOL),
]


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.booleans(),
    st.sets(st.integers(0, 2)),
    st.lists(rectangles(SHAPE), max_size=6),
    st.none() | st.tuples(st.integers(1, 3), st.integers(0, 59), st.integers(0, 59)),
)
@example(True, {1}, CORNERS, None)
def test_any_drawing_is_measured_or_refused(shell, on_a_heart, erased, dabs, mark):
    scan, labels = shell(spacing_mm=(10.0, 2.4, 2.4), slices=3, side=60, extent_deg=60)
    if not on_a_heart:
        labels[:] = 0
    for k in erased:
        labels[k][labels[k] == Label.LV_BLOOD_POOL] = 0
    for place, label in dabs:
        labels[place] = label
    insertion = None if mark is None else {mark[0]: mark[1:]}
    try:
        measured = measure_labels(
            scan, scan.grid.to_input(labels), given=Given(rv_insertion_by_slice=insertion)
        )
    except AcsnetError:
        return
    assert measured.features_dict()["blood_pool_volume_ml"] == pytest.approx(
        (labels == Label.LV_BLOOD_POOL).sum() * 10.0 * 2.4 * 2.4 / 1000.0
    )

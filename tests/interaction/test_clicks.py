import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.interaction.clicks import MAX_CLICKS, Click, Kind, check_clicks, holds, holds_wall
from acsnet.labels import Label

SHAPE = (2, 20, 20)


def at(row, column, kind=Kind.WALL, k=0):
    return Click(slice=k, row=row, column=column, kind=kind)


def test_of_one_pixel_the_newest_click_counts():
    clicks = [at(1, 1), at(2, 2), at(1, 1, Kind.OUTSIDE)]
    assert check_clicks(clicks, SHAPE) == (at(2, 2), at(1, 1, Kind.OUTSIDE))


@pytest.mark.parametrize("click", [at(-1, 0), at(0, 20), at(0, 0, k=2)])
def test_a_click_beside_the_image_is_refused(click):
    with pytest.raises(InputError, match="must lie in the image"):
        check_clicks([click], SHAPE)


def test_more_clicks_than_a_reader_makes_are_refused():
    many = [at(i // 40, i % 40) for i in range(MAX_CLICKS + 1)]
    with pytest.raises(InputError, match="at most 500"):
        check_clicks(many, (1, 40, 40))


def square():
    """Wall of two pixels round a pool, outlined at rows 4 and 15; the pool begins at row 6."""
    wall, pool = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    wall[4:16, 4:16] = True
    pool[6:14, 6:14] = True
    return wall & ~pool, pool


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (Kind.WALL, {4, 5, 14, 15}),
        (Kind.SCAR, {4, 5, 14, 15}),
        (Kind.CAVITY, set(range(6, 14))),
        (Kind.OUTSIDE, {*range(4), *range(16, 20)}),
        (Kind.EPICARDIUM, {3, 4, 15, 16}),
        (Kind.ENDOCARDIUM, {5, 6, 13, 14}),
    ],
)
def test_where_a_click_holds(kind, rows):
    held = {row for row in range(20) if holds_wall(at(row, 10, kind), *square())}
    assert held == rows


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Kind.SCAR, {Label.GREY_ZONE, Label.CORE_SCAR, Label.MICROVASCULAR_OBSTRUCTION}),
        (Kind.OBSTRUCTION, {Label.MICROVASCULAR_OBSTRUCTION}),
        (Kind.HEALTHY, {Label.LV_MYOCARDIUM}),
        (Kind.CAVITY, {Label.LV_BLOOD_POOL}),
        (Kind.OUTSIDE, {Label.BACKGROUND}),
    ],
)
def test_which_labels_hold_a_click(kind, values):
    labels = np.zeros((1, 1, 6), np.uint8)
    labels[0, 0] = list(Label)
    assert {value for value in Label if holds(at(0, int(value), kind), labels)} == values

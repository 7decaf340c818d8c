import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.anatomy.checks import check
from acsnet.interaction.clicks import Click, Kind, check_clicks, holds_wall
from acsnet.interaction.moved_walls import move_walls
from acsnet.interaction.radial_profile import profile_of
from acsnet.labels import MYOCARDIUM, Label
from acsnet.masks import dice

MM = (10.0, 1.5, 1.5)
SIDE = 80
ROWS, COLUMNS = np.indices((SIDE, SIDE))


def ring(outer_mm=32.0, inner_mm=22.0, centre=(40, 40)):
    radius = 1.5 * np.hypot(ROWS - centre[0], COLUMNS - centre[1])
    return (radius < outer_mm) & (radius > inner_mm), radius <= inner_mm


def stack(slices=5):
    wall, pool = ring()
    return np.stack([wall] * slices), np.stack([pool] * slices)


def click(kind, *, right_mm, down_mm=0.0, k=2):
    """A click so far from the centre of the rings, which is pixel (40, 40)."""
    return Click(
        slice=k, row=40 + round(down_mm / 1.5), column=40 + round(right_mm / 1.5), kind=kind
    )


@pytest.fixture(scope="module")
def corrector(pipeline):
    return pipeline.corrector


def move(corrector, *clicks, draft=None):
    wall, pool = stack() if draft is None else draft
    return move_walls(wall, pool, clicks, MM, corrector=corrector)


def test_without_a_click_nothing_moves(corrector):
    wall, pool = stack()
    out = move(corrector)
    np.testing.assert_array_equal(out.wall, wall)
    np.testing.assert_array_equal(out.pool, pool)


def test_a_click_that_the_draft_holds_moves_nothing(corrector):
    out = move(corrector, click(Kind.WALL, right_mm=27.0))
    assert out.held == (True,)
    np.testing.assert_array_equal(out.wall, stack()[0])


@pytest.mark.parametrize(
    ("kind", "right_mm", "border", "moves_mm"),
    [
        (Kind.WALL, 36.0, "epi_mm", 4.0),
        (Kind.OUTSIDE, 28.5, "epi_mm", -3.5),
        (Kind.WALL, 18.0, "endo_mm", -4.0),
        (Kind.CAVITY, 25.5, "endo_mm", 3.5),
        (Kind.EPICARDIUM, 37.5, "epi_mm", 5.25),
        (Kind.ENDOCARDIUM, 18.0, "endo_mm", -4.0),
    ],
)
def test_the_border_that_is_meant_goes_to_the_click(corrector, kind, right_mm, border, moves_mm):
    out = move(corrector, click(kind, right_mm=right_mm))
    assert out.held == (True,)
    before, after = (
        getattr(profile_of(w[2], p[2], MM[1:]), border)[0]
        for w, p in (stack(), (out.wall, out.pool))
    )
    assert after - before == pytest.approx(moves_mm, abs=1.6)  # a pixel


def test_far_from_the_click_the_wall_of_its_slice_moves_less(corrector):
    out = move(corrector, click(Kind.WALL, right_mm=38.0))
    before, after = (np.flatnonzero(wall[2, 40]) for wall in (stack()[0], out.wall))
    assert after[-1] - before[-1] >= 4  # pixels of 1.5 mm, on the right
    assert abs(after[0] - before[0]) <= 1


def test_one_click_moves_three_slices_and_its_own_most(corrector):
    out = move(corrector, click(Kind.WALL, right_mm=41.0))
    same = [dice(new, old) for new, old in zip(out.wall, stack()[0], strict=True)]
    assert same[0] == same[4] == 1.0
    assert same[2] < same[1] < 1.0
    assert same[2] < same[3] < 1.0


def test_the_order_of_clicks_does_not_matter(corrector):
    clicks = (
        click(Kind.WALL, right_mm=36.0),
        click(Kind.CAVITY, right_mm=-25.5),
        click(Kind.OUTSIDE, right_mm=0.0, down_mm=30.0, k=1),
    )
    first, other = move(corrector, *clicks), move(corrector, *clicks[::-1])
    np.testing.assert_array_equal(first.wall, other.wall)
    assert all(first.held)


def test_a_click_on_an_empty_slice_gives_it_the_wall_of_the_nearest(corrector):
    wall, pool = stack()
    wall[2], pool[2] = False, False
    out = move(corrector, click(Kind.WALL, right_mm=27.0), draft=(wall, pool))
    assert dice(out.wall[2], wall[1]) > 0.95
    untouched = move(corrector, click(Kind.OUTSIDE, right_mm=27.0), draft=(wall, pool))
    assert not untouched.wall[2].any()


def test_a_cavity_is_opened_in_a_cap(corrector):
    cap = 1.5 * np.hypot(ROWS - 40, COLUMNS - 40) < 14.0
    walls = np.stack([cap, ring()[0]])
    pools = np.stack([np.zeros_like(cap), ring()[1]])
    out = move(corrector, click(Kind.CAVITY, right_mm=0.0, k=0), draft=(walls, pools))
    assert out.held == (True,)
    assert out.pool[0].any()
    assert check(out.wall[0], MM[1:], corrector.limits, closed=True).valid


def test_of_contradictory_clicks_it_holds_one_and_says_which_not(corrector):
    contrary = (
        click(Kind.WALL, right_mm=36.0),
        click(Kind.OUTSIDE, right_mm=28.5),
    )
    out = move(corrector, *contrary)
    assert sorted(out.held) == [False, True]


@pytest.mark.slow
def test_of_two_clicks_in_the_pool_that_are_held_alone_one_is_held_together(corrector, measured):
    # The basal slice of phantom-1 as it was made: only shapes of experts hold either click.
    wall, pool = np.isin(measured.labels, MYOCARDIUM), measured.labels == Label.LV_BLOOD_POOL
    mm = measured.scan.spacing_mm
    clicks = [Click(slice=0, row=83 + n, column=95 - n, kind=Kind.OUTSIDE) for n in (0, 1)]
    for one in clicks:
        assert move_walls(wall, pool, [one], mm, corrector=corrector).held == (True,)
    assert any(move_walls(wall, pool, clicks, mm, corrector=corrector).held)


CORNER = (0, 0)
UNHELD = (Kind.WALL, Kind.CAVITY, Kind.SCAR, Kind.HEALTHY, Kind.EPICARDIUM, Kind.ENDOCARDIUM)


def in_corner(kind, *, k=2, at=CORNER):
    return Click(slice=k, row=at[0], column=at[1], kind=kind)


@pytest.mark.parametrize("kind", [Kind.WALL, Kind.CAVITY, Kind.EPICARDIUM])
def test_a_click_that_no_possible_wall_holds_moves_nothing_in_any_slice(corrector, kind):
    out = move(corrector, in_corner(kind))
    assert out.held == (False,)
    np.testing.assert_array_equal(out.wall, stack()[0])
    np.testing.assert_array_equal(out.pool, stack()[1])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_beside_a_click_that_is_not_held_another_does_what_it_does_alone(corrector, k):
    held = click(Kind.WALL, right_mm=38.0)
    alone = move(corrector, held)
    for clicks in ((held, in_corner(Kind.WALL, k=k)), (in_corner(Kind.WALL, k=k), held)):
        out = move(corrector, *clicks)
        assert out.held == tuple(one is held for one in clicks)
        np.testing.assert_array_equal(out.wall, alone.wall)
        np.testing.assert_array_equal(out.pool, alone.pool)


def test_an_empty_slice_stays_empty_where_no_possible_wall_holds_its_click(corrector):
    wall, pool = stack()
    wall[2], pool[2] = False, False
    out = move(corrector, in_corner(Kind.WALL), draft=(wall, pool))
    assert out.held == (False,)
    np.testing.assert_array_equal(out.wall, wall)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(UNHELD), st.integers(1, 2), st.integers(0, 5), st.integers(0, 5)),
        min_size=1,
        max_size=2,
    )
)
def test_whatever_is_clicked_nothing_moves_if_nothing_is_held(pipeline, drawn):
    clicks = check_clicks(
        [in_corner(kind, k=k, at=(row, column)) for kind, k, row, column in drawn],
        (5, SIDE, SIDE),
    )
    out = move(pipeline.corrector, *clicks)
    moved = not np.array_equal(out.wall, stack()[0]) or not np.array_equal(out.pool, stack()[1])
    assert any(out.held) or not moved


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Kind)),
            st.integers(0, 4),
            st.integers(5, SIDE - 6),
            st.integers(5, SIDE - 6),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_is_clicked_every_wall_is_possible(pipeline, drawn):
    clicks = check_clicks(
        [Click(slice=k, row=row, column=column, kind=kind) for kind, k, row, column in drawn],
        (5, SIDE, SIDE),
    )
    out = move(pipeline.corrector, *clicks)
    for wall, pool in zip(out.wall, out.pool, strict=True):
        assert check(wall, MM[1:], pipeline.corrector.limits, closed=True).valid
        assert not (wall & pool).any()
    for said, one in zip(out.held, clicks, strict=True):
        assert said == holds_wall(one, out.wall[one.slice], out.pool[one.slice])

import numpy as np
import pytest

from acsnet import read_scan
from acsnet.interaction.clicked_labels import click_labels
from acsnet.interaction.clicks import Click, Kind
from acsnet.io.label_map import read_labels
from acsnet.labels import MYOCARDIUM, Label

MM = (10.0, 1.5, 1.5)
ROWS, COLUMNS = np.indices((80, 80)) - 40
RADIUS = 1.5 * np.hypot(ROWS, COLUMNS)
RIGHT = np.abs(np.arctan2(ROWS, COLUMNS)) < np.deg2rad(40.0)


def stack():
    """Three rings whose right side is as bright as scar; the middle one has none labelled."""
    labels = np.zeros((3, 80, 80), np.uint8)
    labels[:, RADIUS < 32.0] = Label.LV_MYOCARDIUM
    labels[:, RADIUS <= 22.0] = Label.LV_BLOOD_POOL
    wall = labels == Label.LV_MYOCARDIUM
    pixels = np.full(labels.shape, 20.0, np.float32)
    pixels[wall] = 50.0
    pixels[wall & RIGHT] = 200.0
    labels[0][wall[0] & RIGHT] = labels[2][wall[2] & RIGHT] = Label.CORE_SCAR
    return pixels, labels


def on_right(kind, k, *, mm=27.0):
    return Click(slice=k, row=40, column=40 + round(mm / 1.5), kind=kind)


@pytest.fixture(scope="module")
def corrector(pipeline):
    return pipeline.corrector


def test_a_click_on_scar_labels_what_is_as_bright_near_it(corrector):
    pixels, labels = stack()
    out = click_labels(pixels, labels, [on_right(Kind.SCAR, 1)], MM, corrector=corrector)
    new = out.labels[1] == Label.CORE_SCAR
    assert out.held == (True,)
    assert out.changed == (1,)
    near = (
        (labels[1] == Label.LV_MYOCARDIUM) & RIGHT & (np.hypot(ROWS * 1.5, COLUMNS * 1.5 - 27) < 7)
    )
    assert new[near].all()
    assert not new[~RIGHT].any()


def test_a_click_on_healthy_wall_takes_the_patch_of_scar_away(corrector):
    pixels, labels = stack()
    out = click_labels(pixels, labels, [on_right(Kind.HEALTHY, 0)], MM, corrector=corrector)
    assert out.held == (True,)
    assert out.changed == (0,)
    reached = np.hypot(ROWS * 1.5, COLUMNS * 1.5 - 27.0) < 18.0  # 20 mm through the wall
    assert not (out.labels[0][reached] == Label.CORE_SCAR).any()


def patch(labels, k):
    """Pixels of scar within 8 mm of where `on_right` clicks."""
    near = np.hypot(ROWS * 1.5, COLUMNS * 1.5 - 27.0) < 8.0
    return int((labels[k][near] == Label.CORE_SCAR).sum())


def test_a_click_on_healthy_wall_thins_the_same_patch_in_the_slices_beside_it(corrector):
    pixels, labels = stack()
    labels[1] = labels[0]
    click = on_right(Kind.HEALTHY, 0)
    out = click_labels(pixels, labels, [click], MM, corrector=corrector)
    assert out.changed == (0, 1)
    assert patch(out.labels, 0) == 0
    assert 0 < patch(out.labels, 1) < patch(labels, 1)
    far = click_labels(pixels, labels, [click], (15.0, 1.5, 1.5), corrector=corrector)
    assert far.changed == (0,)


def test_a_click_on_scar_keeps_more_of_it_where_a_click_beside_it_says_healthy(corrector):
    pixels, labels = stack()
    labels[1] = labels[0]
    clicks = [on_right(Kind.HEALTHY, 0), on_right(Kind.SCAR, 1)]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector)
    again = click_labels(pixels, labels, clicks[::-1], MM, corrector=corrector)
    alone = click_labels(pixels, labels, clicks[:1], MM, corrector=corrector)
    assert out.held == (True, True)
    assert patch(out.labels, 0) == 0
    assert patch(alone.labels, 1) < patch(out.labels, 1) <= patch(labels, 1)
    np.testing.assert_array_equal(out.labels, again.labels)


def test_a_click_on_healthy_wall_leaves_brighter_scar_beside_it(corrector):
    pixels, labels = stack()
    labels[1] = labels[0]
    pixels[1][RIGHT] *= 2.0
    out = click_labels(pixels, labels, [on_right(Kind.HEALTHY, 0)], MM, corrector=corrector)
    assert patch(out.labels, 1) > 0.9 * patch(labels, 1)


def test_a_click_at_the_end_of_a_long_patch_leaves_its_other_end(corrector):
    # The patch is 38 mm long.
    pixels, labels = stack()
    click = Click(slice=0, row=40 - 11, column=40 + 14, kind=Kind.HEALTHY)
    out = click_labels(pixels, labels, [click], MM, corrector=corrector)
    left = out.labels[0] == Label.CORE_SCAR
    assert np.argwhere(left)[:, 0].max() > 50  # its lower end, at 35 degrees
    assert not left[np.hypot((ROWS + 11) * 1.5, (COLUMNS - 14) * 1.5) < 3.0].any()


def test_scar_and_healthy_wall_side_by_side_share_what_lies_between(corrector):
    pixels, labels = stack()
    clicks = [
        Click(slice=1, row=36, column=58, kind=Kind.SCAR),
        Click(slice=1, row=44, column=58, kind=Kind.HEALTHY),
    ]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector)
    assert out.held == (True, True)
    rows = np.flatnonzero((out.labels[1] == Label.CORE_SCAR).any(axis=1))
    assert rows.max() <= 40


def test_a_click_on_a_dark_core_labels_it_as_obstruction(corrector):
    pixels, labels = stack()
    dark = np.hypot(ROWS * 1.5, COLUMNS * 1.5 - 27.0) < 3.0
    pixels[0][dark] = 45.0
    out = click_labels(pixels, labels, [on_right(Kind.OBSTRUCTION, 0)], MM, corrector=corrector)
    assert out.held == (True,)
    assert set(np.unique(out.labels[0][dark])) == {Label.MICROVASCULAR_OBSTRUCTION}
    assert (out.labels[0] == Label.CORE_SCAR).any()


def drawn_core(labels):
    """Nine pixels of a dark core in the scar of the first ring, in pixels as bright around them."""
    labels[0, 39:42, 57:60] = Label.MICROVASCULAR_OBSTRUCTION


def test_a_click_on_a_dark_core_that_is_drawn_changes_nothing(corrector):
    pixels, labels = stack()
    drawn_core(labels)
    clicks = [on_right(Kind.OBSTRUCTION, 0)]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector)
    assert out.held == (True,)
    np.testing.assert_array_equal(out.labels, labels)


def test_a_click_on_a_dark_core_that_is_drawn_keeps_its_pixel_against_clicks_beside_it(corrector):
    pixels, labels = stack()
    drawn_core(labels)
    clicks = [on_right(Kind.OBSTRUCTION, 0), on_right(Kind.HEALTHY, 0, mm=28.5)]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector)
    assert out.held == (True, True)
    assert out.labels[0, 40, 58] == Label.MICROVASCULAR_OBSTRUCTION
    assert out.labels[0, 40, 59] == Label.LV_MYOCARDIUM
    assert (out.labels == Label.MICROVASCULAR_OBSTRUCTION).sum() < 9


def test_scar_outside_the_wall_brings_the_wall_with_it(corrector):
    pixels, labels = stack()
    pixels[0][(RADIUS < 38.0) & (RADIUS >= 32.0) & RIGHT] = 200.0
    out = click_labels(pixels, labels, [on_right(Kind.SCAR, 0, mm=36.0)], MM, corrector=corrector)
    assert out.held == (True,)
    assert np.isin(out.labels[0], MYOCARDIUM).sum() > np.isin(labels[0], MYOCARDIUM).sum()


def test_new_wall_beside_scar_and_as_bright_is_scar(corrector):
    pixels, labels = stack()
    pixels[0][(RADIUS < 38.0) & (RADIUS >= 32.0) & RIGHT] = 200.0
    out = click_labels(pixels, labels, [on_right(Kind.WALL, 0, mm=36.0)], MM, corrector=corrector)
    assert out.labels[0, 40, 40 + 24] == Label.CORE_SCAR


def partly_measured(pixels):
    """A fill of -500 on the left: the threshold is 125, half way from 50 to 200."""
    measured = np.broadcast_to(COLUMNS > -5, pixels.shape)
    pixels[~measured] = -500.0
    return measured


def test_new_scar_is_split_by_what_has_signal(corrector):
    pixels, labels = stack()
    pixels[1][pixels[1] == 200.0] = 110.0
    measured = partly_measured(pixels)
    clicks = [on_right(Kind.SCAR, 1)]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector, measured=measured)
    assert out.labels[1, 40, 58] == Label.GREY_ZONE
    assert not (out.labels[1] == Label.CORE_SCAR).any()


def test_new_wall_continues_scar_by_what_has_signal(corrector):
    pixels, labels = stack()
    beyond = (RADIUS < 38.0) & (RADIUS >= 32.0)
    pixels[0][beyond & RIGHT] = 110.0
    measured = partly_measured(pixels)
    clicks = [on_right(Kind.WALL, 0, mm=36.0)]
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector, measured=measured)
    assert out.labels[0, 40, 40 + 24] == Label.LV_MYOCARDIUM
    pixels[0][beyond & RIGHT] = 5000.0  # above the threshold, but no signal
    blank = measured & ~(beyond & RIGHT)
    out = click_labels(pixels, labels, clicks, MM, corrector=corrector, measured=blank)
    assert out.labels[0, 40, 40 + 24] == Label.LV_MYOCARDIUM


@pytest.mark.parametrize("kind", [Kind.WALL, Kind.SCAR, Kind.HEALTHY, Kind.OBSTRUCTION])
def test_a_click_that_cannot_be_held_changes_no_label(corrector, kind):
    pixels, labels = stack()
    far = Click(slice=1, row=0, column=0, kind=kind)
    out = click_labels(pixels, labels, [far], MM, corrector=corrector)
    assert (out.held, out.changed) == ((False,), ())
    np.testing.assert_array_equal(out.labels, labels)
    near = on_right(Kind.HEALTHY, 0)
    both = click_labels(pixels, labels, [far, near], MM, corrector=corrector)
    alone = click_labels(pixels, labels, [near], MM, corrector=corrector)
    assert both.held == (False, True)
    np.testing.assert_array_equal(both.labels, alone.labels)


@pytest.mark.parametrize("at", [(0, 0), (40, 40), (83, 160)])
def test_a_click_far_off_the_ventricle_of_a_phantom_changes_nothing(pipeline, samples, at):
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    truth = read_labels(samples / "truth" / "phantom-1.nii.gz")
    labels = np.ascontiguousarray(scan.grid.from_input(truth))
    click = Click(slice=4, row=at[0], column=at[1], kind=Kind.WALL)
    out = click_labels(scan.pixels, labels, [click], scan.spacing_mm, corrector=pipeline.corrector)
    assert out.held == (False,)
    np.testing.assert_array_equal(out.labels, labels)


def test_a_dab_of_blood_pool_far_off_moves_no_wall_and_stays_what_was_drawn(corrector):
    pixels, labels = stack()
    dabbed = labels.copy()
    dabbed[:, 2:8, 2:8] = Label.LV_BLOOD_POOL
    for click in (on_right(Kind.WALL, 0, mm=36.0), on_right(Kind.HEALTHY, 0)):
        expected = click_labels(pixels, labels, [click], MM, corrector=corrector)
        out = click_labels(pixels, dabbed, [click], MM, corrector=corrector)
        assert out.changed == expected.changed != ()
        assert (out.labels[:, 2:8, 2:8] == Label.LV_BLOOD_POOL).all()
        out.labels[:, 2:8, 2:8] = 0
        np.testing.assert_array_equal(out.labels, expected.labels)


def test_slices_far_from_clicks_are_the_same_voxel_for_voxel(corrector):
    pixels, labels = stack()
    labels[2, 5, 5] = Label.GREY_ZONE  # not what a wall may be, and not touched either
    out = click_labels(pixels, labels, [on_right(Kind.WALL, 0, mm=36.0)], MM, corrector=corrector)
    np.testing.assert_array_equal(out.labels[2], labels[2])

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn

from acsnet.anatomy.contour_geometry import along_rays, outline
from acsnet.anatomy.measures import MEASURE_NAMES, Form, measure


def radius_mm(mm, side_mm=120.0):
    """Distance of each pixel from the middle of a square image; mm: (row, column) pixel size."""
    rows, columns = (round(side_mm / size) for size in mm)
    row, column = np.indices((rows, columns))
    return np.hypot((row - (rows - 1) / 2) * mm[0], (column - (columns - 1) / 2) * mm[1])


def angle_deg(shape):
    """Between the way to the right and the way to each pixel, 0 to 180."""
    row, column = np.indices(shape)
    return np.rad2deg(np.abs(np.arctan2(row - (shape[0] - 1) / 2, column - (shape[1] - 1) / 2)))


def ring(mm, outer=32.0, inner=22.0):
    radius = radius_mm(mm)
    return (radius < outer) & (radius > inner)


@pytest.mark.parametrize("mm", [(0.7, 0.7), (1.3, 1.3), (2.4, 2.4), (0.9, 1.8)])
def test_a_ring_has_the_measures_it_was_drawn_with_at_any_pixel_size(mm):
    form, found = measure(ring(mm), mm)
    pixel = max(mm)
    assert form is Form.RING
    assert (found.objects, found.holes, found.border_pixels, found.opening_deg) == (1, 0, 0, 0)
    assert found.wall_area_mm2 == pytest.approx(np.pi * (32**2 - 22**2), rel=0.04)
    assert found.outer_radius_mm == pytest.approx(32, rel=0.03)
    assert found.cavity_radius_mm == pytest.approx(22, rel=0.03)
    assert found.thickness_min_mm == pytest.approx(10, abs=1.5 * pixel)
    assert found.thickness_max_mm == pytest.approx(10, abs=1.5 * pixel)
    assert found.thickness_variation < 0.15
    assert found.outer_concavity_mm < 1.1 * pixel
    assert found.cavity_concavity_mm < 1.1 * pixel
    assert 0.8 < found.outer_circularity < 1.0
    assert np.isnan(found.cap_radius_mm)


def test_a_square_has_the_outline_of_a_square():
    square = np.zeros((14, 14), bool)
    square[2:12, 2:12] = True
    found = outline(square, (1.0, 1.0))
    # 10 x 10 with corners cut at half a pixel: 100 - 4 / 8; sides of 9 and four cuts of 0.71.
    assert found.area_mm2 == pytest.approx(99.5)
    length = 4 * 9 + 4 * np.sqrt(0.5)
    assert found.circularity == pytest.approx(4 * np.pi * 99.5 / length**2)
    assert found.concavity_mm == pytest.approx(0.0, abs=1e-9)
    assert outline(square, (2.0, 2.0)).area_mm2 == pytest.approx(4 * 99.5)


def test_the_depth_of_a_notch_is_the_concavity():
    square = np.zeros((24, 24), bool)
    square[2:22, 2:22] = True
    square[2:9, 11:13] = False  # 7 pixels deep
    assert outline(square, (1.5, 1.5)).concavity_mm == pytest.approx(7 * 1.5, abs=0.8)


def test_a_dent_in_the_cavity_is_told_from_one_in_the_outline():
    whole = ring((1.0, 1.0))
    bump = whole | ((radius_mm((1.0, 1.0)) > 14) & (angle_deg(whole.shape) < 10) & ~whole)
    bump &= radius_mm((1.0, 1.0)) < 32
    _, found = measure(bump, (1.0, 1.0))
    assert found.cavity_concavity_mm == pytest.approx(8, abs=1.5)
    assert found.outer_concavity_mm < 1.5


def test_a_thin_place_is_the_least_thickness():
    radius = radius_mm((1.0, 1.0))
    thin = ring((1.0, 1.0)) & ~((radius < 29) & (angle_deg(radius.shape) < 20))
    _, found = measure(thin, (1.0, 1.0))
    assert found.thickness_min_mm == pytest.approx(3, abs=1)
    assert found.thickness_max_mm == pytest.approx(10, abs=1.5)


def test_holes_and_objects_are_counted():
    wall = ring((1.0, 1.0))
    middle = wall.shape[0] // 2
    wall[middle, middle + 27] = wall[middle, middle - 27] = False
    form, found = measure(wall, (1.0, 1.0))
    assert (form, found.objects, found.holes) == (Form.RING, 1, 2)
    wall[2, 2] = True
    form, found = measure(wall, (1.0, 1.0))
    assert (found.objects, found.holes) == (2, 2)
    assert np.isnan(found.thickness_min_mm)  # of which object would it be?


def test_walls_hold_together_by_corners_and_still_enclose_the_cavity():
    diamond = np.zeros((9, 9), bool)
    for k in range(4):
        for row, column in ((1 + k, 4 + k), (4 + k, 7 - k), (7 - k, 4 - k), (4 - k, 1 + k)):
            diamond[row, column] = True
    form, found = measure(diamond, (1.0, 1.0))
    assert (form, found.objects, found.holes) == (Form.RING, 1, 0)


@pytest.mark.parametrize("half_opening", [10.0, 30.0, 60.0])
def test_an_open_wall_tells_how_far_it_is_open(half_opening):
    wall = ring((0.7, 0.7)) & (angle_deg(ring((0.7, 0.7)).shape) > half_opening)
    form, found = measure(wall, (0.7, 0.7))
    assert form is Form.OPEN
    # From the cavity's own centre, which lies off the ring's where the hull cuts the mouth.
    assert found.opening_deg == pytest.approx(2 * half_opening, abs=25)
    assert found.thickness_min_mm == pytest.approx(10, abs=2)
    assert found.outer_concavity_mm < 1.5
    assert found.cavity_concavity_mm < 1.5  # the mouth does not count


@pytest.mark.parametrize("length", [8.0, 14.0, 21.0])
def test_what_juts_into_the_cavity_of_an_open_wall_is_a_concavity_too(length):
    wall = ring((1.0, 1.0)) & (angle_deg(ring((1.0, 1.0)).shape) > 20)
    middle = wall.shape[0] // 2
    # The cavity's left edge lies 22 mm from the middle; the mouth is on the right.
    wall[middle - 1 : middle + 2, middle - 22 : middle - 22 + int(length)] = True
    form, found = measure(wall, (1.0, 1.0))
    assert form is Form.OPEN
    assert found.cavity_concavity_mm == pytest.approx(length, abs=2.5)


def test_a_solid_wall_is_a_cap_with_a_radius_and_no_thickness():
    form, found = measure(radius_mm((1.0, 1.0)) < 15, (1.0, 1.0))
    assert form is Form.CAP
    assert found.cap_radius_mm == pytest.approx(15, rel=0.03)
    assert np.isnan(found.thickness_max_mm)
    assert np.isnan(found.cavity_radius_mm)


def test_pixels_on_the_border_of_the_image_are_counted():
    wall = np.zeros((10, 10), bool)
    wall[0, 3:6] = wall[1:4, 0] = True
    wall[0, 0] = True
    assert measure(wall, (1.0, 1.0))[1].border_pixels == 7


def test_rays_measure_along_the_pixels_they_cross():
    wall = np.zeros((21, 21), bool)
    wall[:, 16:19] = True
    inside = np.zeros_like(wall)
    inside[10, 10] = True
    met, step_mm = along_rays(wall, inside, (1.0, 1.0))
    assert met[0].sum() * step_mm == pytest.approx(3.0, abs=0.3)  # the first goes to the right
    assert not met[36].any()  # and the 37th to the left


def test_nothing_has_no_measures():
    form, found = measure(np.zeros((5, 5), bool), (1.0, 1.0))
    assert form is Form.EMPTY
    assert (found.objects, found.holes) == (0, 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (6, 6)])
def test_everything_can_be_measured(shape):
    form, found = measure(np.ones(shape, bool), (1.3, 1.3))
    assert form is Form.CAP
    assert found.objects == 1


@pytest.mark.parametrize(
    "mask",
    [
        np.eye(1, dtype=bool),
        np.eye(7, dtype=bool),
        np.eye(7, dtype=bool)[::-1],
        np.pad(np.ones((1, 6), bool), 3),
        np.pad(np.ones((6, 1), bool), 3),
        np.eye(6, dtype=bool) | np.eye(6, dtype=bool)[::-1],
        np.repeat(np.eye(6, dtype=bool), 3, axis=1),
        np.indices((7, 7)).sum(axis=0) % 2 == 0,
        np.pad(np.zeros((1, 1), bool), 1, constant_values=True),
    ],
    ids=["pixel", "down", "up", "row", "column", "cross", "stairs", "chequers", "smallest ring"],
)
def test_masks_without_any_width_are_one_object_and_have_an_outline(mask):
    form, found = measure(mask, (0.7, 1.4))
    assert form is not Form.EMPTY
    assert found.objects == 1
    assert found.outer_radius_mm > 0
    assert np.isfinite(found.outer_concavity_mm)


@pytest.mark.parametrize("turn", [np.flipud, np.fliplr, np.transpose])
@pytest.mark.parametrize("half_opening", [0.0, 25.0])
def test_a_wall_measures_the_same_however_it_is_turned(turn, half_opening):
    mm = (1.3, 1.8)
    rows, columns = np.indices((64, 50))
    row_mm, column_mm = (rows - 33.2) * mm[0], (columns - 22.6) * mm[1]
    radius, angle = np.hypot(row_mm, column_mm), np.abs(np.arctan2(row_mm, column_mm))
    wall = (radius < 30) & (radius > 20) & (np.rad2deg(angle) >= half_opening)
    turned_mm = mm[::-1] if turn is np.transpose else mm
    form, found = measure(wall, mm)
    turned_form, turned = measure(turn(wall), turned_mm)
    assert form is turned_form is (Form.OPEN if half_opening else Form.RING)
    for name in MEASURE_NAMES:
        one, other = getattr(found, name), getattr(turned, name)
        # Rays do not fall on the pixels in quite the same way.
        assert one == pytest.approx(other, abs=0.5, nan_ok=True), name


def test_the_field_of_view_round_a_wall_changes_nothing():
    wall = ring((1.3, 1.3))
    rows, columns = (np.flatnonzero(wall.any(axis=axis)) for axis in (1, 0))
    tight = wall[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    _, wide = measure(wall, (1.3, 1.3))
    _, found = measure(tight, (1.3, 1.3))
    assert found.border_pixels > 0
    # A ring has no caps, and a NaN equals nothing.
    alike = {"border_pixels": 0, "cap_radius_mm": 0.0}
    assert replace(found, **alike) == replace(wide, **alike)


@given(mask=stn.arrays(bool, stn.array_shapes(min_dims=2, max_dims=2, max_side=12)))
@example(mask=np.array([[1, 0, 1, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1, 0]], bool))
@settings(max_examples=150, deadline=None)
def test_no_mask_is_too_odd_to_be_measured_and_its_mirror_measures_the_same(mask):
    form, found = measure(mask, (1.3, 1.3))
    mirrored_form, mirrored = measure(mask[:, ::-1], (1.3, 1.3))
    assert form is mirrored_form
    for name in MEASURE_NAMES[:7]:
        one, other = getattr(found, name), getattr(mirrored, name)
        assert one == pytest.approx(other, nan_ok=True), name


@given(mask=stn.arrays(bool, (9, 9)), factor=st.sampled_from([0.5, 2.0, 3.0]))
@settings(max_examples=40, deadline=None)
def test_lengths_follow_the_pixel_size(mask, factor):
    _, one = measure(mask, (1.0, 1.0))
    _, scaled = measure(mask, (factor, factor))
    for name, power in (("outer_radius_mm", 1), ("outer_circularity", 0), ("wall_area_mm2", 2)):
        assert getattr(scaled, name) == pytest.approx(
            getattr(one, name) * factor**power, nan_ok=True
        )

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.scan import (
    InputGrid,
    ShortAxisScan,
    apex_first_by_area,
    apex_first_by_position,
    named_as_case,
)

OBLIQUE = np.array([-0.57, 0.60, -0.56]) / np.linalg.norm([-0.57, 0.60, -0.56])


def scan_along(direction, *, step_mm=10.0, slices=4, axes=(2, 1, 0)):
    """A stack whose input slice axis steps by `step_mm` along `direction` (RAS)."""
    normal = np.asarray(direction, float)
    normal /= np.linalg.norm(normal)
    row = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [0.0, 1.0, 0.0])
    row /= np.linalg.norm(row)
    column = np.cross(row, normal)
    affine = np.eye(4)
    affine[:3, axes[0]] = step_mm * normal
    affine[:3, axes[1]] = 1.5 * row
    affine[:3, axes[2]] = 1.25 * column
    shape = [0, 0, 0]
    for axis, n in zip(axes, (slices, 5, 6), strict=True):
        shape[axis] = n
    grid = InputGrid(shape=tuple(shape), affine=affine, axes=axes)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return ShortAxisScan(name="scan", pixels=grid.from_input(values), grid=grid), values


@given(
    axes=st.permutations([0, 1, 2]).map(tuple),
    shape=st.tuples(*[st.integers(1, 4)] * 3),
    reversed_slices=st.booleans(),
)
def test_a_stack_goes_back_to_its_input_grid_voxel_for_voxel(axes, shape, reversed_slices):
    grid = InputGrid(shape=shape, affine=np.eye(4), axes=axes, reversed_slices=reversed_slices)
    array = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(grid.to_input(grid.from_input(array)), array)


def test_spacing_and_voxel_volume_follow_from_the_affine():
    scan, _ = scan_along(OBLIQUE, step_mm=8.0)
    assert scan.spacing_mm == pytest.approx((8.0, 1.5, 1.25))
    assert scan.voxel_ml == pytest.approx(8.0 * 1.5 * 1.25 / 1000)


def test_a_sheared_stack_measures_slice_distance_along_the_normal():
    scan, _ = scan_along(OBLIQUE, step_mm=8.0)
    affine = scan.grid.affine.copy()
    affine[:3, 2] += 3.0 * affine[:3, 0] / 1.25  # slices drift sideways by 3 mm
    grid = InputGrid(shape=scan.grid.shape, affine=affine, axes=scan.grid.axes)
    drifting = ShortAxisScan(name="scan", pixels=scan.pixels, grid=grid)
    assert drifting.spacing_mm[0] == pytest.approx(8.0)
    assert drifting.voxel_ml == pytest.approx(0.015)


def test_a_stack_that_runs_towards_the_apex_is_turned_round():
    scan, values = scan_along(OBLIQUE)
    ordered = apex_first_by_position(scan)
    assert ordered.apex_first is True
    assert ordered.grid.reversed_slices
    np.testing.assert_array_equal(ordered.pixels, scan.pixels[::-1])
    np.testing.assert_array_equal(ordered.grid.to_input(ordered.pixels), values)


def test_a_stack_that_runs_from_the_apex_stays_as_it_is():
    scan, _ = scan_along(-OBLIQUE)
    ordered = apex_first_by_position(scan)
    assert ordered.apex_first is True
    assert not ordered.grid.reversed_slices


@pytest.mark.parametrize("direction", [(0, 0, 1), (1, 0, 0), (0, -1, 0), (1, 1, 0.01)])
def test_a_stack_whose_direction_says_nothing_is_left_to_the_anatomy(direction):
    scan, _ = scan_along(direction)
    assert apex_first_by_position(scan).apex_first is None


def test_reversing_twice_changes_nothing():
    scan, _ = scan_along(OBLIQUE)
    again = scan.reversed().reversed()
    np.testing.assert_array_equal(again.pixels, scan.pixels)
    np.testing.assert_allclose(again.grid.steps_mm, scan.grid.steps_mm)
    np.testing.assert_allclose(scan.reversed().grid.steps_mm[0], -scan.grid.steps_mm[0])


def ventricle_on(grid, areas):
    """A left ventricle of so many pixels in each slice of the file, on the grid of the input."""
    plane = grid.shape[grid.axes[1]], grid.shape[grid.axes[2]]
    stack = [np.arange(plane[0] * plane[1]).reshape(plane) < area for area in areas]
    return replace(grid, reversed_slices=False).to_input(np.array(stack))


@pytest.mark.parametrize("areas", [[0, 4, 9, 9], [9, 9, 4, 0]])
def test_the_end_with_the_smaller_ventricle_is_the_apex(areas):
    scan, _ = scan_along([0.0, 0.0, 1.0])
    lv = ventricle_on(scan.grid, areas)
    ordered = apex_first_by_area(apex_first_by_position(scan), lv)
    assert ordered.grid.from_input(lv).sum(axis=(1, 2)).tolist() == [0, 4, 9, 9]


def test_a_position_that_tells_the_apex_outweighs_the_areas():
    scan, _ = scan_along(OBLIQUE)
    scan = apex_first_by_position(scan)
    lv = ventricle_on(scan.grid, [9, 9, 4, 0])
    assert apex_first_by_area(scan, lv) is scan


@pytest.mark.parametrize(("backwards", "numbers"), [(False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])])
def test_slices_are_numbered_from_one_as_the_file_runs(backwards, numbers):
    grid = InputGrid(shape=(5, 6, 4), affine=np.eye(4), axes=(2, 0, 1), reversed_slices=backwards)
    assert [grid.slice_number(index) for index in range(4)] == numbers


def test_a_volume_file_is_named_as_its_case_and_a_series_as_its_folder():
    scan, _ = scan_along((0.0, 0.0, 1.0))
    assert named_as_case(scan, "patA_lge").name == "patA_lge"
    assert named_as_case(replace(scan, instance_uids=("1.2.3",)), "1.2").name == scan.name

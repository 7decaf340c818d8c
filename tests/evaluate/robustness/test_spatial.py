import numpy as np
import pytest
from labelled_stack import SHAPE, SPACING_MM, case_of, labels_of

from acsnet.evaluate.robustness.spatial import (
    MIRRORS,
    QUARTER_TURNS,
    LabelledScan,
    double_field_of_view,
    half_field_of_view,
    reoriented,
    resampled,
    slices_reversed,
    thin_slices,
)
from acsnet.preprocess import quarter_turns

ORIENTATIONS = [*QUARTER_TURNS.values(), *MIRRORS.values()]


def places(case):
    """Pixel value -> RAS mm, through the file's own order and affine."""
    grid = case.scan.grid
    values = grid.to_input(case.scan.pixels)
    indices = np.argwhere(np.ones(grid.shape, bool))
    points = indices @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return dict(zip(values.ravel().tolist(), np.round(points, 6).tolist(), strict=True))


def volume_ml(case):
    return np.bincount(case.labels.ravel(), minlength=4) * case.scan.voxel_ml


def same_places(changed, case):
    known = places(case)
    return all(np.allclose(point, known[value]) for value, point in places(changed).items())


def test_the_stack_affine_is_the_files_whichever_way_slices_run(case):
    for scan in (case.scan, case.scan.reversed()):
        known = places(LabelledScan(scan=scan, labels=case.labels))
        at = scan.grid.stack_to_ras @ [2, 3, 5, 1]
        assert at[:3] == pytest.approx(known[float(scan.pixels[2, 3, 5])], abs=1e-6)


@pytest.mark.parametrize("spacing_mm", [0.7, 1.0, 1.8, 2.4])
def test_resampling_keeps_volumes_and_places(spacing_mm):
    places_of_the_heart = [(19.5 + 0.37 * k, 23.1 - 0.29 * k) for k in range(6)]
    case = case_of(np.stack([labels_of(centre, 14.0)[3] for centre in places_of_the_heart]))
    changed = resampled(case, spacing_mm=spacing_mm)
    assert changed.scan.spacing_mm[1:] == pytest.approx((spacing_mm, spacing_mm), rel=0.03)
    assert changed.scan.spacing_mm[0] == pytest.approx(8.0)
    # Ventricle, wall and enhancement; the smaller a region, the more its coarse edge counts.
    for inner, within in ((1, 0.03), (2, 0.05), (3, 0.1)):
        volumes = [volume_ml(c)[inner:].sum() for c in (case, changed)]
        assert volumes[1] == pytest.approx(volumes[0], rel=within)
    middles = [
        c.scan.grid.stack_to_ras @ [*np.argwhere(c.labels > 0).mean(axis=0), 1]
        for c in (case, changed)
    ]
    assert middles[1] == pytest.approx(middles[0], abs=0.1)


def test_resampling_a_ramp_keeps_its_value_at_each_place(case):
    rows = np.broadcast_to(np.arange(40.0, dtype=np.float32)[:, None], SHAPE).copy()
    changed = resampled(case_of(case.labels, rows), spacing_mm=0.75)
    # Row 21 of 0.75 mm lies a quarter of an old row above the middle of the old row 10.5.
    assert changed.scan.pixels.shape == (6, 80, 80)
    assert changed.scan.pixels[0, 21, 40] == pytest.approx(10.25)


def test_a_coarse_pixel_is_in_the_regions_that_most_of_it_is_in():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, 24:] = 2
    labels[:, :, ::4] = 3 - labels[:, :, ::4]  # at most three eighths of any new pixel
    changed = resampled(case_of(labels), spacing_mm=2.5)
    assert changed.labels.shape == (6, 24, 24)
    assert not changed.labels[:, :, :11].any()
    assert (changed.labels[:, :, 13:] == 2).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_turn_that_the_header_tells_moves_no_pixel(case, orientation, backwards):
    if backwards:
        case = LabelledScan(scan=case.scan.reversed(), labels=case.labels[::-1])
    changed = reoriented(case, orientation=orientation, in_header=True)
    assert same_places(changed, case)
    assert volume_ml(changed).tolist() == pytest.approx(volume_ml(case).tolist())
    assert np.array_equal(
        changed.labels.ravel()[np.argsort(changed.scan.pixels.ravel())],
        case.labels.ravel()[np.argsort(case.scan.pixels.ravel())],
    )


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turn_that_the_header_tells_is_undone_for_the_networks(case, degrees):
    changed = reoriented(case, orientation=QUARTER_TURNS[degrees], in_header=True)
    seen = [np.rot90(c.scan.pixels, quarter_turns(c.scan), (1, 2)) for c in (case, changed)]
    assert np.array_equal(*seen)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turn_not_told_leaves_the_directions_and_takes_the_pixel_sides_along(case, degrees):
    changed = reoriented(case, orientation=QUARTER_TURNS[degrees], in_header=False)
    assert np.array_equal(changed.scan.pixels, np.rot90(case.scan.pixels, degrees // 90, (1, 2)))
    assert np.array_equal(changed.labels, np.rot90(case.labels, degrees // 90, (1, 2)))
    sides = SPACING_MM if degrees == 180 else (8.0, 1.25, 1.5)
    assert changed.scan.spacing_mm == pytest.approx(sides)
    units = [
        s.grid.steps_mm / np.linalg.norm(s.grid.steps_mm, axis=1, keepdims=True)
        for s in (case.scan, changed.scan)
    ]
    assert units[1] == pytest.approx(units[0])


def test_a_mirror_not_told_is_another_anatomy(case):
    changed = reoriented(case, orientation=MIRRORS["left-right"], in_header=False)
    assert np.array_equal(changed.scan.pixels, case.scan.pixels[:, :, ::-1])
    assert np.array_equal(changed.labels, case.labels[:, :, ::-1])
    assert changed.scan.grid.stack_to_ras == pytest.approx(case.scan.grid.stack_to_ras)


def test_slices_reversed_and_back_are_the_same(case):
    once = slices_reversed(case)
    assert once.scan.apex_first is None
    assert np.array_equal(once.labels, case.labels[::-1])
    assert same_places(once, case)
    twice = slices_reversed(once)
    assert np.array_equal(twice.scan.pixels, case.scan.pixels)
    assert np.array_equal(twice.labels, case.labels)
    assert np.array_equal(twice.scan.grid.stack_to_ras, case.scan.grid.stack_to_ras)
    assert twice.scan.grid.reversed_slices == case.scan.grid.reversed_slices


def test_thin_slices_are_linear_between_two_and_have_the_nearer_ones_labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:] = np.arange(6)[:, None, None] % 4
    pixels = np.broadcast_to(np.arange(6.0, dtype=np.float32)[:, None, None], SHAPE).copy()
    changed = thin_slices(case_of(labels, pixels))
    # 40 mm hold nine slices of 5 mm, each 0.625 old slices from the one before.
    assert changed.scan.pixels[:, 0, 0] == pytest.approx(0.625 * np.arange(9))
    assert changed.labels[:, 0, 0].tolist() == [0, 1, 1, 2, 3, 3, 0, 0, 1]
    assert changed.scan.spacing_mm == pytest.approx((5.0, 1.5, 1.25))
    assert changed.scan.grid.stack_to_ras[:3, 3] == pytest.approx((10.0, -20.0, 30.0))


@pytest.mark.parametrize("centre", [(20, 24), (9, 9), (30, 38)])
def test_half_the_field_of_view_keeps_the_whole_ventricle(centre):
    case = case_of(labels_of(centre))
    changed = half_field_of_view(case)
    assert changed.labels.shape == (6, 20, 24)
    assert volume_ml(changed)[1:] == pytest.approx(volume_ml(case)[1:])
    assert same_places(changed, case)


def test_a_ventricle_larger_than_half_the_field_is_not_cut():
    case = case_of(labels_of((20, 24), 15.0))
    changed = half_field_of_view(case)
    assert changed.labels.shape == (6, 31, 31)
    assert volume_ml(changed)[1:] == pytest.approx(volume_ml(case)[1:])


def test_twice_the_field_of_view_is_black_all_round(case):
    changed = double_field_of_view(case)
    assert changed.labels.shape == (6, 80, 96)
    inside = np.s_[:, 20:60, 24:72]
    assert np.array_equal(changed.scan.pixels[inside], case.scan.pixels)
    assert np.array_equal(changed.labels[inside], case.labels)
    assert changed.labels.sum() == case.labels.sum()
    assert changed.scan.pixels.sum() == pytest.approx(case.scan.pixels.sum(dtype=float), rel=1e-5)
    assert changed.scan.grid.stack_to_ras @ [0, 20, 24, 1] == pytest.approx((10, -20, 30, 1))

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from acsnet.errors import AcsnetError, InputError
from acsnet.labels import Label
from acsnet.phantom import PhantomSpec, make_phantom
from acsnet.quantify.features_document import DOCUMENT, SCAR_KEYS
from acsnet.quantify.quantification import Given, quantify
from acsnet.result import Measured

pytestmark = pytest.mark.slow

GRIDS = [
    (5.0, 0.7, 0.7),
    (8.0, 1.4, 1.4),
    (10.0, 1.9, 1.6),
    (13.0, 2.4, 2.4),
]
WALL_MM2 = np.pi * (34.0**2 - 24.0**2)


def document(scan, labels, found):
    measured = Measured(
        scan=scan, labels=labels, quantification=found, warnings=(), weights={}, seconds={}
    )
    return measured.features_dict()


@pytest.mark.parametrize("spacing_mm", GRIDS)
@pytest.mark.parametrize("oblique", [True, False])
def test_volumes_of_a_shell_hold_for_any_spacing_and_tilt(shell, spacing_mm, oblique):
    scan, labels = shell(spacing_mm=spacing_mm, oblique=oblique, extent_deg=90, depth=1.0)
    found = quantify(scan, labels)
    length_mm = 6 * spacing_mm[0]
    wall_ml = WALL_MM2 * length_mm / 1000
    assert found.features.myocardium_volume_ml == pytest.approx(wall_ml, rel=0.02)
    assert found.features.blood_pool_volume_ml == pytest.approx(
        np.pi * 24.0**2 * length_mm / 1000, rel=0.02
    )
    assert found.features.scar_burden_percent == pytest.approx(25.0, abs=1.0)
    assert found.body.enhancement_mass_g == pytest.approx(1.05 * wall_ml / 4, rel=0.04)


@pytest.mark.parametrize("spacing_mm", GRIDS)
@pytest.mark.parametrize("depth", [0.25, 0.5, 0.75, 1.0])
@pytest.mark.parametrize(("centre_deg", "extent_deg"), [(10, 40), (135, 120), (90, 60)])
def test_a_wedge_has_its_transmurality_and_its_share_of_the_wall(
    shell, spacing_mm, depth, centre_deg, extent_deg
):
    scan, labels = shell(
        spacing_mm=spacing_mm, extent_deg=extent_deg, depth=depth, centre_deg=centre_deg
    )
    found = quantify(scan, labels)
    share = 100 * extent_deg / 360 * ((24 + 10 * depth) ** 2 - 24**2) / (34**2 - 24**2)
    assert found.features.scar_burden_percent == pytest.approx(share, abs=1.0)
    deep = found.transmurality
    assert deep.scar_transmurality_percent == pytest.approx(100 * depth, abs=5.0)
    assert deep.scar_endocardial_percent == pytest.approx(100 * extent_deg / 360, abs=2.0)
    area_cm2 = 6 * spacing_mm[0] * 2 * np.pi * 24.0 / 100
    assert deep.endocardial_area_cm2 == pytest.approx(area_cm2, rel=0.02)


def test_chords_fall_into_the_classes_of_transmurality(shell):
    scan, labels = shell(extent_deg=90, depth=0.4, spacing_mm=(8.0, 0.7, 0.7))
    classes = quantify(scan, labels).transmurality.transmurality_class_percent
    assert classes["0"] == pytest.approx(75.0, abs=2.0)
    assert classes["26-50"] == pytest.approx(25.0, abs=2.0)
    assert classes["76-100"] == 0.0


def test_the_right_ventricle_is_found_and_the_header_tells_its_anterior_end(shell):
    scan, labels = shell()
    insertion = quantify(scan, labels).insertion
    # The septum lies left (180 degrees), anterior is up (270): 180 + 50.
    assert np.rad2deg(insertion.angle) % 360 == pytest.approx(230.0, abs=4.0)
    assert (insertion.turn, insertion.source, insertion.side) == (-1, "automatic", "header")
    assert insertion.confidence > 0.3


def test_without_patient_axes_the_liver_tells_the_inferior_end_and_a_warning_says_so(shell):
    scan, labels = shell(oblique=False)
    found = quantify(scan, labels)
    assert np.rad2deg(found.insertion.angle) % 360 == pytest.approx(230.0, abs=4.0)
    assert found.insertion.side == "image"
    assert "does not tell anterior from inferior" in found.warnings[0]


@pytest.mark.parametrize("tilt", [(-40.0, 35.0), (-55.0, 20.0)])
def test_a_phantom_in_patient_axes_has_its_anterior_wall_where_it_was_put(tilt):
    spec = PhantomSpec(name="phantom", seed=3, tilt_degrees=tilt, scar_depth=0.0)
    phantom = make_phantom(spec)
    found = quantify(phantom.scan, phantom.labels)
    assert found.insertion is not None
    assert np.rad2deg(found.insertion.angle) % 360 == pytest.approx(230.0, abs=25.0)


def wedge_segments(shell, degrees, **options):
    """Segments with scar when a thin wedge lies at degrees from the insertion, towards septum."""
    scan, labels = shell(
        centre_deg=240.0 - degrees, extent_deg=20, spacing_mm=(8.0, 1.0, 1.0), **options
    )
    row = scan.pixels.shape[1] / 2 + 30 * np.sin(np.deg2rad(240))
    column = scan.pixels.shape[2] / 2 + 30 * np.cos(np.deg2rad(240))
    given = Given(rv_insertion=(row - 0.3, column + 0.2))
    found = quantify(scan, labels, given=given)
    assert found.insertion.source == "given"
    return [s.segment for s in found.segments if s.scar_volume_ml]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("oblique", [True, False])
def test_basal_and_middle_segments_are_counted_from_the_insertion(shell, number, oblique):
    # From the insertion through the septum: 2, 3, 4, 5, 6, 1.
    basal = (2, 3, 4, 5, 6, 1)[number]
    degrees = 30 + 60 * number
    assert wedge_segments(shell, degrees, scar_slices=(4, 5), oblique=oblique) == [basal]
    assert wedge_segments(shell, degrees, scar_slices=(2, 3), oblique=oblique) == [basal + 6]


@pytest.mark.parametrize(("degrees", "segment"), [(60, 14), (150, 15), (240, 16), (330, 13)])
def test_apical_segments_are_quarters_with_the_middle_of_the_septum(shell, degrees, segment):
    assert wedge_segments(shell, degrees, scar_slices=(0, 1)) == [segment]


def test_slices_below_the_blood_pool_are_the_apical_cap(shell):
    scan, labels = shell(slices=7, caps=1)
    found = quantify(scan, labels)
    assert found.segment_model == 17
    assert set(np.unique(found.segment_map[0])) == {0, 17}
    # The six slices above are cut in thirds of two.
    assert set(np.unique(found.segment_map[2])) == {0, 13, 14, 15, 16}
    assert set(np.unique(found.segment_map[3])) == {0, *range(7, 13)}
    assert quantify(*shell()).segment_model == 16
    assert quantify(*shell()).segments[16].myocardium_volume_ml is None


def test_segments_and_territories_add_up_to_the_wall(shell):
    scan, labels = shell(extent_deg=150, depth=0.5, centre_deg=200)
    found = quantify(scan, labels)
    walls = [s.myocardium_volume_ml for s in found.segments[:16]]
    assert sum(walls) == pytest.approx(found.features.myocardium_volume_ml)
    scars = [t.scar_volume_ml for t in found.territories]
    assert sum(scars) == pytest.approx(found.features.enhancement_volume_ml)
    septal = found.segments[7]
    assert (septal.name, septal.territory) == ("mid anteroseptal", "LAD")
    assert septal.transmurality_mean_percent == pytest.approx(50.0, abs=5.0)
    assert septal.transmurality_max_percent == pytest.approx(50.0, abs=10.0)


def test_a_mirrored_array_of_the_same_heart_has_the_same_segments(shell):
    scan, labels = shell(extent_deg=100, depth=0.6, centre_deg=100)
    mirrored = labels[:, :, ::-1]
    affine = scan.grid.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (scan.grid.shape[0] - 1)
    affine[:3, 0] *= -1
    grid = type(scan.grid)(shape=scan.grid.shape, affine=affine, axes=scan.grid.axes)
    other = type(scan)(
        name="mirror", pixels=scan.pixels[:, :, ::-1].copy(), grid=grid, apex_first=True
    )
    one, two = quantify(scan, labels), quantify(other, np.ascontiguousarray(mirrored))
    for a, b in zip(one.segments, two.segments, strict=True):
        if a.scar_percent is not None:
            assert a.scar_percent == pytest.approx(b.scar_percent, abs=4.0)


def test_a_drawn_right_ventricle_gives_the_insertion(shell):
    scan, labels = shell()
    found = quantify(scan, labels, right_ventricle=(scan.pixels == 100) & (labels == 0))
    # Drawn from 130 to 230 degrees; the anterior end is the upper one.
    assert found.insertion.source == "drawn"
    assert np.rad2deg(found.insertion.angle) % 360 == pytest.approx(230.0, abs=3.0)


def test_what_nobody_looked_for_is_unknown_and_not_zero(shell):
    scan, labels = shell()
    found = quantify(scan, labels, scar_known=False)
    plain = document(scan, labels, found)
    for name in (
        "enhancement_volume_ml",
        "scar_burden_percent",
        "enhancement_mass_g",
        "transmurality_max_percent",
        "scar_islands",
        "scar_entropy_bits",
        "core_grey_interface_cm2",
        "scar_endocardial_percent",
    ):
        assert plain[name] is None, name
    assert plain["methods"] == []
    assert {segment["scar_percent"] for segment in plain["segments"]} == {None}
    assert plain["segments"][0]["myocardium_volume_ml"] > 0


def test_an_empty_label_map_has_a_document_without_false_numbers(shell):
    scan, labels = shell()
    empty = np.zeros_like(labels)
    plain = document(scan, empty, quantify(scan, empty))
    assert plain["lv_volume_ml"] is plain["myocardium_mass_g"] is None
    assert {key: plain[key] for key in SCAR_KEYS} == dict.fromkeys(SCAR_KEYS)
    assert plain["segment_model"] is plain["rv_insertion"]["row"] is None
    assert len(plain["segments"]) == 17
    assert DOCUMENT.validate_python(plain).segments[0].myocardium_volume_ml is None


def test_the_insertion_is_told_in_pixels_of_the_image(shell):
    scan, labels = shell(spacing_mm=(8.0, 1.0, 1.0))
    plain = document(scan, labels, quantify(scan, labels))["rv_insertion"]
    angle = quantify(scan, labels).insertion.angle
    middle = np.array(scan.pixels.shape[1:]) / 2 + (-0.3, 0.2)
    assert plain["slice"] == 4
    assert plain["row"] == pytest.approx(middle[0] + 34 * np.sin(angle), abs=1.0)
    assert plain["column"] == pytest.approx(middle[1] + 34 * np.cos(angle), abs=1.0)
    again = quantify(
        scan, labels, given=Given(rv_insertion=(plain["row"], plain["column"]))
    ).insertion
    assert np.cos(again.angle - angle) == pytest.approx(1.0, abs=1e-3)


def test_a_given_insertion_outside_the_image_is_refused(shell):
    scan, labels = shell(side=100)
    with pytest.raises(InputError, match=r"rows 0 to 99 and columns 0 to 99, got 20,100"):
        quantify(scan, labels, given=Given(rv_insertion=(20, 100)))


def test_a_given_remote_region_is_used_and_cut_to_the_wall(shell):
    scan, labels = shell(extent_deg=90)
    labels_on_file = scan.grid.to_input(labels)
    here = scan.grid.to_input(np.indices(labels.shape)[2] < 60)
    found = quantify(scan, labels, given=Given(remote=here))
    assert found.remote.source == "given"
    np.testing.assert_array_equal(
        scan.grid.to_input(found.remote.mask), here & (labels_on_file >= 2)
    )
    with pytest.raises(AcsnetError, match="at least 20 voxels of myocardium, got 0"):
        quantify(scan, labels, given=Given(remote=np.zeros_like(here)))
    with pytest.raises(InputError, match="must have the image's shape"):
        quantify(scan, labels, given=Given(remote=here[1:]))


def test_a_reader_places_the_remote_region_by_a_click(shell):
    scan, labels = shell(extent_deg=90)
    noise = np.random.default_rng(1).normal(0.0, 1.0, scan.pixels.shape)
    scan = replace(scan, pixels=scan.pixels + noise)
    number = scan.grid.slice_number(2)
    here = Given(remote_by_slice={number: middle_of_free_wall(labels, 2)})
    found = quantify(scan, labels, given=here)
    assert found.remote.source == "given"
    mask = found.remote.mask
    assert set(np.flatnonzero(mask.any(axis=(1, 2)))) == {2}
    assert (labels[mask] >= Label.LV_MYOCARDIUM).all()
    disc_mm2 = np.pi * 6.0**2
    pixel_mm2 = scan.spacing_mm[1] * scan.spacing_mm[2]
    assert 0.7 * disc_mm2 < mask.sum() * pixel_mm2 < 1.05 * disc_mm2
    rows = {row.method: row for row in found.methods}
    signal = scan.pixels[mask].astype(float)
    assert rows["sd5_mean"].threshold == pytest.approx(signal.mean() + 5 * signal.std())
    with pytest.raises(InputError, match="in slice 99 of a stack of"):
        quantify(scan, labels, given=Given(remote_by_slice={99: (10.0, 10.0)}))
    with pytest.raises(AcsnetError, match="at least 20 voxels of myocardium, got 0"):
        quantify(scan, labels, given=Given(remote_by_slice={number: (0.0, 0.0)}))


def middle_of_free_wall(labels, k):
    """The pixel of the healthy wall that lies farthest from its border."""
    depth = distance_transform_edt(labels[k] == Label.LV_MYOCARDIUM)
    return tuple(map(float, np.unravel_index(depth.argmax(), depth.shape)))


def test_body_size_divides_volumes_and_masses(shell):
    scan, labels = shell()
    # Mosteller: sqrt(180 * 80 / 3600) = 2 m2.
    found = quantify(scan, labels, given=Given(height_cm=180, weight_kg=80))
    assert found.body.body_surface_area_m2 == pytest.approx(2.0)
    assert found.body.lv_volume_index_ml_m2 == pytest.approx(found.features.lv_volume_ml / 2)
    assert found.body.myocardium_mass_index_g_m2 == pytest.approx(
        found.features.myocardium_mass_g / 2
    )


def test_obstruction_counts_as_scar(shell):
    scan, labels = shell(extent_deg=90, label=int(Label.MICROVASCULAR_OBSTRUCTION))
    found = quantify(scan, labels)
    assert found.features.microvascular_obstruction_volume_ml == (
        found.features.enhancement_volume_ml
    )
    assert found.features.scar_burden_percent == pytest.approx(25.0, abs=1.0)
    assert found.transmurality.scar_transmurality_percent == pytest.approx(100.0, abs=5.0)


def insertion_at(scan, degrees):
    """Row and column of a point in the wall at an angle around the middle of a shell."""
    row = scan.pixels.shape[1] / 2 - 0.3 + 30 * np.sin(np.deg2rad(degrees))
    column = scan.pixels.shape[2] / 2 + 0.2 + 30 * np.cos(np.deg2rad(degrees))
    return row, column


@pytest.mark.parametrize(("degrees", "warned"), [(230, 0), (190, 0), (270, 0), (284, 1), (40, 1)])
def test_a_given_insertion_far_from_the_septum_is_told(shell, degrees, warned):
    scan, labels = shell(spacing_mm=(8.0, 1.0, 1.0))  # the septum puts it at 230
    found = quantify(scan, labels, given=Given(rv_insertion=insertion_at(scan, degrees)))
    assert found.insertion.source == "given"
    assert sum("degrees from where the septum" in text for text in found.warnings) == warned


def test_a_swapped_row_and_column_is_told(shell):
    scan, labels = shell(spacing_mm=(8.0, 1.0, 1.0), shift=(14.3, -20.2))
    right = quantify(scan, labels)
    point = right.insertion_point[1:]
    swapped = quantify(scan, labels, given=Given(rv_insertion=point[::-1]))
    assert any("are row and column in their order" in text for text in swapped.warnings)
    again = quantify(scan, labels, given=Given(rv_insertion=point))
    assert again.warnings == right.warnings


def test_an_insertion_placed_in_slices_is_their_mean(shell):
    scan, labels = shell(spacing_mm=(8.0, 1.0, 1.0))
    points = {2: insertion_at(scan, 220), 5: insertion_at(scan, 240)}
    found = quantify(scan, labels, given=Given(rv_insertion_by_slice=points))
    assert np.rad2deg(found.insertion.angle) % 360 == pytest.approx(230.0, abs=1.0)
    assert found.insertion.source == "given"


def test_an_insertion_in_a_slice_without_cavity_is_refused(shell):
    scan, labels = shell(slices=7, caps=1)
    numbers = {scan.grid.slice_number(0): (10.0, 10.0)}
    with pytest.raises(InputError, match="which has no blood pool: slices 2 to 7 may have it"):
        quantify(scan, labels, given=Given(rv_insertion_by_slice=numbers))


def test_a_wall_that_is_all_scar_has_segments_from_a_given_insertion_only(shell):
    scan, labels = shell(extent_deg=361)
    assert not (labels == Label.LV_MYOCARDIUM).any()
    found = quantify(scan, labels)
    assert (found.insertion, found.segment_model) == (None, None)
    assert {row.scar_percent for row in found.segments} == {None}
    assert (
        "the right ventricle was not looked for, because no slice has both blood and wall without "
        "scar to compare it with: for AHA segments its anterior insertion must be given"
    ) in found.warnings
    marked = quantify(scan, labels, given=Given(rv_insertion=insertion_at(scan, 230)))
    assert marked.segments[7].scar_percent == 100.0

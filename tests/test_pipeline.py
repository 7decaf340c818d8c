from dataclasses import dataclass, replace

import nibabel as nib
import numpy as np
import pytest

from acsnet.io import read_scan
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.nets.inference import InferenceNetwork
from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import random_spec
from acsnet.pipeline import in_anatomical_order
from acsnet.preprocess import standardise
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.stage_outputs import Masks, label_map

pytestmark = pytest.mark.slow

PATIENTS = ("phantom-1", "phantom-2")


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def results(pipeline, samples):
    return {name: pipeline(read_scan(samples / "nifti" / f"{name}.nii.gz")) for name in PATIENTS}


@pytest.mark.parametrize("name", PATIENTS)
def test_sample_patients_are_segmented_close_to_their_truth(results, samples, name):
    result = results[name]
    drawn = read_scan(samples / "truth" / f"{name}.nii.gz")
    truth = result.scan.grid.from_input(drawn.grid.to_input(drawn.pixels)).astype(np.uint8)
    wall, expert = np.isin(result.labels, MYOCARDIUM), np.isin(truth, MYOCARDIUM)
    assert dice(wall, expert) >= 0.80
    assert dice(np.isin(result.labels, LEFT_VENTRICLE), np.isin(truth, LEFT_VENTRICLE)) >= 0.90
    burden = 100 * np.isin(truth, ENHANCEMENT).sum() / expert.sum()
    assert result.features.scar_burden_percent == pytest.approx(burden, abs=5.0)


@pytest.mark.parametrize("name", PATIENTS)
def test_dicom_and_nifti_of_one_patient_give_the_same_numbers(pipeline, results, samples, name):
    from_dicom = pipeline(
        replace(read_scan(samples / "dicom" / name), windows=None)
    ).features_dict()
    from_nifti = results[name].features_dict()
    for key in ("lv_volume_ml", "myocardium_volume_ml", "scar_burden_percent"):
        assert from_dicom[key] == pytest.approx(from_nifti[key], rel=1e-3)


def test_volumes_are_those_of_the_label_map(results):
    result = results["phantom-1"]
    voxel_ml = np.prod(result.scan.spacing_mm) / 1000
    features = result.features
    wall_ml = np.isin(result.labels, MYOCARDIUM).sum() * voxel_ml
    assert features.myocardium_volume_ml == pytest.approx(wall_ml, rel=1e-4)
    assert features.myocardium_mass_g == pytest.approx(1.05 * wall_ml, rel=1e-4)
    parts = features.core_scar_volume_ml + features.grey_zone_volume_ml
    assert features.enhancement_volume_ml == pytest.approx(parts)


def test_slices_in_reverse_give_the_same_heart(pipeline, samples):
    scan = replace(read_scan(samples / "nifti" / "phantom-1.nii.gz"), apex_first=None)
    forward, backward = pipeline(scan), pipeline(scan.reversed())
    np.testing.assert_array_equal(forward.label_map(), backward.label_map())
    assert forward.scan.apex_first is backward.scan.apex_first is True


@pytest.mark.parametrize(
    "order", [(2, 1, 3), (-1, 2, 3), (1, -2, 3), (-3, 2, -1), (2, 3, 1)], ids=str
)
def test_a_scan_stored_another_way_gives_the_same_voxels(
    pipeline, results, samples, tmp_path, order
):
    """order: where each axis goes, from 1; negative where it runs the other way then."""
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    ways = np.array([[abs(axis) - 1, np.sign(axis)] for axis in order])
    nib.save(image.as_reoriented(ways), tmp_path / "phantom-1.nii.gz")
    labels = pipeline(read_scan(tmp_path / "phantom-1.nii.gz")).label_map()
    straight = results["phantom-1"].label_map()
    np.testing.assert_array_equal(labels, nib.orientations.apply_orientation(straight, ways))


@pytest.mark.parametrize("axes", [(1, 2), (1,)], ids=["half a turn", "mirrored"])
def test_a_heart_that_lies_another_way_round_than_the_file_says_is_drawn_the_same(
    pipeline, results, samples, axes
):
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    moved = pipeline(replace(scan, pixels=np.flip(scan.pixels, axes)))
    before, after = (np.isin(r.labels, MYOCARDIUM) for r in (results["phantom-1"], moved))
    # Not to the voxel: the tiles of the equalisation are counted from the first row and column, and
    # where two views agree the networks look at no other, so that these see it in two others.
    assert dice(before, np.flip(after, axes)) > 0.97


def test_an_aorta_is_not_taken_for_a_small_heart_and_the_doubt_is_told(pipeline):
    # The aorta has more volume in the middle slices than this heart.
    spec = random_spec(np.random.default_rng(12221))
    phantom = make_phantom(replace(spec, scar_extent_degrees=4 / 3 * spec.scar_extent_degrees))
    result = pipeline(phantom.scan)
    truth = result.scan.grid.from_input(phantom.scan.grid.to_input(phantom.labels))
    drawn = result.labels > 0
    assert (drawn & (truth > 0)).sum() > 0.9 * drawn.sum()
    assert "other_object" in [flag.flag for flag in result.quality]


@dataclass(frozen=True)
class ScarTakenForBlood:
    """Draws as another network, but takes all enhancement for blood."""

    net: InferenceNetwork

    @property
    def config(self):
        return self.net.config

    def __call__(self, images):
        probability = self.net(images)
        wall, enhancement = probability[:, 0], probability[:, 1]
        return np.stack([np.where(enhancement > 0.5, 0.1, wall), enhancement], axis=1)


def test_a_scar_that_the_network_takes_for_blood_but_sees_enhanced_is_wall(
    pipeline, results, samples
):
    blind = replace(pipeline, myocardium_net=ScarTakenForBlood(pipeline.myocardium_net))
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    burden = blind(scan).features.scar_burden_percent
    assert burden == pytest.approx(results["phantom-1"].features.scar_burden_percent, abs=0.5)
    assert burden > 5.0


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_of_noise_holds_no_ventricle_and_says_so(pipeline, seed):
    pixels = np.random.default_rng(seed).normal(0, 1, (4, 96, 96)).astype(np.float32)
    affine = np.diag([1.5, 1.5, 10.0, 1.0])
    grid = InputGrid(shape=(96, 96, 4), affine=affine, axes=(2, 1, 0))
    result = pipeline(ShortAxisScan(name="noise", pixels=pixels, grid=grid))
    assert result.features.lv_volume_ml is None
    assert result.features.enhancement_volume_ml is None
    assert "no left ventricle was found in this scan" in result.warnings


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 8, 8), (3, 4, 200)])
def test_images_far_too_small_for_a_heart_hold_none(pipeline, shape):
    pixels = np.random.default_rng(0).random(shape).astype(np.float32)
    grid = InputGrid(shape=shape[::-1], affine=np.diag([1.5, 1.5, 10.0, 1.0]), axes=(2, 1, 0))
    result = pipeline(ShortAxisScan(name="tiny", pixels=pixels, grid=grid))
    assert not result.labels.any()
    assert "no left ventricle was found in this scan" in result.warnings


def test_order_follows_the_areas_where_tags_do_not_tell():
    rows, columns = np.indices((64, 64))
    radius = np.array([8, 14, 18, 20])[:, None, None]
    found = (np.hypot(rows - 32, columns - 32) < radius).astype(np.float32)
    grid = InputGrid(shape=(64, 64, 4), affine=np.diag([1.5, 1.5, 10, 1.0]), axes=(2, 1, 0))
    scan = ShortAxisScan(name="scan", pixels=found, grid=grid)
    reverse = scan.reversed()
    standard = standardise(reverse)
    ordered, standard, notes = in_anatomical_order(reverse, standard, found[::-1])
    assert notes == ()
    assert ordered.apex_first is True
    np.testing.assert_array_equal(ordered.pixels, found)
    assert standard.plain[0].sum() < standard.plain[-1].sum()


def test_tags_win_over_areas_but_the_doubt_is_told():
    rows, columns = np.indices((64, 64))
    radius = np.array([20, 18, 14, 8])[:, None, None]
    found = (np.hypot(rows - 32, columns - 32) < radius).astype(np.float32)
    grid = InputGrid(shape=(64, 64, 4), affine=np.diag([1.5, 1.5, 10, 1.0]), axes=(2, 1, 0))
    scan = ShortAxisScan(name="scan", pixels=found, grid=grid, apex_first=True)
    ordered, _, notes = in_anatomical_order(scan, standardise(scan), found)
    assert ordered is scan
    assert "slice positions say apex first" in notes[0]


def test_labels_nest():
    pool, wall, enhancement, core = (np.zeros((1, 1, 5), bool) for _ in range(4))
    pool[..., 0] = wall[..., 1:] = enhancement[..., 2:4] = core[..., 3] = True
    labels = label_map(Masks(pool=pool, wall=wall, enhancement=enhancement), core=core)
    assert labels.ravel().tolist() == [
        Label.LV_BLOOD_POOL,
        Label.LV_MYOCARDIUM,
        Label.GREY_ZONE,
        Label.CORE_SCAR,
        Label.LV_MYOCARDIUM,
    ]


def test_what_cannot_be_told_apart_stays_unknown_when_it_is_corrected(pipeline, samples):
    scan, truth = (read_scan(samples / part / "phantom-1.nii.gz") for part in ("nifti", "truth"))
    drawn = scan.grid.from_input(truth.grid.to_input(truth.pixels)).astype(np.uint8)
    scar, wall = np.isin(drawn, ENHANCEMENT), np.isin(drawn, MYOCARDIUM)
    grey = np.where(scar, np.uint8(Label.GREY_ZONE), drawn)
    pixels = scan.pixels.copy()
    pixels[scar] = np.median(pixels[wall & ~scar]) - 20.0
    corrected = pipeline.correct(replace(scan, pixels=pixels), grey)
    features = corrected.features
    assert features.enhancement_volume_ml > 10.0
    assert features.core_scar_volume_ml is features.grey_zone_volume_ml is None
    assert sum("cannot be told apart" in warning for warning in corrected.warnings) == 1
    # Where they can be, grey zone alone is what was drawn.
    features = pipeline.correct(scan, grey).features
    assert features.core_scar_volume_ml == 0.0
    assert features.grey_zone_volume_ml == features.enhancement_volume_ml

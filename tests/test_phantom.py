"""Phantoms: true scar of known size, true geometry, and files that say the same."""

import shutil
import subprocess
from dataclasses import replace
from math import pi
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, label

from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.phantom import PhantomSpec, make_phantom, random_spec
from acsnet.phantom.ventricle import radii_mm
from acsnet.scan import apex_first_by_position
from sample_patients import SAMPLE_PATIENTS, write_samples
from shared.phantom_files import write_dicom, write_nifti

SAMPLE_DATA = Path(__file__).parents[1] / "sample-data"

ROUND = PhantomSpec(
    name="round",
    seed=1,
    slices=3,
    matrix=(160, 160),
    spacing_mm=(10.0, 0.8, 0.8),
    first_slice_mm=50.0,
    lv_length_mm=70.0,
    endocardial_radius_mm=20.0,
    wall_mm=10.0,
    ellipticity=0.0,
    irregularity=0.0,
    shift_mm=0.0,
    centre_mm=(0.3, 0.1),
    scar_slices=(2, 2),
    scar_centre_degrees=180.0,
    scar_extent_degrees=60.0,
)
"""Slice 2 lies at the valve, where the wall is a ring from 20 to 30 mm."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder)
    return folder


def area_mm2(labels: np.ndarray, *values: Label) -> float:
    return float(np.isin(labels, values).sum()) * 0.8 * 0.8


@pytest.mark.parametrize(
    ("depth", "extent", "expected"),
    [
        (1.0, 60.0, 60 / 360 * pi * (30**2 - 20**2)),
        (0.5, 60.0, 60 / 360 * pi * (25**2 - 20**2)),
        (1.0, 90.0, 90 / 360 * pi * (30**2 - 20**2)),
        (0.0, 60.0, 0.0),
    ],
)
def test_scar_fills_the_ring_sector_of_its_angle_and_depth(
    depth: float, extent: float, expected: float
) -> None:
    labels = make_phantom(replace(ROUND, scar_depth=depth, scar_extent_degrees=extent)).labels[2]
    assert area_mm2(labels, *ENHANCEMENT) == pytest.approx(expected, rel=0.03)
    assert area_mm2(labels, *MYOCARDIUM) == pytest.approx(pi * (30**2 - 20**2), rel=0.01)
    assert area_mm2(labels, Label.LV_BLOOD_POOL) == pytest.approx(pi * 20**2, rel=0.01)


def test_core_is_the_given_share_of_angle_and_depth() -> None:
    labels = make_phantom(replace(ROUND, core_fraction=0.25)).labels[2]
    # Half of 60 degrees, half of the wall: from 20 to 25 mm.
    assert area_mm2(labels, Label.CORE_SCAR) == pytest.approx(
        30 / 360 * pi * (25**2 - 20**2), rel=0.04
    )


def test_scar_lies_in_its_slices_at_its_angle() -> None:
    labels = make_phantom(ROUND).labels
    assert not np.isin(labels[:2], ENHANCEMENT).any()
    _, columns = np.nonzero(np.isin(labels[2], ENHANCEMENT))
    # The mid septum is to the left of the cavity, 20 to 30 mm from its middle at column 80.
    assert columns.min() == pytest.approx(80 - 30 / 0.8, abs=1)
    assert columns.max() == pytest.approx(80 - 20 * np.cos(pi / 6) / 0.8, abs=1)


@pytest.mark.parametrize("rotation", [0.0, 40.0, -115.0])
def test_turning_the_image_plane_leaves_the_scar_at_its_place_in_the_patient(
    rotation: float,
) -> None:
    phantom = make_phantom(replace(ROUND, rotation_degrees=rotation))
    grid = phantom.scan.grid

    def centre_ras(*values: Label) -> np.ndarray:
        inside = grid.to_input(np.isin(phantom.labels, values))
        inside[..., :2] = False
        return nib.affines.apply_affine(grid.affine, np.argwhere(inside)).mean(axis=0)

    towards_scar = centre_ras(*ENHANCEMENT) - centre_ras(Label.LV_BLOOD_POOL)
    # Septum: to the right, front and foot, at a right angle to the long axis (1, -1, 1).
    septal = np.array([2.0, 1.0, -1.0]) / np.sqrt(6)
    assert towards_scar / np.linalg.norm(towards_scar) == pytest.approx(septal, abs=0.02)


def test_cavity_and_wall_taper_to_the_apex() -> None:
    assert radii_mm(ROUND, 70.0) == pytest.approx((20.0, 30.0))
    assert radii_mm(ROUND, 0.0)[0] == 0.0
    assert radii_mm(ROUND, -10.0) == (0.0, 0.0)
    # Half way up: 20 * sqrt(1 - 1/4) and 30 * sqrt(1 - (35/80)^2).
    assert radii_mm(ROUND, 35.0) == pytest.approx((17.3205, 26.9763), abs=1e-3)


def test_same_spec_gives_same_arrays_and_another_seed_others() -> None:
    first, again = make_phantom(ROUND), make_phantom(ROUND)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.labels, again.labels)
    assert not np.array_equal(first.pixels, make_phantom(replace(ROUND, seed=2)).pixels)


def test_look_is_that_of_late_enhancement() -> None:
    phantom = make_phantom(ROUND)
    pixels, labels = phantom.scan.pixels, phantom.labels
    mean = {value: pixels[2][labels[2] == value].mean() for value in LEFT_VENTRICLE if value < 5}
    assert mean[Label.LV_MYOCARDIUM] < 0.6 * mean[Label.LV_BLOOD_POOL]
    assert mean[Label.LV_MYOCARDIUM] < mean[Label.GREY_ZONE] < mean[Label.CORE_SCAR]
    assert pixels.min() >= 0
    assert make_phantom(replace(ROUND, phase_sensitive=True)).scan.pixels.min() < 0


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_random_patients_are_whole(seed: int) -> None:
    spec = random_spec(np.random.default_rng(seed))
    assert spec == random_spec(np.random.default_rng(seed))
    pixel_mm = 300.0 / 112
    small = replace(spec, matrix=(112, 112), spacing_mm=(spec.spacing_mm[0], pixel_mm, pixel_mm))
    phantom = make_phantom(small)
    ordered = apex_first_by_position(phantom.scan)
    assert ordered.apex_first is True
    assert ordered.grid is phantom.scan.grid
    assert phantom.scan.pixels.shape == phantom.labels.shape == (spec.slices, 112, 112)
    assert phantom.scan.spacing_mm == pytest.approx(small.spacing_mm)
    assert np.isin(phantom.labels, MYOCARDIUM).sum() > 500
    for labels in phantom.labels:
        pool = labels == Label.LV_BLOOD_POOL
        around = binary_dilation(pool) & ~pool
        assert np.isin(labels[around], MYOCARDIUM).all()
        assert label(np.isin(labels, LEFT_VENTRICLE))[1] <= 1
        scar = np.isin(labels, ENHANCEMENT)
        assert not scar.any() or (labels == Label.LV_MYOCARDIUM).any()


@pytest.mark.parametrize("spec", SAMPLE_PATIENTS, ids=lambda spec: spec.name)
def test_nifti_and_dicom_hold_the_same_patient(spec: PhantomSpec, samples: Path) -> None:
    image = nib.load(samples / "nifti" / f"{spec.name}.nii.gz")
    voxels = np.asarray(image.dataobj)
    truth = nib.load(samples / "truth" / f"{spec.name}.nii.gz")
    assert voxels.dtype == np.int16
    assert np.allclose(truth.affine, image.affine)
    for path in sorted((samples / "dicom" / spec.name).iterdir()):
        dataset = pydicom.dcmread(path)
        index = int(dataset.InstanceNumber) - 1
        assert np.array_equal(dataset.pixel_array.T, voxels[..., index])
        row_mm, column_mm = map(float, dataset.PixelSpacing)
        cosines = np.array(dataset.ImageOrientationPatient, float)
        corner = np.array(dataset.ImagePositionPatient, float)
        for column, row in [(0, 0), (dataset.Columns - 1, 0), (0, dataset.Rows - 1)]:
            lps = corner + column * column_mm * cosines[:3] + row * row_mm * cosines[3:]
            ras = nib.affines.apply_affine(image.affine, (column, row, index))
            assert lps * [-1, -1, 1] == pytest.approx(ras, abs=1e-3)


@pytest.mark.parametrize("spec", SAMPLE_PATIENTS, ids=lambda spec: spec.name)
def test_readers_give_back_the_phantom_apex_first(spec: PhantomSpec, samples: Path) -> None:
    phantom = make_phantom(spec)
    for path in (samples / "nifti" / f"{spec.name}.nii.gz", samples / "dicom" / spec.name):
        scan = read_scan(path)
        assert scan.apex_first is True
        assert np.array_equal(scan.pixels, phantom.scan.pixels)
        assert scan.spacing_mm == pytest.approx(spec.spacing_mm, abs=1e-4)
    truth = read_labels(samples / "truth" / f"{spec.name}.nii.gz")
    assert np.array_equal(phantom.scan.grid.from_input(truth), phantom.labels)


def test_sample_scars_are_as_described() -> None:
    first, second = map(make_phantom, SAMPLE_PATIENTS)
    assert 15 <= first.scar_burden_percent <= 20
    assert 6 <= second.scar_burden_percent <= 10


def test_writing_again_gives_the_same_bytes_and_leaves_nothing_else(
    samples: Path, tmp_path: Path
) -> None:
    phantom = make_phantom(SAMPLE_PATIENTS[1])
    written = [write_nifti(phantom, tmp_path / "nifti"), *write_dicom(phantom, tmp_path / "dicom")]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(written)
    before = [samples / "nifti" / written[0].name]
    before += sorted((samples / "dicom" / "phantom-2").iterdir())
    assert [path.read_bytes() for path in written] == [path.read_bytes() for path in before]


def test_shipped_sample_data_is_what_the_generator_makes(samples: Path) -> None:
    def files(folder: Path) -> set[Path]:
        found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        return {path for path in found if path.suffix != ".md"}

    assert files(SAMPLE_DATA) == files(samples)
    for path in files(samples):
        if path.suffix == ".gz":
            shipped = nib.load(SAMPLE_DATA / path)
            made = nib.load(samples / path)
            # Another processor's last bit may tip a rounding, never more.
            unequal = np.abs(shipped.get_fdata() - made.get_fdata())
            assert (unequal > 1).mean() < 1e-4
            assert np.allclose(shipped.affine, made.affine)
    assert sum(path.stat().st_size for path in SAMPLE_DATA.rglob("*") if path.is_file()) < 2.5e6


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dicom_validator_finds_no_error(samples: Path) -> None:
    for path in sorted((samples / "dicom").rglob("*.dcm")):
        checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert "Error" not in checked.stdout + checked.stderr


def test_every_sample_slice_has_its_own_uid(samples: Path) -> None:
    datasets = [pydicom.dcmread(path) for path in (samples / "dicom").rglob("*.dcm")]
    assert len({dataset.SOPInstanceUID for dataset in datasets}) == len(datasets) == 16
    assert len({dataset.SeriesInstanceUID for dataset in datasets}) == 2
    assert len({dataset.PatientID for dataset in datasets}) == 2

"""What hospitals, viewers and colleagues sent and what went wrong with it: each has a right answer.

The inputs are the sample patients, packed as in the reports. Whatever way they come in, by the
command line, from a served folder or in a cohort, they give the same scans with the same warnings.
"""

import gzip
import shutil

import enhanced_packings
import nibabel as nib
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813
from scipy.ndimage import zoom
from ways_in import by_cohort, by_command_line, by_server, fingerprint

from acsnet.io import read_scan
from acsnet.scan import is_fit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plain_burden(samples, pipeline):
    """Scar burden of the first sample patient as it is packed plainly, in percent."""

    def burden(kind):
        path = samples / kind / ("phantom-1" if kind == "dicom" else "phantom-1.nii.gz")
        return pipeline(read_scan(path)).features.scar_burden_percent

    return {kind: burden(kind) for kind in ("dicom", "nifti")}


def dicom_cases(samples):
    """Name -> what packs the first sample patient into a folder; words of its warning."""

    def patient():
        return packed_scans.slices(samples / "dicom" / "phantom-1")

    def both(out):
        for number in (1, 2):
            datasets = patient()
            for dataset in datasets:
                dataset.PatientID = f"patient-{number}"
                dataset.StudyInstanceUID += f".{number}"
                dataset.SeriesInstanceUID += f".{number}"
                packed_scans.new_uid(dataset)
            packed_scans.write(out / f"patient-{number}" / "LGE", datasets)

    packs = {
        "series per slice": (packed_scans.series_per_slice, "joined to one stack"),
        "repeated slice": (packed_scans.repeated_slice, "slice repeated"),
        "same file twice": (packed_scans.copied_file, "a copy of"),
        "cd": (packed_scans.compact_disc, ""),
        "localizer inside": (packed_scans.localizer_inside, "localizers"),
        "overlay bits": (packed_scans.overlay_bits, "HighBit"),
        "jpeg lossless": (lambda d, out: packed_scans.compressed(d, out, "JPEG"), ""),
        "no meta": (packed_scans.bare_data_sets, ""),
        "gap": (
            lambda d, out: packed_scans.moved_slices(d, out, from_index=6, along_mm=1),
            "mm apart",
        ),
        "aside": (
            lambda d, out: packed_scans.moved_slices(
                d, out, from_index=6, to_index=7, aside_mm=1.5
            ),
            "mm beside",
        ),
        "window of stored values": (packed_scans.window_of_stored_values, "stored values"),
        "pixel padding": (packed_scans.padded_corners, "no signal in"),
        "signed 12 bits": (packed_scans.signed_12_bits, ""),
        "gain per slice": (packed_scans.gain_per_slice, "brought to one gain"),
        "enhanced one frame": (enhanced_packings.enhanced_one_frame_a_file, ""),
        "enhanced series per slice": (
            enhanced_packings.enhanced_series_per_slice,
            "joined to one stack",
        ),
    }
    cases = {
        name: (lambda out, pack=pack: pack(patient(), out), words)
        for name, (pack, words) in packs.items()
    }
    return {**cases, "same folder names": (both, "")}


def volume_cases(samples):
    """As `dicom_cases`, of the NIfTI file of the patient."""
    source = samples / "nifti" / "phantom-1.nii.gz"
    image = nib.load(source)
    data = np.asanyarray(image.dataobj)

    def false_endings(out):
        (out / "plain-called-gz.nii.gz").write_bytes(image.to_bytes())
        (out / "gz-called-nii.nii").write_bytes(gzip.compress(image.to_bytes()))
        (out / "gz-twice.nii.gz").write_bytes(gzip.compress(gzip.compress(image.to_bytes())))

    def two_orientations(out):
        turn = np.eye(4)
        angle = np.deg2rad(15)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turn[:3, 3] = 20, -10, 5
        moved = nib.Nifti1Image(data, image.affine, image.header)
        moved.set_qform(image.affine, code=1)
        moved.set_sform(turn @ image.affine, code=2)
        nib.save(moved, out / "scan.nii.gz")

    def of_slicer(out):
        for ending in ("nrrd", "mha"):
            sitk.WriteImage(sitk.ReadImage(str(source)), str(out / f"scan-{ending}.{ending}"))

    def capitals(out):
        (out / "SCAN.NII.GZ").write_bytes(gzip.compress(image.to_bytes()))
        (out / "SCAN2.NII").write_bytes(image.to_bytes())

    def same_names(out):
        for patient in ("patient-1", "patient-2"):
            (out / patient).mkdir()
            shutil.copy(source, out / patient / "lge.nii.gz")

    def with_label_map(out):
        shutil.copy(source, out / "lge.nii.gz")
        shutil.copy(samples / "truth" / "phantom-1.nii.gz", out / "lge_label.nii.gz")

    return {
        "false endings": (false_endings, ""),
        "two orientations": (two_orientations, "qform and sform"),
        "five dimensions": (
            lambda out: nib.save(
                nib.Nifti1Image(data[..., None, None], image.affine, image.header), out / "a.nii"
            ),
            "",
        ),
        "nrrd and mha": (of_slicer, ""),
        "blank slices": (
            lambda out: packed_scans.blank_slices(image, out / "a.nii"),
            "no signal in",
        ),
        "capitals": (capitals, ""),
        "same file names": (same_names, ""),
        "label map beside": (with_label_map, ""),
    }


COUNTS = {
    "same folder names": 2,
    "false endings": 3,
    "nrrd and mha": 2,
    "capitals": 2,
    "same file names": 2,
}
"""Scans of a case that has several."""

DICOM = (
    "series per slice",
    "repeated slice",
    "same file twice",
    "cd",
    "localizer inside",
    "overlay bits",
    "jpeg lossless",
    "no meta",
    "gap",
    "aside",
    "window of stored values",
    "pixel padding",
    "signed 12 bits",
    "gain per slice",
    "enhanced one frame",
    "enhanced series per slice",
    "same folder names",
)
VOLUMES = (
    "false endings",
    "two orientations",
    "five dimensions",
    "nrrd and mha",
    "blank slices",
    "capitals",
    "same file names",
    "label map beside",
)


@pytest.mark.parametrize("name", [*DICOM, *VOLUMES])
def test_every_way_in_gives_the_same_scans(samples, tmp_path, name):
    pack, words = {**dicom_cases(samples), **volume_cases(samples)}[name]
    folder = tmp_path / "studies"
    folder.mkdir()
    pack(folder)
    scans = by_command_line(folder)
    assert len(scans) == COUNTS.get(name, 1)
    for scan in scans:
        assert len(scan.warnings) == bool(words)
        assert all(words in warning for warning in scan.warnings)
    expected = sorted(map(fingerprint, scans))
    assert sorted(map(fingerprint, by_cohort(folder))) == expected
    assert sorted(map(fingerprint, by_server(folder))) == expected


@pytest.mark.parametrize(
    "name",
    [
        "repeated slice",
        "gap",
        "window of stored values",
        "pixel padding",
        "signed 12 bits",
        "gain per slice",
    ],
)
def test_what_changes_voxels_leaves_the_burden(samples, tmp_path, pipeline, plain_burden, name):
    """The others give the voxels of the plain files: `test_packings` and `io/test_selection`."""
    pack, _ = dicom_cases(samples)[name]
    folder = tmp_path / "case"
    pack(folder)
    burden = pipeline(read_scan(folder)).features.scar_burden_percent
    assert burden == pytest.approx(plain_burden["dicom"], abs=0.6)


def test_blank_slices_leave_the_burden(samples, tmp_path, pipeline, plain_burden):
    pack, _ = volume_cases(samples)["blank slices"]
    pack(tmp_path)
    result = pipeline(read_scan(tmp_path / "a.nii"))
    assert result.features.scar_burden_percent == pytest.approx(plain_burden["nifti"], abs=0.1)
    assert not result.labels[~result.scan.signal.any(axis=(1, 2))].any()


def test_a_long_axis_stack_is_called_one_and_is_not_the_next_sample(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    fine = zoom(image.get_fdata(dtype=np.float32), (1, 1, 10 / 1.6), order=1)
    affine = image.affine.copy()
    affine[:3, 2] *= 1.6 / 10
    affine[:3, 3] += affine[:3, 0] * 40
    affine[:3, 0] *= 6
    packed_scans.save_nifti(
        nib.Nifti1Image(fine[40:140:6], affine), tmp_path / "studies" / "stack.nii"
    )
    assert not is_fit(read_scan(tmp_path / "studies" / "stack.nii").warnings)


def test_thin_slices_are_measured_with_a_word(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    data = zoom(image.get_fdata(dtype=np.float32)[20:150, 20:150], (1, 1, 10 / 0.75), order=1)
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, :2] @ [20, 20]
    affine[:3, 2] *= 0.75 / 10
    path = packed_scans.save_nifti(
        nib.Nifti1Image(data.astype(np.int16), affine), tmp_path / "a.nii"
    )
    scan = read_scan(path)
    assert scan.spacing_mm[0] == pytest.approx(0.75)
    assert [w for w in scan.warnings if "0.75 mm apart, as in 3-D LGE" in w]

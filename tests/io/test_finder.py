"""Which files of a folder are scans, and which belong to one."""

import copy
import shutil
import time
from itertools import product
from pathlib import Path

import nibabel as nib
import numpy as np
import packed_scans
import pytest
from ways_in import by_cohort, by_command_line, by_server, fingerprint

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import FOREIGN, REMEDIES, DicomFile
from acsnet.io.finder import scan_files, scans_in, volume_files
from acsnet.io.inputs import expanded
from acsnet.io.series import Series


@pytest.mark.parametrize(
    "name",
    [
        "p1_seg",
        "p1_mask",
        "p1-label",
        "p1.label",
        "p1_gt",
        "p1_LV",
        "p1_myo",
        "p1_scar",
        "p1_pred",
        "p1 manual",
    ],
)
def test_a_label_map_beside_its_image_is_passed_over(tmp_path, name):
    for stem in ("p1", name):
        (tmp_path / f"{stem}.nii.gz").touch()
    files, remarks = volume_files(tmp_path)
    assert [file.name for file in files] == ["p1.nii.gz"]
    assert remarks == [f"{name}.nii.gz was skipped: it is the label map of an image"]


def test_a_patient_called_like_a_label_map_is_told_by_the_values(samples, tmp_path):
    for name in ("AB_1960", "GT_1953", "ROI-12"):
        shutil.copy(samples / "nifti" / "phantom-1.nii.gz", tmp_path / f"{name}.nii.gz")
    labels = nib.load(samples / "truth" / "phantom-1.nii.gz")
    packed_scans.save_nifti(labels, tmp_path / "GT.nii.gz")
    soft = np.asanyarray(labels.dataobj) * np.linspace(0.2, 0.25, labels.shape[0])[:, None, None]
    soft_map = nib.Nifti1Image(soft.astype(np.float32), labels.affine)
    packed_scans.save_nifti(soft_map, tmp_path / "Mask.nii.gz")
    (tmp_path / "Seg.nii.gz").touch()
    files, remarks = volume_files(tmp_path)
    assert [file.name for file in files] == ["AB_1960.nii.gz", "GT_1953.nii.gz", "ROI-12.nii.gz"]
    assert remarks == [
        f"{name}.nii.gz was skipped: it is the label map of an image"
        for name in ("GT", "Mask", "Seg")
    ]


def test_a_soft_mask_of_many_values_is_a_label_map(samples, tmp_path):
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", tmp_path / "lge.nii.gz")
    labels = nib.load(samples / "truth" / "phantom-1.nii.gz")
    many = np.arange(labels.shape[0] * labels.shape[1] * labels.shape[2]).reshape(labels.shape)
    everywhere = (many % 1000).astype(np.int16)
    at_the_heart = np.where(np.asanyarray(labels.dataobj) > 0, everywhere, 0)
    for name, values in (("mask", everywhere), ("Seg_01", at_the_heart), ("GT_53", everywhere)):
        image = nib.Nifti1Image(values.astype(np.int16), labels.affine)
        packed_scans.save_nifti(image, tmp_path / f"{name}.nii.gz")
    files, _ = volume_files(tmp_path)
    assert [file.name for file in files] == ["GT_53.nii.gz", "lge.nii.gz"]


@pytest.mark.parametrize(
    ("image", "label_map"),
    [
        ("imagesTr/p1_0000", "labelsTr/p1"),
        ("sub-01/cmr/sub-01_lge", "derivatives/manual/sub-01/cmr/sub-01_lge_dseg"),
        ("images/p1", "segmentations/p1_seg"),
        ("p1/Images/p1", "p1/Contours/p1"),
        ("images/p1", "labels/reader 2/p1_manual"),
        ("lge_images/patient1_LGE", "lgegt/patient1_LGE_manual"),
        ("train25/myops_training_101_DE", "train25_myops_gd/myops_training_101_gd"),
    ],
)
def test_a_label_map_in_a_folder_of_its_own_is_passed_over_by_every_way_in(
    samples, tmp_path, image, label_map
):
    studies = tmp_path / "studies"
    for name, source in ((image, "nifti"), (label_map, "truth")):
        (studies / f"{name}.nii.gz").parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(samples / source / "phantom-1.nii.gz", studies / f"{name}.nii.gz")
    files, remarks = volume_files(studies)
    assert files == [studies / f"{image}.nii.gz"]
    assert remarks == [f"{label_map}.nii.gz was skipped: it is the label map of an image"]
    scans = by_command_line(studies), by_cohort(studies), by_server(studies)
    assert [len(of_one_way) for of_one_way in scans] == [1, 1, 1]


def test_results_and_archives_beside_scans_are_named(tmp_path):
    out = tmp_path / "out" / "p1"
    out.mkdir(parents=True)
    for name in ("segmentation.nii.gz", "uncertainty.nii.gz", "features.json"):
        (out / name).touch()
    for name in ("p1.nii.gz", "p2.zip", "p3.tar.gz", "p4.mgz"):
        (tmp_path / name).touch()
    files, remarks = volume_files(tmp_path)
    assert [file.name for file in files] == ["p1.nii.gz"]
    assert remarks == [
        "out/p1/segmentation.nii.gz was skipped: it is a result of ACSNet",
        "out/p1/uncertainty.nii.gz was skipped: it is a result of ACSNet",
        "p2.zip was skipped: it is packed",
        "p3.tar.gz was skipped: it is packed",
        "p4.mgz was skipped: it is of another format than NIfTI, NRRD and MetaImage",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((f"p1{ending}", "packed") for ending in (".nii.zst", ".nii.Z", ".dcm.lz4", ".txz")),
        *((f"p1{ending}", FOREIGN) for ending in (".mgz", ".gipl.gz")),
        *((f"p1{ending}", "an unfinished download") for ending in (".nii.gz.part", ".crdownload")),
    ],
)
def test_files_that_may_hold_a_patient_and_are_not_read_are_named(tmp_path, name, reason):
    (tmp_path / name).write_bytes(b"x\0")
    assert volume_files(tmp_path) == ([], [f"{name} was skipped: it is {reason}"])
    with pytest.raises(InputError, match=f"{name} is {reason}, {REMEDIES[reason]}"):
        read_scan(tmp_path)


def test_transforms_meshes_and_features_beside_a_volume_are_no_patients(tmp_path):
    names = ("p1.nii", "p1.mat", "p1_sn.mat", "p1_to_cine.mat", "lv_mesh.vtk", "a.npz", "a.h5")
    for name in names:
        (tmp_path / name).touch()
    assert volume_files(tmp_path) == ([tmp_path / "p1.nii"], [])


def test_a_folder_of_dicom_and_volumes_stands_for_all_of_them(samples, tmp_path):
    studies = tmp_path / "studies"
    packed_scans.write(studies / "patient-1", packed_scans.slices(samples / "dicom" / "phantom-1"))
    (studies / "patient-2").mkdir()
    shutil.copy(samples / "nifti" / "phantom-2.nii.gz", studies / "patient-2" / "lge.nii.gz")
    expected = sorted(map(fingerprint, by_command_line(studies)))
    assert len(expected) == 2
    assert sorted(map(fingerprint, by_cohort(studies))) == expected
    assert sorted(map(fingerprint, by_server(studies))) == expected


def test_dicom_files_called_img_are_no_volumes(samples, tmp_path):
    """And what lost its header is refused, and keeps no server from its other scans."""
    studies = tmp_path / "studies"
    for number, dataset in enumerate(packed_scans.slices(samples / "dicom" / "phantom-1")):
        packed_scans.save(dataset, studies / "patient-1" / f"IM{number:04d}.IMG")
    for scans in (by_command_line(studies), by_cohort(studies), by_server(studies)):
        assert len(scans) == 1
        assert scans[0].warnings == ()
    (studies / "a.img").write_bytes(bytes(1000))
    paths, _ = expanded([studies])
    assert paths == [studies, studies / "a.img"]
    with pytest.raises(InputError, match=r"a\.img cannot be read as NIfTI"):
        by_server(studies)


def test_a_folder_of_patients_stands_for_the_one_lge_series_of_each(samples, tmp_path):
    for patient in ("phantom-1", "phantom-2"):
        datasets = packed_scans.slices(samples / "dicom" / patient)
        packed_scans.write(tmp_path / patient / "lge", datasets)
        for dataset in datasets:
            packed_scans.new_uid(dataset)
            dataset.SeriesInstanceUID, dataset.SeriesDescription = f"1.2.{patient[-1]}", "cine SAX"
        packed_scans.write(tmp_path / patient / "cine", datasets)
    paths, _ = expanded([tmp_path])
    assert paths == [tmp_path / "phantom-1", tmp_path / "phantom-2"]
    for path in paths:
        plain = read_scan(samples / "dicom" / path.name)
        assert np.array_equal(read_scan(path).pixels, plain.pixels)


def test_without_their_image_such_names_are_scans(tmp_path):
    for stem in ("p1_scar", "p2_LV", "olive", "p3"):
        (tmp_path / f"{stem}.nii.gz").touch()
    files, remarks = volume_files(tmp_path)
    assert len(files) == 4
    assert remarks == []


def test_thousands_of_scans_of_a_folder_are_told_apart_in_no_time():
    """Each by itself: compared with each other, these took a minute."""
    files = [Path(f"/x/scan-{number:05d}.nii.gz") for number in range(4000)]
    begun = time.process_time()
    scans, _ = scan_files(files, root=Path("/x"))
    assert len(scans) == 4000
    assert time.process_time() - begun < 5.0


@pytest.mark.parametrize("kinds", [("M", "R"), ("M", "P")], ids=["two scans", "a choice"])
def test_images_of_one_slice_whose_numbers_round_otherwise_are_told_apart(patient_1, kinds):
    """The second of each pair has two decimals, so that 0.249876 mm becomes 0.25 mm."""
    files = []
    for number, dataset in enumerate(patient_1):
        place = np.add(dataset.ImagePositionPatient, [0.123457, 0.249876, 0.371235])
        for kind, decimals in zip(kinds, (6, 2), strict=True):
            image = copy.deepcopy(dataset)
            image.ImageType = ["ORIGINAL", "PRIMARY", kind]
            image.ImagePositionPatient = [f"{value:.{decimals}f}" for value in place]
            files.append(DicomFile(Path(f"{kind}{number}"), f"{kind}{number}", image))
    scans = scans_in(Series("1.2.3", tuple(files), ()))
    if kinds == ("M", "R"):
        assert [(scan.kind, len(scan.files)) for scan in scans] == [
            ("phase-sensitive", 8), ("magnitude", 8)
        ]  # fmt: skip
    else:
        assert [scan.phase for scan in scans] == [None, 1, 2]


@pytest.mark.parametrize("again", [4, 5], ids=["half of them", "most of them"])
def test_slices_that_were_repeated_hide_no_choice(patient_1, again):
    """Magnitude and phase images of eight slices, of which some were taken twice."""
    files = []
    for number, dataset in enumerate(patient_1):
        for turn, kind in product(range(2 if number < again else 1), ("M", "P")):
            image = copy.deepcopy(dataset)
            image.ImageType = ["ORIGINAL", "PRIMARY", kind]
            image.AcquisitionTime = f"{12 + turn}{number:02d}00"
            files.append(DicomFile(Path(f"{turn}{kind}{number}"), f"{turn}{kind}{number}", image))
    scans = scans_in(Series("1.2.3", tuple(files), ()))
    assert [scan.phase for scan in scans] == [None, 1, 2]
    assert "ImageType" in scans[1].kind


def test_a_scan_with_gadolinium_is_no_label_map(tmp_path):
    for name in ("p1_pre", "p1_gd"):
        (tmp_path / f"{name}.nii.gz").touch()
    assert len(volume_files(tmp_path)[0]) == 2

"""Inputs like those that went wrong: the same scan, a warning with its burden, or a true reason."""

import copy
import gzip
import zipfile

import enhanced_packings
import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pydicom
import pytest
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan
from acsnet.preprocess import check_image
from acsnet.server.datastores.folder import StudiesDatastore


def test_inverted_grey_is_called_so(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.PhotometricInterpretation = "MONOCHROME1"
    with pytest.raises(InputError, match="stored inverted"):
        read_scan(packed_scans.write(tmp_path / "a", patient_1))


def test_what_is_to_be_shown_inverted_is_told_and_measured(patient_1, plain, tmp_path):
    patient_1[2].PresentationLUTShape = "INVERSE"
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    assert scan.warnings == (
        "IM0002.dcm may be stored inverted (PresentationLUTShape INVERSE): make sure that scar is "
        "bright",
    )
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_what_is_packed_is_to_be_unpacked(tmp_path):
    (tmp_path / "a").mkdir()
    with zipfile.ZipFile(tmp_path / "a" / "scan.zip", "w") as packed:
        packed.writestr("x", "y")
    with pytest.raises(InputError, match=r"scan\.zip is packed, unpack it first"):
        read_scan(tmp_path / "a")
    with pytest.raises(InputError, match=r"scan\.zip is packed: unpack it first"):
        read_scan(tmp_path / "a" / "scan.zip")


def test_two_patients_with_one_series_uid_are_never_one_stack(patient_1, tmp_path):
    for dataset in patient_1[::2]:
        dataset.PatientID = "somebody else"
    folder = packed_scans.write(tmp_path / "a", patient_1)
    with pytest.raises(InputError, match="images of 2 patients have one SeriesInstanceUID"):
        read_scan(folder)


def test_two_studies_with_one_series_uid_are_never_one_stack(patient_1, plain, tmp_path):
    for number, dataset in enumerate(patient_1):
        dataset.StudyInstanceUID = f"1.2.{number}"  # an anonymiser made one an image
    folder = packed_scans.write(tmp_path / "a", patient_1)
    assert np.array_equal(read_scan(folder).pixels, plain.pixels)
    for dataset in patient_1:
        dataset.StudyInstanceUID = "1.2.0"
    packed_scans.write(folder, patient_1)
    for number, dataset in enumerate(patient_1[:3]):
        packed_scans.new_uid(dataset)
        dataset.StudyInstanceUID, dataset.AcquisitionTime = "1.2.1", "235959"
        packed_scans.save(dataset, folder / f"later-{number}.dcm")
    with pytest.raises(InputError, match="images of 2 studies have one SeriesInstanceUID"):
        read_scan(folder)


@pytest.mark.parametrize("capture", [True, False])
def test_a_picture_in_colour_or_a_screen_capture_is_left_out(patient_1, plain, tmp_path, capture):
    folder = packed_scans.write(tmp_path / "a", patient_1)
    picture = patient_1[0]
    packed_scans.new_uid(picture)
    if capture:
        picture.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        picture.file_meta.MediaStorageSOPClassUID = picture.SOPClassUID
        del picture.ImagePositionPatient, picture.ImageOrientationPatient
    else:
        picture.SamplesPerPixel, picture.PhotometricInterpretation = 3, "RGB"
        picture.BitsAllocated, picture.BitsStored, picture.HighBit = 8, 8, 7
        picture.PlanarConfiguration = 0
        picture.PixelData = bytes(picture.Rows * picture.Columns * 3)
    packed_scans.save(picture, folder / "picture.dcm")
    scan = read_scan(folder)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ("left out: picture.dcm, screen captures or colour",)


def test_a_derived_picture_that_lies_nowhere_is_left_out_and_a_slice_is_not(
    patient_1, plain, tmp_path
):
    folder = packed_scans.write(tmp_path / "a", patient_1)
    picture = patient_1[0]
    packed_scans.new_uid(picture)
    del picture.ImagePositionPatient, picture.ImageOrientationPatient
    packed_scans.save(picture, folder / "picture.dcm")
    with pytest.raises(InputError, match=r"picture\.dcm must have ImagePositionPatient"):
        read_scan(folder)
    picture.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    packed_scans.save(picture, folder / "picture.dcm")
    scan = read_scan(folder)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ("left out: picture.dcm, screen captures or colour",)


def test_a_series_that_came_twice_under_other_uids_is_one(patient_1, plain, tmp_path):
    for name in ("first", "again"):
        packed_scans.write(tmp_path / name, patient_1)
        for dataset in patient_1:
            packed_scans.new_uid(dataset)
    scan = read_scan(tmp_path)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert [words for words in scan.warnings if "with the same pixels" in words]
    odd = tmp_path / "again" / "IM0003.dcm"
    dataset = pydicom.dcmread(odd)
    dataset.PixelData = bytes(len(dataset.PixelData))
    packed_scans.save(dataset, odd)
    with pytest.raises(GeometryError, match="no tag tells them apart"):
        read_scan(tmp_path)


def test_a_copy_of_a_series_is_no_phase_whatever_its_numbers(patient_1, plain, tmp_path):
    folder = tmp_path / "studies"
    packed_scans.write(folder, patient_1)
    for number, dataset in enumerate(patient_1):
        packed_scans.new_uid(dataset)
        dataset.InstanceNumber = 100 + number
        packed_scans.save(dataset, folder / f"again-{number}.dcm")
    for scans in (by_command_line(folder), by_server(folder), by_cohort(folder)):
        (scan,) = scans
        assert np.array_equal(scan.pixels, plain.pixels)


def test_images_without_a_series_uid_are_one_scan_a_folder_by_every_way(patient_1, plain, tmp_path):
    folder = tmp_path / "studies"
    for dataset in patient_1:
        dataset.SeriesInstanceUID = ""
    for patient in ("patient-1", "patient-2"):
        packed_scans.write(folder / patient, patient_1)
    (folder / "patient-3").mkdir()
    (folder / "patient-3" / "damaged.dcm").write_bytes(bytes(200))
    for one in ("patient-1", "patient-2"):
        assert np.array_equal(read_scan(folder / one).pixels, plain.pixels)
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    try:
        images = sorted(store.list_images())
        assert [image.partition("-")[0] for image in images] == ["damaged", "series", "series"]
        for image in images[1:]:
            scan = read_scan(store.get_image_uri(image))
            assert np.array_equal(scan.pixels, plain.pixels)
    finally:
        store.close()
    for dataset in patient_1:
        packed_scans.new_uid(dataset)
    (folder / "patient-3" / "damaged.dcm").unlink()
    assert len(by_cohort(folder)) == 2


def test_an_emptied_modality_is_told_by_the_class(patient_1, plain, tmp_path):
    folder = tmp_path / "studies"
    for dataset in patient_1:
        dataset.Modality = ""
    packed_scans.write(folder, patient_1)
    for scans in (by_command_line(folder), by_server(folder), by_cohort(folder)):
        (scan,) = scans
        assert np.array_equal(scan.pixels, plain.pixels)


def test_of_several_stacks_in_one_object_the_largest_is_taken_and_told(patient_1, plain, tmp_path):
    """More long-axis frames than are plainly foreign, but with a StackID of their own."""
    path = enhanced_packings.enhanced_multi_frame(patient_1, tmp_path) / "enhanced.dcm"
    whole = pydicom.dcmread(path)
    pixels, frames = whole.pixel_array, list(whole.PerFrameFunctionalGroupsSequence)
    (shared,) = whole.SharedFunctionalGroupsSequence
    orientation = shared.PlaneOrientationSequence
    row, column = np.reshape(np.array(orientation[0].ImageOrientationPatient, float), (2, 3))
    for groups in frames:
        groups.PlaneOrientationSequence = orientation
    del shared.PlaneOrientationSequence
    others = [copy.deepcopy(groups) for groups in frames[:4]]
    for number, groups in enumerate(others):
        groups.FrameContentSequence[0].StackID = "2"
        across = [f"{v:.8f}" for v in (*row, *np.cross(row, column))]
        groups.PlaneOrientationSequence = [enhanced_packings.item(ImageOrientationPatient=across)]
        place = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        place = [f"{v:.6f}" for v in place + 10 * number * column]
        groups.PlanePositionSequence = [enhanced_packings.item(ImagePositionPatient=place)]
    whole.PerFrameFunctionalGroupsSequence = frames + others
    whole.NumberOfFrames = len(frames) + len(others)
    whole.PixelData = np.concatenate([pixels, pixels[:4]]).tobytes()
    packed_scans.save(whole, path)
    scan = read_scan(tmp_path)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert [words for words in scan.warnings if "of another stack by their StackID" in words]


@pytest.mark.parametrize("implicit", [False, True])
def test_private_scales_bring_slices_to_one_scale(patient_1, plain, tmp_path, implicit):
    """Philips: stored values of each slice in a scale of its own, which a private tag has alone."""
    for number, dataset in enumerate(patient_1):
        gain = 1.0 + 0.2 * number
        stored = np.rint(dataset.pixel_array / gain).astype(np.int16)
        dataset.PixelData = stored.tobytes()
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 1.0 / gain)
        if implicit:
            dataset.is_implicit_VR = True
            dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    bright = plain.pixels > 200
    level = np.median(scan.pixels[bright] / plain.pixels[bright])
    np.testing.assert_allclose(scan.pixels / level, plain.pixels, atol=3)
    assert [words for words in scan.warnings if "private scales" in words]
    assert scan.windows is None


def test_private_scales_beside_slices_of_one_scale_change_nothing(patient_1, plain, tmp_path):
    """Software that brought the slices to one scale may have left the tag as it was."""
    for number, dataset in enumerate(patient_1):
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 1.0 / (1.0 + 0.2 * number))
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    assert np.array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ()


def test_what_is_packed_and_called_nifti_is_to_be_unpacked(samples, tmp_path):
    content = (samples / "nifti" / "phantom-1.nii.gz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.nii.gz", "w") as packed:
        packed.writestr("a.nii", gzip.decompress(content))
    with pytest.raises(InputError, match=r"is packed \(zip\): unpack it first"):
        read_scan(tmp_path / "a.nii.gz")


def test_a_label_map_is_not_segmented(samples, pipeline):
    labels = read_scan(samples / "truth" / "phantom-1.nii.gz")
    with pytest.raises(InputError, match=r"phantom-1 holds \d different values, as a label map"):
        pipeline(labels)


@pytest.mark.parametrize("off", [-9e-7, 4e-5, 0.004])
def test_labels_that_a_conversion_left_near_whole_numbers_are_none_either(samples, tmp_path, off):
    image = nib.load(samples / "truth" / "phantom-1.nii.gz")
    noise = np.random.default_rng(0).uniform(0.5, 1.0, image.shape)
    labels = np.asanyarray(image.dataobj) + off * noise
    path = packed_scans.save_nifti(
        nib.Nifti1Image(labels.astype(np.float32), image.affine), tmp_path / "a.nii"
    )
    with pytest.raises(InputError, match="as a label map does"):
        check_image(read_scan(path))


def test_isotropic_stacks_are_told(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    data = np.repeat(np.asanyarray(image.dataobj), 6, axis=2)
    affine = image.affine.copy()
    affine[:3, 2] /= 6
    scan = read_scan(packed_scans.save_nifti(nib.Nifti1Image(data, affine), tmp_path / "a.nii"))
    assert any("mm apart, as in 3-D LGE" in warning for warning in scan.warnings)


def test_positions_that_an_anonymiser_emptied_are_called_so(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.ImagePositionPatient = [0, 0, 0]
    with pytest.raises(GeometryError, match="all 8 images of a lie at one position"):
        read_scan(packed_scans.write(tmp_path / "a", patient_1))


def test_a_modality_lookup_table_is_applied(patient_1, plain, tmp_path):
    for dataset in patient_1:
        table = pydicom.Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [4096, 0, 16], "US"
        table.LUTData = (2 * np.arange(4096)).astype(np.uint16).tobytes()
        table["LUTData"].VR = "OW"
        dataset.ModalityLUTSequence = [table]
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    assert np.array_equal(scan.pixels, 2 * plain.pixels)


@pytest.mark.parametrize("name", ["cine_sax", "LGE 4ch", "T1 map", "localizer"])
def test_of_an_examination_the_one_short_axis_lge_is_taken(patient_1, plain, tmp_path, name):
    folder = packed_scans.write(tmp_path / "a", patient_1)
    for number, dataset in enumerate(patient_1):
        packed_scans.new_uid(dataset)
        dataset.SeriesInstanceUID, dataset.SeriesDescription = "1.2.3.98", name
        dataset.ProtocolName = name
        packed_scans.save(dataset, folder / f"other-{number}.dcm")
    scan = read_scan(folder)
    assert np.array_equal(scan.pixels, plain.pixels)
    (warning,) = scan.warnings
    assert warning.startswith("left out of the folder: 1.2.3.98")


def test_two_series_called_lge_are_asked_for(patient_1, tmp_path):
    folder = packed_scans.write(tmp_path / "a", patient_1)
    for number, dataset in enumerate(patient_1):
        packed_scans.new_uid(dataset)
        dataset.SeriesInstanceUID, dataset.SeriesDescription = "1.2.3.98", "LGE late"
        packed_scans.save(dataset, folder / f"other-{number}.dcm")
    with pytest.raises(InputError, match="holds 2 MR series"):
        read_scan(folder)


def test_one_file_with_all_frames_is_a_scan_and_one_of_a_slice_is_not(patient_1, plain, tmp_path):
    folder = packed_scans.write(tmp_path / "a", patient_1)
    with pytest.raises(InputError, match=r"IM0003\.dcm is a DICOM file of one slice"):
        read_scan(folder / "IM0003.dcm")
    enhanced_packings.enhanced_multi_frame(patient_1, tmp_path / "b")
    scan = read_scan(tmp_path / "b" / "enhanced.dcm")
    assert scan.name == "enhanced"
    assert np.array_equal(scan.pixels, plain.pixels)


def test_a_header_of_ones_is_told(samples, tmp_path):
    data = np.asanyarray(nib.load(samples / "nifti" / "phantom-1.nii.gz").dataobj)
    scan = read_scan(packed_scans.save_nifti(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii"))
    assert any("if a conversion lost the header" in warning for warning in scan.warnings)


def test_a_sign_of_pixdim_is_left_out(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    plain = nib.Nifti1Image(np.asanyarray(image.dataobj), image.affine)
    path = packed_scans.save_nifti(plain, tmp_path / "a.nii")
    content = bytearray(path.read_bytes())
    content[80:84] = np.float32(-np.frombuffer(bytes(content[80:84]), np.float32)[0]).tobytes()
    path.write_bytes(bytes(content))
    scan = read_scan(path)
    assert scan.spacing_mm == pytest.approx(read_scan(image.get_filename()).spacing_mm)
    assert any("pixdim has a sign" in warning for warning in scan.warnings)


def test_text_pixels_that_are_no_numbers_are_refused(tmp_path):
    header = {"space directions": np.diag([1.5, 1.5, 8.0]), "space": "LPS", "encoding": "text"}
    data = np.arange(240, dtype=np.int16).reshape(8, 6, 5)
    nrrd.write(str(tmp_path / "a.nrrd"), data, {**header, "space origin": [0] * 3})
    content = (tmp_path / "a.nrrd").read_bytes()
    assert read_scan(tmp_path / "a.nrrd").pixels.max() == 239
    (tmp_path / "a.nrrd").write_bytes(content.replace(b"120", b"1x0"))
    with pytest.raises(InputError, match="they are not numbers"):
        read_scan(tmp_path / "a.nrrd")

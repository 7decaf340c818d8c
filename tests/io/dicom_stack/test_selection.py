"""Whatever way a DICOM stack is packed, the same voxels come out of it, and what is odd is told."""

import re

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, RLELossless, generate_uid
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom_stack import selection


def assert_same(scan, plain):
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    np.testing.assert_allclose(scan.grid.stack_to_ras, plain.grid.stack_to_ras, atol=1e-4)
    assert scan.apex_first == plain.apex_first


@pytest.mark.parametrize(
    ("pack", "told"),
    [
        (packed_scans.series_per_slice, "8 series of one slice or a few each"),
        (packed_scans.copied_file, "left out: IM0003 - Copy.dcm, a copy of IM0003.dcm"),
        (packed_scans.localizer_inside, "left out: plan.dcm, localizers"),
        (packed_scans.raw_data_inside, "left out: raw.dcm of the series without an image"),
        (packed_scans.shared_instance_uid, "without a SOPInstanceUID of their own"),
        (packed_scans.compact_disc, None),
        (packed_scans.bare_data_sets, None),
        (enhanced_packings.enhanced_one_frame_a_file, None),
        (enhanced_packings.enhanced_multi_frame, None),
    ],
)
def test_the_stack_is_the_same_and_what_was_odd_is_told(patient_1, plain, tmp_path, pack, told):
    scan = read_scan(pack(patient_1, tmp_path / "case"))
    assert_same(scan, plain)
    assert [told in warning for warning in scan.warnings] == ([True] if told else [])


def test_images_without_any_instance_uid_are_a_stack(patient_1, plain, tmp_path):
    scan = read_scan(packed_scans.shared_instance_uid(patient_1, tmp_path / "case", uid=""))
    assert_same(scan, plain)
    assert scan.instance_uids == ()


def test_of_a_repeated_slice_the_later_is_taken(patient_1, plain, tmp_path):
    scan = read_scan(packed_scans.repeated_slice(patient_1, tmp_path / "case"))
    changed = np.flatnonzero((scan.pixels != plain.pixels).any(axis=(1, 2)))
    assert len(changed) == 1
    np.testing.assert_array_equal(scan.pixels[changed], plain.pixels[changed] + 7)
    assert scan.warnings == ("slice repeated: again.dcm is taken, the latest, not old.dcm",)


def test_a_series_with_another_image_of_one_uid_and_place_is_refused(patient_1, tmp_path):
    folder = packed_scans.write(tmp_path / "case", patient_1)
    other = pydicom.dcmread(folder / "IM0003.dcm")
    other.PixelData = bytes(len(other.PixelData))
    packed_scans.save(other, folder / "other.dcm")
    reason = r"IM0003\.dcm are the same image .* with different pixel values: remove one of them"
    with pytest.raises(InputError, match=reason):
        read_scan(folder)


def implicit(dataset):
    dataset.is_implicit_VR = True
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian


def without_meta(dataset):
    dataset.file_meta, dataset.preamble = pydicom.dataset.FileMetaDataset(), None
    dataset.is_implicit_VR = True


def with_a_tag_more(dataset):
    dataset.InstitutionName = "Archive"


def run_length(dataset):
    dataset.compress(RLELossless)


def unsigned(dataset):
    dataset.PixelRepresentation = 0


@pytest.mark.parametrize("rewrite", [implicit, without_meta, with_a_tag_more, run_length, unsigned])
def test_images_that_were_written_again_otherwise_are_copies(patient_1, plain, tmp_path, rewrite):
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    for dataset in patient_1:
        rewrite(dataset)
    packed_scans.write(folder / "again", patient_1)
    for scans in (by_command_line(folder), by_server(folder)):
        (scan,) = scans
        assert_same(scan, plain)
        assert [words for words in scan.warnings if "copies of IM0000.dcm, IM0001.dcm" in words]


def test_a_copy_of_all_frames_that_was_written_again_is_left_out(patient_1, plain, tmp_path):
    path = enhanced_packings.enhanced_multi_frame(patient_1, tmp_path) / "enhanced.dcm"
    again = pydicom.dcmread(path)
    again.InstitutionName = "Archive"
    packed_scans.save(again, tmp_path / "enhanced-again.dcm")
    scan = read_scan(tmp_path)
    assert_same(scan, plain)
    assert scan.warnings == ("left out: enhanced-again.dcm, a copy of enhanced.dcm",)
    again.PixelData = bytes(2) + again.PixelData[2:-2] + bytes([0, 1])
    packed_scans.save(again, tmp_path / "enhanced-again.dcm")
    with pytest.raises(InputError, match="with different pixel values"):
        read_scan(tmp_path)


@pytest.mark.parametrize(
    ("tag", "value", "told"),
    [("RescaleSlope", "2", "pixel values"), ("PixelSpacing", [1.5, 1.5], "PixelSpacing")],
)
def test_one_image_of_two_scales_is_no_copy(patient_1, tmp_path, tag, value, told):
    folder = packed_scans.write(tmp_path, patient_1)
    setattr(patient_1[3], tag, value)
    packed_scans.save(patient_1[3], folder / "x.dcm")
    with pytest.raises(InputError, match=f"x.dcm and IM0003.dcm are .* with different {told}: rem"):
        read_scan(folder)


def test_copies_are_decoded_only_where_their_bytes_differ(patient_1, tmp_path, monkeypatch):
    def nothing_of(files):
        assert not files
        return iter(())

    monkeypatch.setattr(selection, "values_of", nothing_of)
    folder = packed_scans.copied_file(patient_1, tmp_path)
    assert "a copy of IM0003.dcm" in read_scan(folder).warnings[0]


def test_a_slice_of_another_orientation_in_the_place_of_one_is_no_localizer(patient_1, tmp_path):
    row, column = np.reshape(np.array(patient_1[3].ImageOrientationPatient, float), (2, 3))
    patient_1[3].ImageOrientationPatient = [f"{v:.8f}" for v in (*row, *np.cross(row, column))]
    with pytest.raises(GeometryError, match="mixed orientations"):
        read_scan(packed_scans.write(tmp_path / "case", patient_1))


@pytest.mark.parametrize("views", [1, 3])
def test_single_views_of_the_long_axis_are_left_out(patient_1, plain, tmp_path, views):
    packed_scans.write(tmp_path / "case", patient_1)
    row, column = np.reshape(np.array(patient_1[3].ImageOrientationPatient, float), (2, 3))
    for number in range(views):
        angle = np.deg2rad(60 * number)
        across = np.cos(angle) * row + np.sin(angle) * column
        packed_scans.new_uid(patient_1[3])
        cosines = (*across, *np.cross(row, column))
        patient_1[3].ImageOrientationPatient = [f"{value:.8f}" for value in cosines]
        packed_scans.save(patient_1[3], tmp_path / "case" / f"{number + 2}ch.dcm")
    scan = read_scan(tmp_path / "case")
    assert_same(scan, plain)
    (told,) = scan.warnings
    assert [f"{number + 2}ch.dcm" in told for number in range(views)] == [True] * views


@pytest.mark.parametrize("of", [lambda index: index // 4, lambda index: index % 2])
def test_halves_of_one_name_that_lie_evenly_together_are_one_stack(patient_1, plain, tmp_path, of):
    for index, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID = f"1.2.3.{of(index)}"
        dataset.SeriesNumber, dataset.SeriesDescription = 5 + of(index), f"LGE SAX {of(index)}"
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    for scans in (by_command_line(folder), by_server(folder), by_cohort(folder)):
        (scan,) = scans
        assert np.array_equal(scan.pixels, plain.pixels)
        assert [words for words in scan.warnings if "joined to one stack" in words]


def test_series_that_together_make_no_even_stack_stay_apart(patient_1, tmp_path):
    for index, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID, dataset.SeriesDescription = f"1.2.3.{index // 4}", "LGE SAX"
        if index >= 4:
            dataset.ImagePositionPatient = patient_1[index - 4].ImagePositionPatient
    with pytest.raises(InputError, match="2 MR series; choose one"):
        read_scan(packed_scans.write(tmp_path / "case", patient_1))


def test_single_slices_are_joined_beside_a_whole_stack_of_their_name(patient_1, plain, tmp_path):
    packed_scans.series_per_slice(patient_1, tmp_path / "a" / "parts")
    whole = packed_scans.slices(tmp_path / "a" / "parts")
    series = generate_uid()
    for dataset in whole:
        packed_scans.new_uid(dataset)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = series, 90
        dataset.AcquisitionTime = "235900"
    packed_scans.write(tmp_path / "a" / "whole", whole)
    scans = by_server(tmp_path / "a")
    assert len(scans) == 2
    for scan in scans:
        np.testing.assert_array_equal(scan.pixels, plain.pixels)


@pytest.mark.parametrize("by", ["uid", "number", "list"])
def test_several_series_may_be_named(patient_1, plain, tmp_path, by):
    folder = packed_scans.series_per_slice(patient_1, tmp_path / "case")
    for dataset in patient_1:
        dataset.SeriesDescription = f"name {dataset.SeriesNumber} {'x' * int(dataset.SeriesNumber)}"
    packed_scans.write(folder, patient_1)
    with pytest.raises(InputError, match="8 MR series; choose one"):
        read_scan(folder)
    named = [
        str(getattr(d, "SeriesInstanceUID" if by == "uid" else "SeriesNumber")) for d in patient_1
    ]
    assert_same(read_scan(folder, series=named if by == "list" else ",".join(named)), plain)


def test_two_single_slices_are_no_stack(patient_1, tmp_path):
    with pytest.raises(InputError, match="2 MR series"):
        read_scan(packed_scans.series_per_slice(patient_1[:2], tmp_path / "case"))


def test_reconstructions_are_offered_by_their_image_types(patient_1, plain, tmp_path):
    folder = packed_scans.magnitude_and_phase_sensitive(patient_1, tmp_path / "case")
    with pytest.raises(GeometryError, match=r"2 image types.*PRIMARY.M.*PRIMARY.PS"):
        read_scan(folder)
    assert_same(read_scan(folder, phase=1), plain)
    np.testing.assert_array_equal(read_scan(folder, phase=2).pixels, plain.pixels - 100)


def test_phases_of_an_enhanced_cine_are_offered_and_it_is_called_cine(patient_1, plain, tmp_path):
    for dataset in patient_1:
        del dataset.InversionTime
        dataset.SeriesDescription = dataset.ProtocolName = "sax"
    folder = enhanced_packings.enhanced_multi_frame(patient_1, tmp_path / "case", phases=3)
    with pytest.raises(GeometryError, match="3 cardiac phases, told apart by Nominal"):
        read_scan(folder)
    scan = read_scan(folder, phase=2)
    np.testing.assert_array_equal(scan.pixels, plain.pixels + 3)
    assert scan.contrast == "cine"


@pytest.mark.parametrize(
    ("gap_mm", "told"), [(0.4, None), (1.0, "10.00 to 11.00 mm apart"), (3.0, None)]
)
def test_uneven_steps_are_measured_as_long_as_volumes_stay_true(
    patient_1, plain, tmp_path, gap_mm, told
):
    folder = packed_scans.moved_slices(patient_1, tmp_path / "case", from_index=5, along_mm=gap_mm)
    if gap_mm == 3.0:
        with pytest.raises(GeometryError, match=r"lie too unevenly for true volumes, 13\.00 mm b"):
            read_scan(folder)
        return
    scan = read_scan(folder)
    assert scan.spacing_mm[0] == pytest.approx(10 + gap_mm / 7, abs=1e-3)
    assert [told in warning for warning in scan.warnings] == ([True] if told else [])


@pytest.mark.parametrize("aside_mm", [0.5, 1.5, 4.0])
def test_a_slice_aside_is_told_or_refused(patient_1, plain, tmp_path, aside_mm):
    folder = packed_scans.moved_slices(
        patient_1, tmp_path / "case", from_index=4, to_index=5, aside_mm=aside_mm
    )
    if aside_mm == 4.0:
        with pytest.raises(GeometryError, match=r"lies 4\.00 mm beside"):
            read_scan(folder)
        return
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert len(scan.warnings) == (aside_mm == 1.5)


@pytest.mark.parametrize(("degrees", "told"), [(0.05, 0), (0.3, 1), (1.5, 1)])
def test_slices_at_a_slightly_other_angle_are_parallel(patient_1, plain, tmp_path, degrees, told):
    folder = packed_scans.turned_slices(
        patient_1, tmp_path / "case", indices=(2, 3), degrees=degrees
    )
    scan = read_scan(folder)
    assert_same(scan, plain)
    assert len(scan.warnings) == told


def test_pixel_spacings_that_differ_by_rounding_are_one_spacing(patient_1, plain, tmp_path):
    patient_1[0].PixelSpacing = [1.6, 1.608]  # by 0.498 %
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    assert_same(scan, plain)
    told = r"slices differ in pixel spacing by 0\.5 % .*\(1\.6, 1\.608\).*: the median is taken"
    assert [note for note in scan.warnings if re.search(told, note)] == list(scan.warnings)
    for dataset in patient_1[::2]:
        dataset.PixelSpacing = [1.6, 1.61]  # by 0.62 %
    with pytest.raises(GeometryError, match="mixed pixel spacing"):
        read_scan(packed_scans.write(tmp_path / "b", patient_1))


@pytest.mark.parametrize("change", ["matrix", "spacing", "turned"])
def test_a_last_slice_of_another_kind_is_no_picture_from_elsewhere(patient_1, tmp_path, change):
    last = patient_1[-1]
    pixels = last.pixel_array
    row, column = np.reshape(np.array(last.ImageOrientationPatient, float), (2, 3))
    place = np.array(last.ImagePositionPatient, float)
    if change == "matrix":
        last.PixelData = np.ascontiguousarray(pixels[8:-8, 8:-8]).tobytes()
        last.Rows, last.Columns = last.Rows - 16, last.Columns - 16
        place += 8 * 1.6 * (row + column)
    elif change == "spacing":
        last.PixelSpacing = [1.5, 1.5]
    else:
        last.PixelData = np.ascontiguousarray(pixels[::-1, ::-1]).tobytes()
        place += 1.6 * ((last.Columns - 1) * row + (last.Rows - 1) * column)
        last.ImageOrientationPatient = [f"{v:.8f}" for v in (*-row, *-column)]
    last.ImagePositionPatient = [f"{v:.6f}" for v in place]
    with pytest.raises(GeometryError, match="mixed"):
        read_scan(packed_scans.write(tmp_path, patient_1))


def again(dataset, path, *, number, along_mm=0.0):
    """A slice taken once more, later, brighter by 3, and a little further along the stack."""
    packed_scans.new_uid(dataset)
    dataset.AcquisitionTime = dataset.ContentTime = f"1300{number:02d}"
    dataset.InstanceNumber, dataset.InversionTime = 50 + number, 310
    normal = np.cross(*np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3)))
    place = np.array(dataset.ImagePositionPatient, float) + along_mm * normal
    dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]
    dataset.PixelData = (dataset.pixel_array + 3).astype(np.int16).tobytes()
    packed_scans.save(dataset, path)


def test_a_slice_repeated_half_a_millimetre_aside_is_that_slice(patient_1, plain, tmp_path):
    packed_scans.write(tmp_path, patient_1)
    again(patient_1[3], tmp_path / "again.dcm", number=3, along_mm=0.5)
    scan = read_scan(tmp_path)
    assert scan.pixels.shape == plain.pixels.shape
    changed = np.flatnonzero((scan.pixels != plain.pixels).any(axis=(1, 2)))
    assert len(changed) == 1
    assert scan.warnings == ("slice repeated: again.dcm is taken, the latest, not IM0003.dcm",)


def test_of_a_stack_that_was_repeated_in_part_the_latest_slices_are_taken(
    patient_1, plain, tmp_path
):
    packed_scans.write(tmp_path, patient_1)
    for number, dataset in enumerate(patient_1[:5]):
        again(dataset, tmp_path / f"again-{number}.dcm", number=number)
    scan = read_scan(tmp_path)
    changed = (scan.pixels == plain.pixels + 3).all(axis=(1, 2))
    assert np.count_nonzero(changed) == 5
    assert len([words for words in scan.warnings if "slice repeated" in words]) == 5


def test_slices_two_millimetres_apart_are_no_repeat(patient_1, tmp_path):
    packed_scans.write(tmp_path, patient_1)
    again(patient_1[3], tmp_path / "again.dcm", number=3, along_mm=2.0)
    with pytest.raises(GeometryError, match=r"too close, 2\.00 mm between"):
        read_scan(tmp_path)

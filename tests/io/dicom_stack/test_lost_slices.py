"""A slice that is there by its name and cannot be read is never left out without a word."""

import copy
import gzip

import numpy as np
import packed_scans
import pytest
from oblique_stack import COLUMN_TO, NORMAL, ROW_TO
from pydicom.fileset import FileSet
from ways_in import by_command_line, by_server

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan, read_series
from acsnet.io.dicom_files.folder import called_like_slices
from acsnet.io.dicom_stack.lost_slices import check_stack, directories_of
from acsnet.io.geometry import Plane


def no_bytes(content):
    return b""


def zeros(content):
    return bytes(len(content))


def cut(content):
    return content[:100]


def page(content):
    return b"<html>404</html>"


@pytest.mark.parametrize("damage", [no_bytes, zeros, cut, page])
def test_a_last_slice_that_is_no_dicom_is_named_by_every_way_in(patient_1, tmp_path, damage):
    folder = tmp_path / "studies"
    for number, dataset in enumerate(patient_1):
        packed_scans.save(dataset, folder / f"IM{number}")
    last = folder / f"IM{len(patient_1) - 1}"
    last.write_bytes(damage(last.read_bytes()))
    reason = f"{last.name} is called like the slices beside it, and cannot be read as DICOM"
    with pytest.raises(InputError, match=reason):
        by_command_line(folder)
    with pytest.raises(InputError, match=reason):
        by_server(folder)
    with pytest.raises(InputError, match=reason):
        read_series(sorted(folder.iterdir()), name="a")


def test_a_packed_slice_among_others_is_to_be_unpacked(patient_1, plain, tmp_path):
    packed_scans.write(tmp_path, patient_1)
    last = tmp_path / f"IM{len(patient_1) - 1:04d}.dcm"
    packed = last.with_name(f"{last.name}.gz")
    packed.write_bytes(gzip.compress(last.read_bytes()))
    assert np.array_equal(read_scan(tmp_path).pixels, plain.pixels)
    last.unlink()
    with pytest.raises(InputError, match="like the slices beside it, and is packed: unpack it"):
        read_scan(tmp_path)


def test_a_slice_that_was_not_downloaded_to_the_end_is_told(patient_1, tmp_path):
    packed_scans.write(tmp_path, patient_1)
    last = tmp_path / f"IM{len(patient_1) - 1:04d}.dcm"
    last.rename(last.with_name(f"{last.name}.part")).write_bytes(b"\0" * 99)
    with pytest.raises(InputError, match="beside it, and is an unfinished download: download it"):
        read_scan(tmp_path)


def test_an_empty_file_is_called_empty(patient_1, tmp_path):
    packed_scans.write(tmp_path, patient_1)
    (tmp_path / "IM0009.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0009\.dcm cannot be read as DICOM: it is empty"):
        read_scan(tmp_path)


def test_other_files_are_none(tmp_path):
    slices = [tmp_path / f"IM{number}" for number in range(1, 9)]
    others = [tmp_path / name for name in ("Thumbs.db", "IM1.jpg", "VERSION", "IM1.gz")]
    assert called_like_slices(others, slices=slices) == []
    lost = [tmp_path / "IM10", tmp_path / "IM9.gz"]
    assert called_like_slices([*others, *lost], slices=slices) == lost
    assert called_like_slices([tmp_path / "b" / "IM10"], slices=slices) == []


def disc(datasets, folder):
    """A disc with an index, and its images in the order of the index."""
    files = FileSet()
    for dataset in datasets:
        files.add(dataset)
    files.write(folder)
    return sorted(path for path in folder.rglob("IM*"))


@pytest.mark.parametrize("given", [".", "PT000000/ST000000/SE000000"])
def test_an_image_that_the_index_of_the_disc_lists_is_missing(patient_1, plain, tmp_path, given):
    *_, last = disc(patient_1, tmp_path)
    assert np.array_equal(read_scan(tmp_path / given).pixels, plain.pixels)
    last.unlink()
    told = r"DICOMDIR lists images .* not there, 1 of them, the first is PT000000/.*/IM000007: copy"
    remedy = "or move the folder away from its DICOMDIR if they were left out on purpose"
    with pytest.raises(InputError, match=f"{told}.*{remedy}"):
        read_scan(tmp_path / given)


def test_an_index_is_found_from_the_place_that_files_link_to(tmp_path):
    disc_folder, links = tmp_path / "disc" / "a", tmp_path / "links"
    disc_folder.mkdir(parents=True)
    links.mkdir()
    (disc_folder / "IM1").touch()
    (links / "IM1").symlink_to(disc_folder / "IM1")
    index = tmp_path / "disc" / "DICOMDIR"
    index.touch()
    assert directories_of([links / "IM1"]) == [index]


def test_an_index_of_other_names_or_series_or_a_damaged_one_tells_nothing(
    patient_1, plain, tmp_path
):
    paths = disc(patient_1, tmp_path)
    for path in paths:
        path.rename(path.with_name(f"slice{path.name[-1]}.dcm"))
    assert np.array_equal(read_scan(tmp_path).pixels, plain.pixels)
    index = tmp_path / "DICOMDIR"
    index.write_bytes(index.read_bytes()[:900])
    assert np.array_equal(read_scan(tmp_path).pixels, plain.pixels)


def test_images_that_are_read_from_elsewhere_count_by_their_uid(patient_1, plain, tmp_path):
    *_, last = disc(patient_1, tmp_path)
    last.rename(tmp_path / "moved.dcm")
    assert np.array_equal(read_scan(tmp_path).pixels, plain.pixels)


@pytest.mark.parametrize(
    ("told", "kept", "warned"),
    [
        (8, 7, True),  # the last slice is missing
        (8, 8, False),
        (16, 8, False),  # the images of a second kind lie in another series
        (24, 7, False),
        (1, 8, False),  # each slice is an acquisition
    ],
)
def test_fewer_images_than_the_acquisition_had_are_told(patient_1, tmp_path, told, kept, warned):
    for dataset in patient_1:
        dataset.ImagesInAcquisition = told
    scan = read_scan(packed_scans.write(tmp_path, patient_1[:kept]))
    words = f"ImagesInAcquisition is {told}, but {kept} images of this acquisition are there"
    assert any(words in warning for warning in scan.warnings) is warned


def test_two_frames_of_reference_in_a_series_are_told_once(patient_1, tmp_path):
    for dataset in patient_1[4:]:
        dataset.FrameOfReferenceUID = "1.2.3"
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    (words,) = scan.warnings
    assert words.startswith("FrameOfReferenceUID differs between ")


def test_images_of_another_acquisition_in_the_series_stand_for_no_lost_slice(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.AcquisitionNumber, dataset.ImagesInAcquisition = 1, 8
    scouts = copy.deepcopy(patient_1[:2])
    for dataset in scouts:
        packed_scans.new_uid(dataset)
        dataset.AcquisitionNumber, dataset.ImagesInAcquisition = 2, 2
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    scan = read_scan(packed_scans.write(tmp_path, [*patient_1[:6], *scouts]))
    assert len(scan.pixels) == 6
    words = "ImagesInAcquisition is 8, but 6 images of this acquisition are there"
    assert [warning for warning in scan.warnings if words in warning]


def stack_at(*places_mm):
    """Planes along the normal, called by their order."""
    return [
        Plane(
            file=f"{index}.dcm",
            rows=6,
            columns=8,
            position_mm=np.array([30.0, 20.0, 10.0]) + place * NORMAL,
            cosines=np.array([ROW_TO, COLUMN_TO]),
            spacing_mm=(1.5, 2.0),
        )
        for index, place in enumerate(places_mm)
    ]


@pytest.mark.parametrize(
    ("places_mm", "told"),
    [
        ((0, 1, 10, 11, 20, 21), r"two stacks seem .* series, 9\.00 mm .*; put each into a folder"),
        ((0, 9, 10, 19, 20, 29), r"two stacks seem to lie in one series"),
        ((0, 10, 30, 40, 60, 70), r"slices are missing, 20\.00 mm between 1\.dcm and 2\.dcm$"),
        ((0, 10, 20, 22, 30, 40), r"too close, 2\.00 mm between 2\.dcm and 3\.dcm; if one was tak"),
    ],
    ids=["1 mm on", "1 mm back", "every third missing", "one slice again"],
)
def test_uneven_steps_are_told_with_their_likely_cause(places_mm, told):
    with pytest.raises(GeometryError, match=told):
        check_stack(stack_at(*places_mm))


@pytest.mark.parametrize("index", [0, 2, 4])
def test_a_position_that_was_emptied_is_no_missing_slice(index):
    planes = stack_at(0, 10, 20, 30, 40)
    planes[index].position_mm[:] = 0.0
    planes = sorted(planes, key=lambda plane: plane.position_mm @ NORMAL)
    told = rf"beside .* \(ImagePositionPatient of {index}\.dcm is 0\\0\\0: emptied\?\)$"
    with pytest.raises(GeometryError, match=told):
        check_stack(planes)

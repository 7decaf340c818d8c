"""Images of several orientations in one series: slices of the stack, and views of their own."""

import copy
from pathlib import Path

import numpy as np
import packed_scans
import pytest
from oblique_stack import NORMAL, ROW_TO, STEP_MM, image
from ways_in import by_server

from acsnet.cohort.inputs import list_scans
from acsnet.errors import GeometryError
from acsnet.io import read_scan
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.planes import plane_of
from acsnet.io.dicom_stack.selection import distances_mm
from acsnet.io.finder import scans_in
from acsnet.io.series import Series

SIZE, PIXEL_MM = 101, 2.0
"""Of a square image: its centre lies 50 pixels, so 100 mm, from its first row and column."""


def cosines(dataset):
    return np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))


def slices(count):
    """Slices of an oblique stack, as large as those of a patient."""
    datasets = [image(index) for index in range(count)]
    for dataset in datasets:
        dataset.Rows = dataset.Columns = SIZE
        dataset.PixelSpacing = [PIXEL_MM, PIXEL_MM]
    return datasets


def wrong(dataset):
    """Give it the axes of the body and leave its first pixel where it is."""
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]


def turned(dataset, degrees):
    """Turn an image about the row through its centre, as it is planned."""
    row, column = cosines(dataset)
    angle = np.deg2rad(degrees)
    other = np.cos(angle) * column + np.sin(angle) * np.cross(row, column)
    moved = np.array(dataset.ImagePositionPatient, float) + 100.0 * (column - other)
    dataset.ImageOrientationPatient = [f"{value:.8f}" for value in (*row, *other)]
    dataset.ImagePositionPatient = [f"{value:.6f}" for value in moved]


def files(datasets):
    return [DicomFile(Path(f"{i}.dcm"), f"{i}.dcm", dataset) for i, dataset in enumerate(datasets)]


def scans(datasets):
    """How many images each scan of a series has, as folders and the PACS list them."""
    return [len(scan.files) for scan in scans_in(Series("1.2.3", tuple(files(datasets)), ()))]


@pytest.mark.parametrize(
    "places", [(7,), (0, 7), (6, 7), (3,), (5, 6, 7), (0, 1, 2, 3, 4), (1, 3, 5, 7)]
)
def test_slices_with_a_wrong_orientation_are_of_their_stack_and_it_is_refused(places):
    datasets = slices(8)
    for place in places:
        wrong(datasets[place])
    assert scans(datasets) == [8]
    with pytest.raises(GeometryError, match="mixed orientations"):
        check_headers(files(datasets), name="case")


def test_every_second_slice_is_none_of_another_stack_however_each_is_tilted():
    datasets = slices(8)
    for place in (1, 3, 5, 7):
        turned(datasets[place], 5 + 3 * place)
    with pytest.raises(GeometryError, match=r"mixed orientations.*; if one .* put it elsewhere"):
        check_headers(files(datasets), name="case")


@pytest.mark.parametrize("degrees", [5, 25])
def test_a_picture_midway_between_two_slices_of_a_whole_stack_is_left_out(degrees):
    datasets = [*slices(8), slices(4)[3]]
    between = np.array(datasets[3].ImagePositionPatient, float) + 0.5 * STEP_MM * NORMAL
    datasets[8].ImagePositionPatient = [*between]
    turned(datasets[8], degrees)
    stack = check_headers(files(datasets), name="case")
    assert [file.name for file in stack.files] == [f"{index}.dcm" for index in range(8)]
    assert "left out: 8.dcm, of another orientation" in stack.warnings[0]


@pytest.mark.parametrize("place", [0, 7])
@pytest.mark.parametrize("degrees", [3, 25])
def test_an_end_slice_that_is_tilted_is_no_picture_from_elsewhere(place, degrees):
    datasets = slices(8)
    turned(datasets[place], degrees)
    with pytest.raises(GeometryError, match="mixed orientations"):
        check_headers(files(datasets), name="case")


@pytest.mark.parametrize("degrees", [45, 60, 90])
def test_views_across_the_middle_of_a_stack_are_left_out(degrees):
    datasets = slices(11)
    for place, angle in ((3, -degrees), (4, 5), (5, degrees)):
        view = copy.deepcopy(datasets[place])
        turned(view, angle)
        datasets.append(view)
    stack = check_headers(files(datasets), name="case")
    assert [file.name for file in stack.files] == [f"{index}.dcm" for index in range(11)]
    assert "left out: 11.dcm, 12.dcm, 13.dcm, of another orientation" in stack.warnings[0]


def test_a_slice_that_may_be_one_taken_again_in_another_plane_is_told():
    """Tilted about the middle of slice 3, and a view from elsewhere."""
    datasets = slices(8)
    again, view = copy.deepcopy([datasets[3], datasets[5]])
    turned(again, 5)
    turned(view, 60)
    stack = check_headers(files([*datasets, again, view]), name="case")
    assert len(stack.files) == 8
    assert stack.warnings[0] == (
        "left out: 8.dcm, 9.dcm, of another orientation, matrix or pixel spacing; if 8.dcm shows a "
        "slice taken again, the first image of it is measured: check whether that one was bad"
    )


def test_views_of_their_own_are_no_slices_taken_again_wherever_their_first_pixel_lies():
    """The two tilted slices are: each is one of the stack. The view begins where slice 5 does."""
    datasets = slices(8)
    again, view = copy.deepcopy([datasets[2], datasets[3]]), copy.deepcopy(datasets[5])
    for dataset in again:
        turned(dataset, 5)
    place = view.ImagePositionPatient
    turned(view, 90)
    view.ImagePositionPatient = place
    for dataset in (*again, view):
        dataset.SOPInstanceUID += ".1"
    stack = check_headers(files([*datasets, *again, view]), name="case")
    assert stack.warnings[0] == (
        "left out: 8.dcm, 9.dcm, 10.dcm, of another orientation, matrix or pixel spacing; if "
        "8.dcm, 9.dcm show slices taken again, the first image of each is measured: check whether "
        "that one was bad"
    )


@pytest.mark.parametrize("degrees", [3, 10, 60, 90])
def test_two_whole_stacks_of_other_orientations_are_two_scans(degrees):
    """Each is stacked along its own normal, about the middle of the other: 28 mm from its ends."""
    datasets, others = slices(8), slices(8)
    for index, dataset in enumerate(others):
        dataset.ImagePositionPatient = [*(np.array([10.0, 20.0, 30.0]) + 28.0 * NORMAL)]
        turned(dataset, degrees)
        along = (STEP_MM * index - 28.0) * np.cross(*cosines(dataset))
        dataset.ImagePositionPatient = [*(np.array(dataset.ImagePositionPatient, float) + along)]
    assert scans([*datasets, *others]) == [8, 8]


def test_first_pixels_beside_the_row_of_a_stack_are_of_views():
    stack = [plane_of(file) for file in files(slices(4))]
    *_, aside, near, tilted = slices(8)
    wrong(near)
    wrong(aside)
    aside.ImagePositionPatient = [*(np.array(aside.ImagePositionPatient, float) + 3.0 * ROW_TO)]
    turned(tilted, 20)
    planes = [plane_of(file) for file in files([near, aside, tilted])]
    # Slices 6 and 7 lie three and four steps of 8 mm from slice 3, the last of the stack.
    np.testing.assert_allclose(distances_mm(planes, stack), [24.0, np.nan, 32.0], atol=1e-4)


def test_by_no_way_in_is_a_part_of_a_series_of_mixed_orientations_measured(patient_1, tmp_path):
    for dataset in patient_1[5:]:
        wrong(dataset)
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    (listed,) = list_scans(str(folder), output=tmp_path / "out")
    for read in (lambda: read_scan(folder), listed.read, lambda: by_server(folder)):
        with pytest.raises(GeometryError, match="mixed orientations"):
            read()

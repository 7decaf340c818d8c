"""Images are told apart by where they lie, however their headers write it."""

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from oblique_stack import image

from acsnet.errors import GeometryError, InputError
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.planes import (
    are_pieces,
    lie_beyond,
    places_of,
    planes_of,
    stacked,
)


def files(count=4, change=lambda index, dataset: None, first=0):
    images = [image(index) for index in range(first, first + count)]
    for index, dataset in enumerate(images):
        change(index, dataset)
    return [DicomFile(Path(f"{i}.dcm"), f"{i}.dcm", dataset) for i, dataset in enumerate(images)]


def turn(dataset, degrees, *, about="normal"):
    """Turn the row direction in its plane, or the plane about its rows."""
    row, column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
    other = column if about == "normal" else np.cross(row, column)
    first = row if about == "normal" else column
    angle = np.deg2rad(degrees)
    turned = np.cos(angle) * first + np.sin(angle) * other
    if about == "normal":
        row, column = turned, np.cos(angle) * column - np.sin(angle) * row
    else:
        column = turned
    dataset.ImageOrientationPatient = [f"{value:.8f}" for value in (*row, *column)]


def numbers(stacks):
    return [[int(file.path.stem) for file in stack] for stack in stacks]


@pytest.mark.parametrize("write", ["{:.2f}", "{:.6e}", "{:.6f}", "{:+.3f}"])
def test_the_way_numbers_are_written_makes_no_other_stack(write):
    def other_half(index, dataset):
        turn(dataset, 0.7)
        if index >= 2:
            for tag in ("ImageOrientationPatient", "PixelSpacing"):
                written = [write.format(float(v)) for v in dataset[tag].value]
                setattr(dataset, tag, written)

    assert numbers(stacked(files(4, other_half))) == [[0, 1, 2, 3]]


def test_turns_are_measured_from_the_first_of_a_stack():
    """Slices of 0, 1.5 and 3 degrees are no stack of three, though each is near to the next."""
    stacks = stacked(files(4, lambda index, dataset: turn(dataset, 1.5 * index)))
    assert numbers(stacks) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("tag", "value"), [("Rows", 7), ("Columns", 9), ("PixelSpacing", [1.5, 2.02])]
)
def test_another_matrix_or_pixel_spacing_is_another_stack(tag, value):
    def every_second(index, dataset):
        if index % 2:
            setattr(dataset, tag, value)

    assert numbers(stacked(files(4, every_second))) == [[0, 2], [1, 3]]


def test_images_that_do_not_tell_where_they_lie_are_told_apart_by_their_text():
    def without(index, dataset):
        if index in (1, 2):
            del dataset.ImagePositionPatient
        if index in (3, 4):
            dataset.ImageOrientationPatient = None

    # A missing position alone does not matter: orientation and matrix are there.
    assert numbers(stacked(files(5, without))) == [[0, 1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("first", "degrees", "about", "cut"),
    [
        (4, 0, "normal", True),  # the next four slices
        (4, 180, "normal", True),
        (4, 5, "rows", True),
        (2, 0, "normal", False),  # half of the same places, as a stack planned anew
        (0, 5, "rows", False),
        (4, 60, "rows", True),  # first pixels in one row: the orientation is wrong
        (0, 60, "rows", False),
    ],
)
def test_pieces_of_one_ventricle_lie_beside_each_other(first, degrees, about, cut):
    def change(_, dataset):
        dataset.Rows, dataset.PixelSpacing = 12, [0.75, 2.0]
        turn(dataset, degrees, about=about)

    main, other = (planes_of(some) for some in (files(4), files(4, change, first)))
    assert are_pieces(main, other) == are_pieces(other, main) == cut


def test_every_second_slice_is_a_piece():
    planes = planes_of(files(8))
    assert are_pieces(planes[::2], planes[1::2])
    assert not are_pieces(planes, [])


@pytest.mark.parametrize(
    ("places", "beyond"),
    [((4, 5, 6), True), ((3, 4, 5), True), ((2, 3, 4), False), ((-3, -2, 1), True)],
)
def test_pieces_off_the_end_of_a_stack_are_told_from_those_between_its_slices(places, beyond):
    main, other = planes_of(files(4)), [planes_of(files(1, first=k))[0] for k in places]
    assert lie_beyond(main, other) == lie_beyond(other, main) == beyond
    assert not lie_beyond(main, planes_of(files(3))[::2])


def test_a_place_is_one_slice_however_its_numbers_are_rounded():
    """Positions of 0.249876 mm and 0.25 mm are one, though they round to 0.2 and 0.3 mm."""

    def change(index, dataset):
        dataset.ImagePositionPatient = [0.0, 0.0, 0.249876 if index else 0.250001]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    assert places_of(planes_of(files(2, change))) == [[1, 0]]


def test_places_of_another_orientation_are_their_own():
    def change(index, dataset):
        if index % 2:
            turn(dataset, 60, about="rows")

    assert sorted(map(sorted, places_of(planes_of(files(4, change))))) == [[0], [1], [2], [3]]


@pytest.mark.parametrize("turned", [0, 3])
def test_a_stack_lies_as_most_of_its_slices_do_whichever_is_turned(turned):
    """Rows run along (0.6, 0.8, 0) in LPS, columns 2 mm apart."""

    def change(index, dataset):
        if index == turned:
            turn(dataset, 1.0)

    affine = check_headers(files(4, change), name="case").grid.affine
    np.testing.assert_allclose(affine[:3, 0], [-1.2, -1.6, 0.0], atol=1e-6)


def as_mosaic(_, dataset):
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]


@pytest.mark.parametrize(("count", "step_mm"), [(1, 0.0), (3, 0.0), (3, 0.3)])
def test_mosaics_are_named_as_what_they_are(count, step_mm):
    """One or several at one place, or as far apart as scanners move them with a head."""

    def change(index, dataset):
        as_mosaic(index, dataset)
        dataset.ImagePositionPatient = [0.0, 0.0, step_mm * index]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    with pytest.raises(InputError, match=r"0.dcm is a mosaic, .* one file a slice"):
        check_headers(files(count, change), name="scan")


def test_slices_that_were_taken_out_of_mosaics_are_a_stack():
    assert check_headers(files(3, as_mosaic), name="scan").grid.shape[2] == 3


@pytest.mark.parametrize("order", permutations(range(4)))
def test_in_no_order_are_slices_one_stack_whose_spacings_lie_too_far_on_either_side(order):
    """By 0.45 % from the others, and by 0.9 % from each other."""

    def change(index, dataset):
        dataset.PixelSpacing = [1.5, (2.0, 2.009, 1.991, 2.0)[index]]

    images = files(change=change)
    with pytest.raises(GeometryError, match="mixed pixel spacing"):
        check_headers([images[index] for index in order], name="case")


@pytest.mark.parametrize("first", [0, 4, 5])
def test_an_end_slice_of_a_pixel_spacing_near_that_of_another_is_refused_in_every_order(first):
    """Behind a gap; it differs by 0.4 % from the slice before it, and by 0.8 % from the others."""

    def change(index, dataset):
        scale = {4: 1.004, 5: 1.008}.get(index, 1.0)
        dataset.PixelSpacing = [1.5 * scale, 2.0 * scale]
        if index == 5:
            dataset.ImagePositionPatient = image(6).ImagePositionPatient

    stack = files(6, change)
    with pytest.raises(GeometryError, match="mixed pixel spacing"):
        check_headers([stack[first], *stack[:first], *stack[first + 1 :]], name="case")

"""A label map is measured with the marks that fit it, and with a warning for each other one."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.annotations.marks import NOT_USED, depends_on_given, measure_marked
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.measure import measure_labels
from acsnet.quantify.body_size import body_of
from acsnet.quantify.polar import CHORDS
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.quantify.remote_myocardium import RemoteRegion
from acsnet.quantify.rv_insertion import Surroundings, find_insertion
from acsnet.quantify.scar_methods import MethodRow, region_doubt

SIZE = {"height_cm": 175.0, "weight_kg": 80.0}
MARK, WALL, OFF = {5: (100.0, 94.0)}, {4: (89.0, 79.0)}, {4: (5.0, 5.0)}


@pytest.fixture(scope="module")
def scan(samples):
    return read_scan(samples / "nifti" / "phantom-1.nii.gz")


@pytest.fixture(scope="module")
def labels(samples):
    """The truth without the blood pool of slice 1."""
    labels = read_labels(samples / "truth" / "phantom-1.nii.gz").copy()
    labels[..., 0][labels[..., 0] == 1] = 2
    return labels


def parts(measured):
    document = measured.features_dict()
    kept = ("rv_insertion", "segments", "remote", "methods", "body_surface_area_m2")
    return {name: document[name] for name in kept}


@pytest.mark.parametrize(
    ("given", "used", "reasons"),
    [
        (NOTHING, NOTHING, []),
        (Given(rv_insertion_by_slice=MARK), Given(rv_insertion_by_slice=MARK), []),
        (
            Given(rv_insertion_by_slice={1: (60.0, 90.0)}, remote_by_slice=WALL, **SIZE),
            Given(remote_by_slice=WALL, **SIZE),
            ["in slice 1, which has no blood pool"],
        ),
        (
            Given(rv_insertion_by_slice={1: (60.0, 90.0), **MARK, 99: (1.0, 1.0)}),
            Given(rv_insertion_by_slice=MARK),
            ["in slice 1, which", "in slice 99, which"],
        ),
        (
            Given(rv_insertion_by_slice=MARK, remote_by_slice=OFF, **SIZE),
            Given(rv_insertion_by_slice=MARK, **SIZE),
            ["at least 20 voxels of myocardium, got 0"],
        ),
        (
            Given(rv_insertion_by_slice={5: (999.0, 94.0)}, remote_by_slice={99: (9.0, 9.0)}),
            NOTHING,
            ["must lie in the image", "in slice 99 of a stack"],
        ),
    ],
)
def test_marks_that_fit_are_used_and_each_other_one_is_a_warning(
    scan, labels, given, used, reasons
):
    measured = measure_marked(scan, labels, given=given)
    expected = measure_labels(scan, labels, given=used)
    assert parts(measured) == parts(expected)
    notes = [note for note in measured.warnings if note.startswith(NOT_USED)]
    assert [reason in note for note, reason in zip(notes, reasons, strict=True)] == [
        True for _ in reasons
    ]
    assert [note for note in measured.warnings if note not in notes] == list(expected.warnings)


def test_what_no_mark_is_at_fault_for_is_raised(scan, labels):
    with pytest.raises(InputError, match="no left ventricle"):
        measure_marked(scan, np.zeros_like(labels), given=Given(rv_insertion_by_slice=MARK))


DARK = Surroundings(slices=np.empty(0, np.intp), signal=np.empty((0, CHORDS, 30)))


def around(*, inferior):
    """Blood in the quarter around the septum at 0, all else like the wall but the inferior side.

    inferior: brightness of the side 105 degrees from the septum.
    """
    signal = np.zeros((3, CHORDS, 30))
    signal[:, 23:48] = inferior
    signal[:, np.arange(-15, 16)] = 1.0
    return Surroundings(slices=np.arange(3), signal=signal)


def scar(method, volume_ml):
    return (MethodRow(method=method, scar_volume_ml=volume_ml),)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: find_insertion(DARK, header_turn=1)[1], "not found in the image: for AHA"),
        (
            lambda: find_insertion(replace(DARK, normal_wall=False), header_turn=1)[1],
            "not looked for, because",
        ),
        (lambda: find_insertion(DARK, header_turn=None, given=0.0)[1], "does not tell on which"),
        (lambda: find_insertion(around(inferior=0.0), header_turn=None)[1], "neither header nor"),
        (lambda: find_insertion(around(inferior=0.9), header_turn=None)[1], "take the brighter"),
        (
            lambda: find_insertion(around(inferior=0.9), header_turn=None, given=0.9)[1],
            "is it the anterior one",
        ),
        (lambda: find_insertion(around(inferior=0.9), header_turn=1, given=2.0)[1], "degrees from"),
        (
            lambda: (
                RemoteRegion(
                    mask=np.ones((1, 1, 1), bool), source="automatic", bright_percent=9.0
                ).doubts
            ),
            "is as bright as core scar",
        ),
        (lambda: region_doubt(scar("sd5", 9.0), scar("sd5", 2.0)), "the given remote region"),
    ],
)
def test_doubts_that_a_mark_may_end_are_known_as_such(make, words):
    (doubt,) = make()
    assert words in doubt
    assert depends_on_given(doubt)


def test_a_body_size_in_the_header_that_is_not_used_is_a_doubt_that_an_entered_one_ends(scan):
    (doubt,) = body_of(replace(scan, height_cm=3.0, weight_kg=80.0))[1]
    assert depends_on_given(doubt)
    assert body_of(replace(scan, height_cm=3.0, weight_kg=80.0), **SIZE)[1] == ()


@pytest.mark.parametrize(
    "doubt",
    [
        "pixels 1 % larger or smaller would change core scar by 12 %: compare with care",
        "the segment 'RV insertion' of the file is none of ours: it was left out",
        "4 % of the left ventricle has no signal in the file (NaN or padding)",
    ],
)
def test_doubts_of_image_file_and_networks_are_kept(doubt):
    assert not depends_on_given(doubt)

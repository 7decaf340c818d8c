"""A label map is measured with the marks that fit it, and with a warning for each other one."""

import numpy as np
import pytest

from acsnet.annotations.marks import NOT_USED, measure_marked
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.measure import measure_labels
from acsnet.quantify.quantification import NOTHING, Given

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
    measured = measure_marked(scan, labels, given)
    expected = measure_labels(scan, labels, given=used)
    assert parts(measured) == parts(expected)
    notes = [note for note in measured.warnings if note.startswith(NOT_USED)]
    assert [reason in note for note, reason in zip(notes, reasons, strict=True)] == [
        True for _ in reasons
    ]
    assert [note for note in measured.warnings if note not in notes] == list(expected.warnings)


def test_what_no_mark_is_at_fault_for_is_raised(scan, labels):
    with pytest.raises(InputError, match="no left ventricle"):
        measure_marked(scan, np.zeros_like(labels), Given(rv_insertion_by_slice=MARK))

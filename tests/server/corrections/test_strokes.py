import nibabel as nib
import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.labels import LABEL_VALUES, Label
from acsnet.server.corrections.points import clicks_of
from acsnet.server.corrections.strokes import OFF, ON, points_of_strokes, read_strokes

NAMES = [*LABEL_VALUES, "background", ON, OFF]
SEGMENTS = [{"name": name, "id": n + 1} for n, name in enumerate(NAMES)]


@pytest.fixture(scope="module")
def scan(samples):
    return read_scan(samples / "nifti" / "phantom-1.nii.gz")


@pytest.fixture(scope="module")
def truth(samples):
    return np.asarray(nib.load(samples / "truth" / "phantom-1.nii.gz").dataobj).astype(np.uint8)


def sent(tmp_path, samples, values):
    path = tmp_path / "mask.nii.gz"
    affine = nib.load(samples / "nifti" / "phantom-1.nii.gz").affine
    nib.save(nib.Nifti1Image(values.astype(np.uint8), affine), path)
    return path


def painted(truth, value, *, of=Label.LV_BLOOD_POOL):
    """The mask with a bar of so many voxels painted over a label in the middle slice."""
    values = truth.copy()
    k = truth.shape[2] // 2
    i, j = np.argwhere(truth[:, :, k] == of).mean(axis=0).round().astype(int)
    values[i - 8 : i + 9, j - 1 : j + 2, k] = value
    return values


def test_labels_and_strokes_are_told_apart(tmp_path, samples, scan, truth):
    values = painted(truth, 1 + NAMES.index(ON))
    strokes = read_strokes(sent(tmp_path, samples, values), scan.grid, SEGMENTS)
    assert strokes.on.sum() == 17 * 3
    assert not strokes.off.any()
    # What the stroke covers in the mask is as it is beside it.
    np.testing.assert_array_equal(strokes.labels, scan.grid.from_input(truth))


def test_a_stroke_becomes_points_in_its_middle_some_way_apart(tmp_path, samples, scan, truth):
    values = painted(truth, 1 + NAMES.index(ON))
    strokes = read_strokes(sent(tmp_path, samples, values), scan.grid, SEGMENTS)
    points = points_of_strokes(strokes, scan, Label.LV_BLOOD_POOL)
    assert {name for name, _ in points} == {"lv_blood_pool"}
    assert all(values[index] == 1 + NAMES.index(ON) for _, index in points)
    places = np.array([index for _, index in points]) @ np.diag(
        np.linalg.norm(scan.grid.affine[:3, :3], axis=0)
    )
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert len(points) >= 2
    assert apart[np.triu_indices(len(points), 1)].min() >= 4.0


@pytest.mark.parametrize(
    ("label", "of", "means"),
    [
        (Label.LV_MYOCARDIUM, Label.LV_BLOOD_POOL, "cavity"),
        (Label.CORE_SCAR, Label.LV_BLOOD_POOL, "wall"),
        (Label.LV_BLOOD_POOL, Label.LV_BLOOD_POOL, "wall"),
    ],
)
def test_what_a_stroke_off_a_label_says(tmp_path, samples, scan, truth, label, of, means):
    values = painted(truth, 1 + NAMES.index(OFF), of=of)
    strokes = read_strokes(sent(tmp_path, samples, values), scan.grid, SEGMENTS)
    points = points_of_strokes(strokes, scan, label)
    assert {one.kind.value for one in clicks_of(points, scan.grid)} == {means}


@pytest.mark.parametrize(
    ("segments", "why"),
    [
        (None, "label_info must be a list .*, got None"),
        (SEGMENTS[:3], "label_info names 3"),
        ([*SEGMENTS[:6], {"name": "liver"}], "segment 'liver' is not one"),
    ],
)
def test_a_mask_whose_segments_are_not_known_is_refused(
    tmp_path, samples, scan, truth, segments, why
):
    values = painted(truth, 7)
    with pytest.raises(InputError, match=why):
        read_strokes(sent(tmp_path, samples, values), scan.grid, segments)

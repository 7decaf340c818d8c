"""Which files of a folder are scans, and which belong to one."""

import pytest

from acsnet.io.finder import volume_files


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
    assert remarks == [f"{name}.nii.gz was passed over: it is the label map of an image"]


def test_without_their_image_such_names_are_scans(tmp_path):
    for stem in ("p1_scar", "p2_LV", "olive", "p3"):
        (tmp_path / f"{stem}.nii.gz").touch()
    files, remarks = volume_files(tmp_path)
    assert len(files) == 4
    assert remarks == []

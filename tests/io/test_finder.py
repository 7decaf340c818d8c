"""Which files of a folder are scans, and which belong to one."""

import time
from pathlib import Path

import pytest

from acsnet.io.finder import scan_files, volume_files


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

"""Of the images of a Dixon scan those of water are LGE, and those of fat are none."""

import copy

import numpy as np
import packed_scans
import pytest

from acsnet.errors import GeometryError
from acsnet.io import read_scan
from acsnet.io.dicom_stack.contrast import content_of


def typed(dataset, *types, name="LGE DIXON SAX"):
    dataset.ImageType, dataset.SeriesDescription = ["DERIVED", "PRIMARY", *types], name
    return dataset


@pytest.mark.parametrize(
    ("types", "contrast"),
    [
        (["DIXON", "WATER"], "lge"),
        (["W", "W"], "lge"),
        (["IP", "IP"], "lge"),
        (["IN_PHASE", "FF"], "lge"),
        (["M", "FS"], "lge"),
        (["DIXON", "FAT"], "other"),
        (["F", "IR"], "other"),
        (["FAT_FRACTION"], "other"),
        (["OP", "OP"], "other"),
    ],
)
def test_the_image_type_tells_which_image_it_is_whatever_the_name(
    patient_1, plain, types, contrast
):
    header = typed(patient_1[0], *types, name="LGE PSIR DIXON SAX")
    assert content_of(header, plain.grid, images_each=1).contrast == contrast


def test_a_slice_of_fat_in_a_stack_of_water_is_refused(patient_1, tmp_path):
    for number, dataset in enumerate(patient_1):
        typed(dataset, "DIXON", "FAT" if number == 4 else "WATER")
    packed_scans.write(tmp_path, patient_1)
    with pytest.raises(GeometryError, match=r"and others \(IM0004\.dcm: ImageType FAT\)"):
        read_scan(tmp_path)


def test_the_series_of_water_is_chosen_and_that_of_fat_has_no_scar(patient_1, plain, tmp_path):
    fat = [typed(copy.deepcopy(dataset), "FAT", name="LGE SAX_F") for dataset in patient_1]
    for number, dataset in enumerate(fat):
        packed_scans.new_uid(dataset)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = "1.2.3", 99
        packed_scans.save(dataset, tmp_path / f"fat-{number}.dcm")
    packed_scans.write(tmp_path, [typed(dataset, "WATER") for dataset in patient_1])
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.shows_scar
    assert read_scan(tmp_path, series="99").contrast == "other"

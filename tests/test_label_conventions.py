from typing import get_args

import numpy as np
import pytest

from acsnet.cli.common import TruthName
from acsnet.errors import InputError
from acsnet.label_conventions import CONVENTIONS, region_masks, to_labels
from acsnet.labels import Label

VALUES = np.arange(6)[None, None]


@pytest.mark.parametrize(
    ("convention", "expected"),
    [
        ("emidec", {"lv": [1, 2, 3, 4], "myocardium": [2, 3, 4], "enhancement": [3, 4]}),
        ("acdc", {"lv": [2, 3], "myocardium": [2]}),
        ("mnms", {"lv": [1, 2], "myocardium": [2]}),
        (
            "acsnet",
            {
                "lv": [1, 2, 3, 4, 5],
                "myocardium": [2, 3, 4, 5],
                "enhancement": [3, 4, 5],
                "core_scar": [4],
            },
        ),
    ],
)
def test_each_convention_has_its_regions(convention, expected):
    highest = {"emidec": 4, "acdc": 3, "mnms": 3, "acsnet": 5}[convention]
    values = VALUES[..., : highest + 1]
    masks = region_masks(values, convention, source="file")
    assert {name: values[mask].tolist() for name, mask in masks.items()} == expected


def test_an_unknown_value_is_refused_by_file_and_value():
    message = r"P1.nii.gz holds the values 4, 5, which are not labels of 'acdc' \(0, 1, 2, 3\)"
    with pytest.raises(InputError, match=message):
        region_masks(VALUES, "acdc", source="P1.nii.gz")


def test_values_of_a_data_set_become_our_labels():
    values = np.array([[0, 200, 500], [600, 1220, 2221]])
    pool, wall, scar = Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.CORE_SCAR
    assert to_labels(values, "myops", source="file").tolist() == [[0, wall, pool], [0, wall, scar]]


def test_the_command_line_takes_every_convention():
    assert get_args(TruthName) == tuple(CONVENTIONS)

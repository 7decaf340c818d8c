import hashlib
import shutil

import pytest

from acsnet.errors import InputError
from acsnet.train.data.fingerprint import changes, check_same_data, digest_cases, digest_of_data

NAMES = {"emidec": ["Case_P001", "Case_P002"], "acdc": ["patient001_frame01"]}


def test_each_file_has_its_sha_256(data):
    digests = digest_cases(data, NAMES)
    assert sorted(digests) == ["acdc/patient001_frame01", "emidec/Case_P001", "emidec/Case_P002"]
    content = (data / "emidec/labels/Case_P001.nii.gz").read_bytes()
    assert digests["emidec/Case_P001"]["label"] == hashlib.sha256(content).hexdigest()


def test_neither_order_nor_layout_counts(data):
    before = digest_of_data(digest_cases(data, NAMES))
    other_order = {"acdc": NAMES["acdc"], "emidec": NAMES["emidec"][::-1]}
    assert digest_of_data(digest_cases(data, other_order)) == before
    # As the challenge hands it out: one folder a patient.
    for kind, folder in (("images", "Images"), ("labels", "Contours")):
        new = data / "emidec" / "Case_P001" / folder / "Case_P001.nii.gz"
        new.parent.mkdir(parents=True)
        shutil.move(data / "emidec" / kind / "Case_P001.nii.gz", new)
    assert digest_of_data(digest_cases(data, NAMES)) == before


def test_one_byte_changes_it_and_is_named(data):
    before = digest_cases(data, NAMES)
    with (data / "emidec/labels/Case_P001.nii.gz").open("ab") as file:
        file.write(b"\0")
    now = digest_cases(data, NAMES)
    assert digest_of_data(now) != digest_of_data(before)
    assert changes(before, now) == ["the label of emidec/Case_P001 changed"]


def test_what_is_new_and_what_is_gone_is_named():
    a, b = {"image": "1", "label": "2"}, {"image": "3", "label": "4"}
    assert changes({"x": a, "y": a, "z": a}, {"w": a, "x": a, "y": b}) == [
        "w is new",
        "the image and the label of y changed",
        "z is gone",
    ]


def test_three_changes_are_named_and_the_others_counted(tmp_path):
    new = {name: {"image": "1", "label": "2"} for name in "abcde"}
    with pytest.raises(InputError, match=r"\(a is new, b is new, c is new and 2 more\): use"):
        check_same_data({}, new, folder=tmp_path)
    check_same_data(new, new, folder=tmp_path)


def test_a_missing_file_is_named(data):
    (data / "acdc/labels/patient001_frame01.nii.gz").unlink()
    with pytest.raises(
        InputError, match=r"acdc/labels/patient001_frame01\.nii\.gz: .* does not exist"
    ):
        digest_cases(data, NAMES)

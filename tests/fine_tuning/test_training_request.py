"""What a training reads is what was reviewed, also when it begins or goes on later."""

import json

import pytest
from small_site import truth_of, write, write_image

from acsnet.fine_tuning.training_request import REQUEST, Reviewed, read_request, write_request
from acsnet.fine_tuning.worker import read_cases

ABOUT = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}


@pytest.fixture
def request_of(tmp_path):
    """Writes a request on scans, given as (name, patient, seed); gives name -> held out."""
    root = tmp_path / "models"
    root.mkdir(exist_ok=True)

    def request_of(*scans):
        reviewed = [
            Reviewed(
                name=name,
                patient=patient,
                image=write_image(tmp_path / f"{seed}.nii", seed),
                label=write(tmp_path / "labels" / f"{seed}.nii.gz", truth_of(seed)),
                at=0.0,
            )
            for name, patient, seed in scans
        ]
        folder = write_request(root, reviewed, trainer="roi", **ABOUT)
        return {case.name: case.held for case in read_request(folder).cases}

    return request_of


YEARS = [
    ("2021_P1", "2021", 1),
    ("2021_P2", "2021", 2),
    ("2022_P1", "2022", 3),
    ("2022_P2", "2022", 4),
]
AS_PATIENTS = [(name, name.replace("_", "/"), seed) for name, _, seed in YEARS]


@pytest.mark.parametrize("release", ["this", "an earlier one"])
def test_scans_stay_on_their_side_when_a_folder_is_no_patient_any_more(
    request_of, tmp_path, release
):
    before = request_of(*YEARS)
    assert sorted(before.values()) == [False, False, True, True]
    if release != "this":  # which noted patients only
        file = tmp_path / "models" / "holdout.json"
        content = json.loads(file.read_text())
        file.write_text(json.dumps({side: content[side] for side in ("held", "trained")}))
    assert request_of(*AS_PATIENTS) == before


def test_a_scan_that_was_renamed_stays_on_its_side(request_of):
    scans = [("a", "a", 1), ("b", "b", 2), ("c", "c", 3), ("d", "d", 4)]
    before = request_of(*scans)
    for _ in range(2):
        after = request_of(*((f"new_{name}", f"new_{name}", seed) for name, _, seed in scans))
        assert after == {f"new_{name}": held for name, held in before.items()}


@pytest.fixture
def folder(tmp_path):
    """A request of two scans, `0.nii` and `1.nii`."""
    reviewed = [
        Reviewed(
            name=f"{k}",
            patient=f"{k}",
            image=write_image(tmp_path / f"{k}.nii", k),
            label=write(tmp_path / "labels" / f"{k}.nii.gz", truth_of(k)),
            at=0.0,
        )
        for k in range(2)
    ]
    root = tmp_path / "models"
    root.mkdir()
    return write_request(root, reviewed, trainer="roi", **ABOUT)


def names(read):
    return [case.name for case, _ in read.cases]


def test_a_scan_that_was_replaced_after_the_request_is_left_out_and_named(folder, tmp_path):
    assert names(read_cases(read_request(folder).cases)) == ["0", "1"]
    write_image(tmp_path / "1.nii", 5)
    read = read_cases(read_request(folder).cases)
    assert names(read) == ["0"]
    assert read.left_out == ("1: its scan was replaced or changed after its label",)


def test_a_scan_that_was_copied_is_the_same(folder, tmp_path):
    content = (tmp_path / "1.nii").read_bytes()
    (tmp_path / "1.nii").unlink()
    (tmp_path / "1.nii").write_bytes(content)
    assert names(read_cases(read_request(folder).cases)) == ["0", "1"]


def test_a_request_of_an_earlier_release_is_read_without_what_its_scans_held(folder, tmp_path):
    content = json.loads((folder / REQUEST).read_text())
    for case in content["cases"]:
        del case["scan"]
    (folder / REQUEST).write_text(json.dumps(content))
    write_image(tmp_path / "1.nii", 5)
    assert names(read_cases(read_request(folder).cases)) == ["0", "1"]

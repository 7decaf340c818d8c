"""What a training reads is what was reviewed, also when it begins or goes on later."""

import hashlib
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from small_site import truth_of, write, write_image

from acsnet.errors import InputError
from acsnet.fine_tuning import reviewed_cases
from acsnet.fine_tuning.holdout import digest, number
from acsnet.fine_tuning.reviewed_cases import read_cases
from acsnet.fine_tuning.training_request import (
    REQUEST,
    Reviewed,
    read_request,
    run_folders,
    write_request,
)

ABOUT_ON_DISK = ("trainer", "base", "epochs", "device", "threads", "quiet_s")
ABOUT = {"base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}


@pytest.fixture
def request_of(tmp_path):
    """Writes a request on scans, given as (name, patient, seed[, study]); gives name -> held."""
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
                study="".join(study),
            )
            for name, patient, seed, *study in scans
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


FOUR = [("a", "a", 1), ("b", "b", 2), ("c", "c", 3), ("d", "d", 4)]


def test_a_name_that_was_trained_on_is_so_with_another_scan_and_patient(request_of):
    before = request_of(*FOUR)
    trained = next(name for name, held in before.items() if not held)
    held = [scan for scan in FOUR if before[scan[0]]]
    # Of new patients, one with such a number would be held out.
    new = next(f"p{k}" for k in range(99) if number(digest(f"p{k}")) < 0.25)
    assert request_of(*held, (trained, new, 9))[trained] is False


def test_a_copy_under_another_name_is_of_the_same_patient(request_of, tmp_path):
    copies = [(f"{name} again", f"{name} again", seed) for name, _, seed in FOUR]
    sides = request_of(*FOUR, *copies)
    assert sum(sides.values()) == 2
    assert all(sides[name] == sides[f"{name} again"] for name, _, _ in FOUR)
    (folder,) = run_folders(tmp_path / "models")
    assert len({case.patient for case in read_request(folder).cases}) == 4
    # Whoever of the two comes alone, with whatever scan, stays on their side.
    every = enumerate((*FOUR, *copies))
    new = [(f"{name}/2", patient, 10 + k) for k, (name, patient, _) in every]
    for scans in (new[:4], new[4:]):
        assert list(request_of(*scans).values()) == [sides[name] for name, _, _ in FOUR]


def test_series_of_a_study_are_of_one_patient_whatever_their_patient_ids(request_of, tmp_path):
    """As where one is a reconstruction that has lost its PatientID."""
    studies = [(name, patient, seed, f"1.2.{seed}") for name, patient, seed in FOUR]
    others = [(f"{study}.1", study, 10 * seed, study) for _, _, seed, study in studies]
    sides = request_of(*studies, *others)
    assert sum(sides.values()) == 2
    assert all(sides[name] == sides[f"{study}.1"] for name, _, _, study in studies)
    # A series that comes later stays on the side of its study, under any PatientID.
    later = [(f"{study}.2", f"new {name}", 100 * seed, study) for name, _, seed, study in studies]
    assert list(request_of(*later).values()) == [sides[name] for name, _, _ in FOUR]


def test_a_scan_and_its_copy_are_not_two_patients(request_of):
    with pytest.raises(InputError, match="at least 2 patients, got 1"):
        request_of(("a", "a", 1), ("a again", "a again", 1))


def test_what_was_trained_on_is_not_held_out_under_the_name_of_another(request_of):
    before = request_of(*FOUR)
    (held,) = [seed for name, _, seed in FOUR if before[name]]
    trained = next(seed for name, _, seed in FOUR if not before[name])
    new = ("e", "e", 5), ("f", "f", 6), ("g", "g", 7)
    swapped = {held: trained, trained: held}
    scans = [(name, patient, swapped.get(seed, seed)) for name, patient, seed in FOUR]
    after = request_of(*scans, *new)
    assert {after[name] for name, _, _ in scans} == {False}


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


def test_the_file_of_a_request_has_its_labels_by_their_place_in_the_folder(folder, tmp_path):
    content = json.loads((folder / REQUEST).read_text())
    assert list(content) == [*ABOUT_ON_DISK, "cases"]
    case = content["cases"][1]
    assert (case["name"], case["held"]) == ("1", read_request(folder).cases[1].held)
    assert (case["image"], case["label"]) == (str(tmp_path / "1.nii"), "labels/00001.nii.gz")
    assert read_request(folder).cases[1].label == folder / "labels/00001.nii.gz"


def test_the_newest_run_comes_last_also_where_the_clock_was_set_back(folder, write_scan):
    before = folder.rename(folder.with_name("29990101T000000000000-roi"))
    root = folder.parent.parent
    after = write_request(root, [write_scan(k) for k in range(2)], trainer="roi", **ABOUT)
    assert after.name == "29990101T000000000001-roi"
    assert run_folders(root) == [before, after]


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


def test_what_was_accepted_unchanged_is_told_apart_in_the_request(tmp_path, write_scan):
    root = tmp_path / "models"
    root.mkdir()
    scans = [write_scan(0), replace(write_scan(1), unchanged=True)]
    folder = write_request(root, scans, trainer="roi", **ABOUT)
    named = {case.name: case.unchanged for case in read_request(folder).cases}
    assert named == {"case0": False, "case1": True}
    content = json.loads((folder / REQUEST).read_text())
    for case in content["cases"]:
        del case["unchanged"]  # as an earlier release wrote it
    (folder / REQUEST).write_text(json.dumps(content))
    assert not any(case.unchanged for case in read_request(folder).cases)


def test_nothing_is_trained_where_only_drafts_accepted_unchanged_are_held_out(tmp_path, write_scan):
    """Of patients 0 to 3, patient 2 is held out."""
    root = tmp_path / "models"
    root.mkdir()
    scans = [replace(write_scan(k), unchanged=k == 2) for k in range(4)]
    with pytest.raises(InputError, match=r"accepted unchanged, .* correct one of them \(case2\)"):
        write_request(root, scans, trainer="roi", **ABOUT)
    assert list(root.iterdir()) == []
    scans = [*scans, replace(write_scan(5), patient="patient2")]  # drawn, of the same patient
    held = read_request(write_request(root, scans, trainer="roi", **ABOUT)).cases
    assert [case.name for case in held if case.held] == ["case2", "case5"]


def one_more(folder, image, label):
    """The cases of the request, and one of files that nobody has checked."""
    cases = read_request(folder).cases
    sha256 = hashlib.sha256(label.read_bytes()).hexdigest()
    more = replace(cases[0], name="more", image=image, label=label, sha256=sha256, scan=None)
    return [*cases, more]


def test_a_cine_is_left_out_with_the_reason(folder, tmp_path):
    image = write_image(tmp_path / "SA cine.nii", 3)
    read = read_cases(one_more(folder, image, write(tmp_path / "label.nii.gz", truth_of(3))))
    assert names(read) == ["0", "1"]
    (reason,) = read.left_out
    assert reason.startswith("more: this looks like cine, not LGE")


def test_a_label_of_which_nothing_is_left_on_the_grid_of_the_networks_is_left_out(folder, tmp_path):
    """One pixel of 0.68 mm has 30 % of the area of one of 1.25 mm."""
    signal = np.random.default_rng(0).normal(100.0, 20.0, (64, 64, 3)).astype(np.float32)
    drawn = np.zeros(signal.shape, np.uint8)
    drawn[30, 30, 1] = 2
    paths = tmp_path / "fine.nii", tmp_path / "dot.nii.gz"
    for path, array in zip(paths, (signal, drawn), strict=True):
        image = nib.Nifti1Image(array, np.diag([0.68, 0.68, 10.0, 1.0]))
        image.header.set_xyzt_units("mm")
        nib.save(image, path)
    read = read_cases(one_more(folder, *paths))
    assert names(read) == ["0", "1"]
    assert read.left_out == (
        "more: of the left ventricle that is drawn on fine nothing is left in pixels of 1.25 mm: "
        "it is too small to train on",
    )


@pytest.mark.parametrize(
    ("kept", "what"),
    [
        ({2, 4}, "no blood pool"),
        ({4}, "no blood pool"),
        ({1}, "no myocardium without enhancement"),
        ({1, 4}, "no myocardium without enhancement"),
    ],
)
def test_a_label_that_lacks_the_pool_or_the_wall_would_teach_that_it_is_background(
    folder, tmp_path, kept, what
):
    drawn = np.where(np.isin(truth_of(3), list(kept)), truth_of(3), 0).astype(np.uint8)
    image = write_image(tmp_path / "3.nii", 3)
    read = read_cases(one_more(folder, image, write(tmp_path / "label.nii.gz", drawn)))
    assert names(read) == ["0", "1"]
    assert read.left_out == (f"more: {what} is drawn, so it would count as background",)


def test_a_scan_whose_reading_fails_as_nobody_foresaw_costs_that_scan_alone(
    folder, monkeypatch, capfd
):
    def fails(image, *args, **options):
        if image.name == "1.nii":
            raise IndexError("index 3 is out of bounds")
        return read_case(image, *args, **options)

    read_case = reviewed_cases.read_case
    monkeypatch.setattr(reviewed_cases, "read_case", fails)
    read = read_cases(read_request(folder).cases)
    assert names(read) == ["0"]
    assert read.left_out == ("1: IndexError: index 3 is out of bounds",)
    assert "Traceback" in capfd.readouterr().err  # for the log of the training

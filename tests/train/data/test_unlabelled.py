import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.pseudo_labels import pseudo_labelled
from acsnet.train.data.case import SCAR, TrainingCase
from acsnet.train.data.unlabelled import Unlabelled, unlabelled_files
from acsnet.train.samples.prepare import SampleMix, build, load
from acsnet.train.samples.slices import SOURCES

from ..conftest import image_of, labels_of, save

MIX = SampleMix(phantoms=0, variants=dict.fromkeys(SOURCES, 1))


@pytest.fixture
def folder(tmp_path):
    """Two scans without labels."""
    place = tmp_path / "unlabelled"
    for seed, name in enumerate(("Case_101", "Case_102")):
        save(place / f"{name}.nii.gz", image_of(labels_of("emidec"), "emidec", seed))
    return place


def teach(scan):
    """Draws the truth of every scan, and has doubts about Case_102."""
    if scan.name == "Case_102":
        return None
    tissue = scan.grid.from_input(labels_of("emidec"))
    return TrainingCase(scan=scan, tissue=tissue, source="lge")


def unlabelled(folder, data, teacher="a"):
    return Unlabelled(files=unlabelled_files(folder, data=data), teach=teach, teacher=teacher)


def test_only_what_the_teacher_draws_without_a_doubt_is_learned_from(folder, data, console):
    (case,) = unlabelled(folder, data).cases(console)
    assert case.scan.name == "Case_101"
    assert (case.tissue == SCAR).any()
    console.file.flush()
    said = Path(console.file.name).read_text()
    assert "left out, for their teacher has doubts: Case_102" in said


@pytest.mark.slow
def test_a_drawn_scan_is_one_more_case_of_true_lge(folder, data_to_build, tmp_path, console):
    counted = {}
    for name, more in (("without", None), ("with", unlabelled(folder, data_to_build))):
        built = build(data_to_build, tmp_path / name, mix=MIX, unlabelled=more, console=console)
        samples = load(built["myo"])
        lge = samples.source == SOURCES.index("lge")
        counted[name] = len(np.unique(samples.patient[lge]))
    assert counted == {"without": 2, "with": 3}


@pytest.mark.slow
def test_samples_drawn_by_another_teacher_are_not_taken_for_these(
    folder, data_to_build, tmp_path, console
):
    for teacher in ("a", "a"):
        more = unlabelled(folder, data_to_build, teacher)
        build(data_to_build, tmp_path / "s", mix=MIX, unlabelled=more, console=console)
    more = unlabelled(folder, data_to_build, "b")
    with pytest.raises(InputError, match="samples of other data"):
        build(data_to_build, tmp_path / "s", mix=MIX, unlabelled=more, console=console)


def test_a_patient_of_a_test_list_is_refused(folder, data):
    splits = json.loads((data / "splits.json").read_text())
    splits["emidec"]["test"].append("Case_102")
    (data / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(InputError, match=r"Case_102 is in a test list of .*splits\.json"):
        unlabelled_files(folder, data=data)


def test_another_frame_of_a_patient_of_a_test_list_is_refused(folder, data):
    splits = json.loads((data / "splits.json").read_text())
    splits["acdc"]["test"] = ["patient101_frame01"]
    (data / "splits.json").write_text(json.dumps(splits))
    (folder / "Case_102.nii.gz").rename(folder / "patient101_frame07.nii.gz")
    with pytest.raises(InputError, match="the patient of patient101_frame07 is in a test list"):
        unlabelled_files(folder, data=data)


def test_a_name_in_other_letters_is_that_of_a_patient_of_a_test_list_too(folder, data):
    (folder / "Case_102.nii.gz").rename(folder / "case_p003.nii.gz")
    with pytest.raises(InputError, match="the patient of case_p003 is in a test list"):
        unlabelled_files(folder, data=data)


def test_a_copy_of_a_scan_of_a_test_list_is_refused_under_any_name(folder, data):
    tested = data / "emidec" / "images" / "Case_P003.nii.gz"
    (folder / "Case_102.nii.gz").replace(tested)
    shutil.copy(tested, folder / "anon-7.nii.gz")
    with pytest.raises(
        InputError, match=r"anon-7\.nii\.gz is a copy of .*Case_P003\.nii\.gz, which"
    ):
        unlabelled_files(folder, data=data)
    tested.unlink()  # as where only the train lists are there
    assert [file.name for file in unlabelled_files(folder, data=data)] == [
        "Case_101.nii.gz",
        "anon-7.nii.gz",
    ]


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ("made in 2026", "'more' must be a data set with its train and test lists"),
        (None, "'more' must be a data set with its train and test lists"),
        ({"train": [], "test": None}, "the test list of 'more' must be a list of case names"),
        ({"train": [], "test": "Case_102"}, "the test list of 'more' must be a list of case names"),
    ],
)
def test_an_entry_of_the_splits_without_lists_is_refused_by_its_name(folder, data, lists, reason):
    splits = json.loads((data / "splits.json").read_text())
    (data / "splits.json").write_text(json.dumps({**splits, "more": lists}))
    with pytest.raises(InputError, match=rf"splits\.json: {reason}"):
        unlabelled_files(folder, data=data)


def test_two_scans_of_one_name_are_refused(folder, data):
    save(folder / "again" / "Case_101.nii.gz", image_of(labels_of("emidec"), "emidec", 3))
    with pytest.raises(InputError, match="more than one scan that is called Case_101"):
        unlabelled_files(folder, data=data)


def test_a_folder_without_a_scan_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="holds no volume"):
        unlabelled_files(tmp_path / "nothing", data=data)


@pytest.mark.slow
def test_the_shipped_networks_draw_where_no_others_are_named(samples, data):
    teacher = pseudo_labelled(samples / "nifti", data=data)
    assert sorted(teacher.digests()) == ["unlabelled/phantom-1", "unlabelled/phantom-2"]
    assert len(teacher.teacher) == 64

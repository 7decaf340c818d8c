"""What the inputs of a command line are called."""

from pathlib import Path

import oblique_stack
import pytest

from acsnet.io import read_scan
from acsnet.io.inputs import names_of


def linked(link, target):
    """A link to a file, or to a folder where the target has no ending."""
    link.parent.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix:
        target.touch()
    else:
        target.mkdir()
    link.symlink_to(target)
    return link


def test_names_with_much_of_their_paths_fit_a_folder(tmp_path):
    files = [tmp_path / f"{'d' * 150}{end}" / f"{'e' * 100}.nii.gz" for end in "12"]
    names = [name[:-8] for name in names_of(files).values()]
    assert names == [f"{'d' * 150}{end}_{'e' * 39}-" for end in "12"]


def test_links_are_called_by_their_own_names(tmp_path):
    store = tmp_path / "store"
    files = [linked(tmp_path / f"p{k}" / "lge.nii.gz", store / f"{k}.nii.gz") for k in (1, 2)]
    assert names_of(files) == {files[0]: "p1_lge", files[1]: "p2_lge"}
    folders = [linked(tmp_path / f"p{k}" / "LGE", store / f"{k}") for k in (1, 2)]
    assert names_of(folders) == {folders[0]: "p1_LGE", folders[1]: "p2_LGE"}


def test_files_whose_targets_alone_are_called_alike_need_no_names(tmp_path):
    files = [linked(tmp_path / f"{k}.nii.gz", tmp_path / k / "key.nii.gz") for k in "ab"]
    assert names_of(files) == {}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/1/lge.nii", "/b/1/lge.nii"], ["a_1_lge", "b_1_lge"]),
        (["/a/1/lge.nii", "/a/2/lge.nii", "/b/2/lge.nii"], ["1_lge", "a_2_lge", "b_2_lge"]),
        (["/a/x/../lge.nii", "/b/lge.nii"], ["a_lge", "b_lge"]),
        (["/lge.nii", "/b/lge.nii"], ["lge", "b_lge"]),
        (["/a/lge.nii", "/a/lge.nii"], [None, None]),
        (["/a/x/../lge.nii", "/a/lge.nii"], [None, None]),
        (["/a/lge.nrrd", "/a/lge.mha"], [None, "lge_mha"]),
        (["/a/lge.nii.gz", "/a/lge.nii", "/b/lge.nii"], ["a_lge", "lge_nii", "b_lge"]),
        (["/a/x.nrrd", "/a/x"], [None, None]),
        (["/a/x.mha", "/a/x.nrrd", "/a/x_nrrd.nii.gz"], [None, "x_nrrd_nrrd", None]),
        (
            ["/a/x.mha", "/a/x.nrrd", "/b/x.mha", "/b/x.nrrd"],
            ["a_x", "a_x_nrrd", "b_x", "b_x_nrrd"],
        ),
    ],
)
def test_names_take_as_much_of_the_path_as_tells_them_apart(paths, names):
    given = [Path(path) for path in paths]
    found = names_of(given)
    assert [found.get(path) for path in given] == names


def test_both_halves_of_a_pair_are_one_scan(tmp_path):
    halves = [tmp_path / f"lge{ending}" for ending in (".hdr", ".img")]
    for half in halves:
        half.touch()
    assert names_of(halves) == {}


def test_a_volume_beside_a_folder_of_its_name_is_that_scan_again(tmp_path):
    (tmp_path / "lge").mkdir()
    assert names_of([tmp_path / "lge", tmp_path / "lge.nii.gz"]) == {}


def test_a_link_to_a_folder_names_its_scan(tmp_path, monkeypatch):
    folder = oblique_stack.folder(tmp_path / "store")
    link = tmp_path / "p1"
    link.symlink_to(folder)
    assert read_scan(link).name == "p1"
    monkeypatch.chdir(folder)
    assert read_scan(".").name == folder.name

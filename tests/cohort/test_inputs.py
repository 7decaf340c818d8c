import os
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.cohort import inputs, run
from acsnet.cohort.case_worker import CohortOptions
from acsnet.cohort.inputs import list_scans
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.run import run_cohort
from acsnet.cohort.sources import FileSource
from acsnet.errors import InputError
from acsnet.io.inputs import names_of
from acsnet.server.datastores.folder import StudiesDatastore


def listed(where, output="nowhere"):
    return list(list_scans(str(where), output=Path(output)))


def cases(where, output="nowhere"):
    return [one.case for one in listed(where, output)]


def reasons(where):
    return [one.reason for one in listed(where) if isinstance(one, Outcome)]


def test_a_folder_gives_files_and_series_called_by_their_paths(tmp_path, write_scan, write_series):
    write_scan(tmp_path, name="top")
    write_scan(tmp_path / "p1", name="lge")
    write_series(tmp_path / "p2" / "visit" / "lge", seed=2)
    (tmp_path / "notes.txt").write_text("no scan")
    (tmp_path / ".hidden").mkdir()
    write_scan(tmp_path / ".hidden")
    assert cases(tmp_path) == ["top", "p1_lge", "p2_visit_lge"]
    assert [one.read().pixels.shape for one in listed(tmp_path)] == [(2, 96, 96)] * 3


def test_files_that_differ_in_their_endings_alone_are_cases_everywhere(tmp_path):
    for name in ("scan.nrrd", "scan.mha", "p1/scan.nii", "pair.hdr", "pair.img"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    table = tmp_path / "table.csv"
    table.write_text("image\nscan.nrrd\nscan.mha\n")
    studies = StudiesDatastore(studies=tmp_path, store=tmp_path.parent / "store")
    served = studies.list_images()
    studies.close()
    assert cases(tmp_path)[1:] == ["scan", "scan_nrrd", "p1_scan"]
    assert cases(tmp_path / "scan.*") == ["scan", "scan_nrrd"]
    assert cases(table) == ["scan", "scan_mha"]
    assert {"scan", "scan_nrrd"} < set(served)
    assert names_of([tmp_path / "scan.mha", tmp_path / "scan.nrrd"]) == {
        tmp_path / "scan.nrrd": "scan_nrrd"
    }


def test_an_added_ending_takes_no_name_that_another_file_has(tmp_path):
    names = ("scan.mha", "scan.nrrd", "scan_nrrd.nii.gz")
    for name in names:
        (tmp_path / name).touch()
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["image", *names]))
    studies = StudiesDatastore(studies=tmp_path, store=tmp_path.parent / "store")
    served = studies.list_images()
    studies.close()
    expected = ["scan", "scan_nrrd_nrrd", "scan_nrrd"]
    assert cases(tmp_path) == cases(tmp_path / "scan*") == cases(table) == expected
    assert set(served) == set(expected)
    assert names_of([tmp_path / name for name in names]) == {
        tmp_path / "scan.nrrd": "scan_nrrd_nrrd"
    }


def test_a_name_that_is_not_utf_8_is_a_case_with_a_name_that_can_be_written(tmp_path, write_scan):
    write_scan(tmp_path / "p1", name="lge")
    (tmp_path / "p1").rename(tmp_path / os.fsdecode(b"Mu\xf1oz"))
    write_scan(tmp_path, name="lge").rename(tmp_path / os.fsdecode(b"Mu\xf1oz.nii.gz"))
    found = listed(tmp_path)
    names = [one.case for one in found]
    assert [name[8:] for name in names] == ["-Mu\ufffdoz", "-Mu\ufffdoz_lge"]
    assert {one.read().pixels.shape for one in found} == {(2, 96, 96)}


def test_scans_with_long_paths_are_cases_with_names_that_fit(tmp_path, write_scan, write_series):
    write_scan(tmp_path / ("d" * 150), name="e" * 100)
    write_series(tmp_path / ("f" * 150) / ("g" * 50), seed=2)
    first, second = listed(tmp_path)
    assert first.case[:-8] == f"{'d' * 150}_{'e' * 40}-"
    assert second.case[:-8] == f"{'f' * 150}_{'g' * 40}-"
    assert [one.read().pixels.shape for one in (first, second)] == [(2, 96, 96)] * 2


def test_series_that_share_a_folder_with_a_long_path_are_told_apart(tmp_path, write_series):
    folder = tmp_path / ("d" * 200) / ("e" * 50)
    write_series(folder, seed=1)
    for file in write_series(tmp_path / "other", seed=2).iterdir():
        file.rename(folder / f"second-{file.name}")
    first, second = listed(tmp_path)
    assert first.case != second.case
    assert {one.read().pixels.shape for one in (first, second)} == {(2, 96, 96)}


def test_series_that_share_a_folder_are_told_apart_by_their_uids(tmp_path, write_series):
    write_series(tmp_path / "p1", seed=1)
    for file in write_series(tmp_path / "other", seed=2).iterdir():
        file.rename(tmp_path / "p1" / f"second-{file.name}")
    uids = {pydicom.dcmread(file).SeriesInstanceUID for file in (tmp_path / "p1").iterdir()}
    found = listed(tmp_path)
    assert {one.case for one in found} == {f"p1_{uid}" for uid in uids}
    assert {one.series for one in found} == uids
    first, second = (one.read().pixels for one in found)
    assert (first != second).any()


def test_results_in_the_same_folder_are_no_scans(tmp_path, write_scan):
    write_scan(tmp_path)
    write_scan(tmp_path / "out" / "scan-1", name="segmentation")
    assert cases(tmp_path, tmp_path / "out") == ["scan-1"]
    assert cases(f"{tmp_path}/**/*.nii.gz", tmp_path / "out") == ["scan-1"]


def test_links_that_go_round_in_circles_end(tmp_path, write_scan):
    write_scan(tmp_path / "p1")
    (tmp_path / "p1" / "back").symlink_to(tmp_path)
    assert cases(tmp_path) == ["p1_scan-1"]


def test_a_pattern_calls_cases_by_what_it_leaves_open(tmp_path, write_scan, write_series):
    write_scan(tmp_path / "p2", name="lge")
    write_scan(tmp_path / "p1", name="lge")
    write_scan(tmp_path / "p1", name="cine")
    write_series(tmp_path / "p3", seed=3)
    assert cases(f"{tmp_path}/*/lge.nii.gz") == ["p1_lge", "p2_lge"]
    assert cases(f"{tmp_path}/p1/*") == ["cine", "lge"]
    assert cases(f"{tmp_path}/p[3-9]") == ["p3"]
    assert cases(f"{tmp_path}/nothing-*") == []


def test_a_table_gives_paths_from_its_own_folder_and_names(tmp_path, write_scan, write_series):
    write_scan(tmp_path / "images", name="a")
    write_series(tmp_path / "images" / "b", seed=2)
    table = tmp_path / "list.csv"
    table.write_text("case,image,age\n,images/a.nii.gz,60\nsecond,images/b,70\n", "utf-8-sig")
    assert listed(table) == [
        FileSource(case="a", path=tmp_path / "images" / "a.nii.gz"),
        FileSource(case="second", path=tmp_path / "images" / "b"),
    ]


def test_lines_without_a_case_whose_files_are_called_alike_are_told_apart(tmp_path):
    lines = ["p1/lge.nii.gz,", "p2/lge.nii.gz,", "p3/lge.nii.gz,third", "p3/sax.nii.gz,", "c.txt,"]
    (tmp_path / "list.csv").write_text("\n".join(["image,case", *lines]))
    found = listed(tmp_path / "list.csv")
    assert [one.case for one in found] == ["p1_lge", "p2_lge", "third", "sax", "c.txt"]
    assert [isinstance(one, Outcome) for one in found] == [False] * 4 + [True]


def test_a_scan_that_a_table_lists_twice_is_refused(tmp_path):
    (tmp_path / "list.csv").write_text("image\np1/lge.nii.gz\np1/lge.nii.gz\np2/lge.nii.gz\n")
    assert cases(tmp_path / "list.csv") == ["lge", "lge", "p2_lge"]
    assert reasons(tmp_path / "list.csv") == ["a case named lge is in the list already"]


def test_files_of_a_folder_that_are_skipped_are_told(tmp_path, write_scan):
    write_scan(tmp_path / "p1", name="lge")
    write_scan(tmp_path / "p2_annotations", name="lge")
    (tmp_path / "p3").mkdir()
    (tmp_path / "p3" / "lge.zip").write_bytes(b"PK\3\4")
    scan, *skipped = sorted(listed(tmp_path), key=lambda one: isinstance(one, Outcome))
    assert scan.case == "p1_lge"
    assert all(one.skipped for one in skipped)
    assert sorted(one.reason for one in skipped) == [
        "p2_annotations/lge.nii.gz was skipped: it is the label map of an image",
        "p3/lge.zip was skipped: it is packed",
    ]


def test_a_list_of_skipped_files_alone_holds_no_scan_and_says_why(tmp_path):
    (tmp_path / "heart.seg.nrrd").write_bytes(b"")
    outcomes = run_cohort(str(tmp_path), output=tmp_path / "out", options=CohortOptions())
    with pytest.raises(InputError, match=r"holds no scan: heart.seg.nrrd was skipped: it is a seg"):
        next(outcomes)
    assert not (tmp_path / "out").exists()


def test_the_command_prints_what_is_skipped_and_does_not_count_it(tmp_path, monkeypatch):
    outcomes = [
        Outcome(case="", place="scans", reason="b.nii.gz was skipped: why", skipped=True),
        Outcome(case="a", place="a.nii.gz", computed=True),
    ]
    monkeypatch.setattr(run, "run_cohort", lambda *_, **__: iter(outcomes))
    done = CliRunner().invoke(app, ["cohort", str(tmp_path), "--output", str(tmp_path / "out")])
    assert done.exit_code == 0
    assert "b.nii.gz was skipped: why" in done.output
    assert "1 scans: 1 segmented, 0 done before, 0 failed; files skipped: 1 ->" in done.output


def test_lines_that_name_no_scan_or_no_case_are_refused(tmp_path):
    table = tmp_path / "list.csv"
    table.write_text("image,case\n,x\nb.nii.gz,../b\nc.txt,\na.nii.gz,a\nother/a.nii.gz,\n")
    assert reasons(table) == [
        "column 'image' is empty",
        "'../b' cannot be the name of a case: it must be a name without / and \\, not a path",
        "c.txt must be a .nii.gz or .nii file, or a folder of DICOM files, or a .nrrd, .mha, .mhd "
        "or .hdr file",
        "a case named a is in the list already",
    ]
    assert listed(table)[0].place == "list.csv line 2"


def test_a_damaged_line_is_told_before_anything_is_worked_on(tmp_path):
    lines = b"image\n" + b"a.nii.gz\n" * 100_000 + "ü.nii.gz\n".encode("latin-1")
    (tmp_path / "list.csv").write_bytes(lines)
    with pytest.raises(InputError, match=r"list\.csv cannot be read as a CSV table"):
        next(list_scans(str(tmp_path / "list.csv"), output=tmp_path))


@pytest.mark.parametrize("name", ["cohort.csv", "failures.csv", "cohort.parquet"])
def test_no_case_is_called_like_a_table(tmp_path, name):
    (tmp_path / "list.csv").write_text(f"image,case\na.nii.gz,{name}\n")
    reason = f"{name!r} cannot be the name of a case: a table of the cohort is called so"
    assert reasons(tmp_path / "list.csv") == [reason]


def test_what_is_no_list_is_refused(tmp_path):
    with pytest.raises(InputError, match="must be a folder, a pattern, a CSV table or the address"):
        listed(tmp_path / "nothing")


def test_a_pacs_gives_its_lge_series(pacs, patient, monkeypatch):
    monkeypatch.setattr(inputs, "DicomWeb", lambda settings: pacs)
    lge = patient(uid="1")
    pacs.add(lge, patient(uid="2", SeriesDescription="cine", ProtocolName="cine"))
    (source,) = listed(pacs.address)
    assert (source.address, source.study) == (pacs.address, lge[0].StudyInstanceUID)
    assert (source.case,) == source.parts == (lge[0].SeriesInstanceUID,)

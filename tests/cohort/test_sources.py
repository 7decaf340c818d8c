import hashlib
from pathlib import Path

import nibabel as nib
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813
from one_series import as_one_series

from acsnet.cohort import inputs, sources
from acsnet.cohort.inputs import list_scans
from acsnet.cohort.sources import FileSource, PacsSource
from acsnet.errors import InputError
from acsnet.io import read_scan


def test_content_is_that_of_the_file_wherever_it_lies(tmp_path, write_scan):
    path = write_scan(tmp_path)
    before = FileSource(case="a", path=path).content()
    moved = tmp_path / "moved.nii.gz"
    moved.write_bytes(path.read_bytes())
    assert FileSource(case="b", path=moved).content() == before
    moved.write_bytes(write_scan(tmp_path / "other", seed=2).read_bytes())
    assert FileSource(case="b", path=moved).content() != before


def test_content_of_a_series_changes_with_every_file_that_is_read(tmp_path, write_series):
    source = FileSource(case="a", path=write_series(tmp_path))
    before = source.content()
    last = max(tmp_path.iterdir())
    kept = last.read_bytes()
    last.write_bytes(kept[:-2] + b"\0\1")
    changed = source.content()
    last.write_bytes(kept)
    (tmp_path / ".hidden").write_text("not looked at")
    assert before == source.content() != changed
    (tmp_path / "more.dcm").write_bytes(kept)
    assert source.content() != before
    assert FileSource(case="a", path=tmp_path, series="1.2").content() != source.content()


def test_another_image_of_a_file_is_other_content(tmp_path, write_scan):
    path = write_scan(tmp_path)
    contents = {FileSource(case="a", path=path, phase=phase).content() for phase in (None, 1, 2)}
    assert len(contents) == 3


def test_the_phase_of_a_folder_is_read(samples, tmp_path):
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = packed_scans.inversion_times(datasets, tmp_path / "a", times_ms=(250, 300))
    first, second = (
        FileSource(case="a", path=folder, phase=phase).read().pixels.mean() for phase in (1, 2)
    )
    assert second - first == pytest.approx(10, abs=0.5)


@pytest.fixture
def in_pacs(pacs, monkeypatch):
    monkeypatch.setattr(sources, "DicomWeb", lambda settings: pacs)

    def make(series):
        pacs.add(series)
        first = series[0]
        parts = (first.SeriesInstanceUID,)
        return PacsSource(address=pacs.address, study=first.StudyInstanceUID, parts=parts)

    return make


def test_a_series_in_a_pacs_is_read_and_known_again_without_its_images(
    pacs, in_pacs, patient, samples
):
    series = patient(uid="1")
    source = in_pacs(series)
    before = source.content()
    assert pacs.count("instance") == 0
    there = read_scan(samples / "dicom" / "phantom-1")
    np.testing.assert_array_equal(source.read().pixels, there.pixels)
    assert (pacs.count("headers"), pacs.count("instance")) == (1, len(series))
    assert in_pacs(series).content() == before
    assert in_pacs(patient(uid="2")).content() != before


def test_both_reconstructions_in_one_series_of_a_pacs_are_two_cases(pacs, patient, monkeypatch):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    uid = as_one_series(magnitude, sensitive)
    pacs.add(magnitude, sensitive)
    for module in (sources, inputs):
        monkeypatch.setattr(module, "DicomWeb", lambda _: pacs)
    cases = {one.case: one for one in list_scans(pacs.address, output=Path("out"))}
    assert set(cases) == {uid, f"{uid}-magnitude"}
    for case, images in ((uid, sensitive), (f"{uid}-magnitude", magnitude)):
        read = set(cases[case].read().instance_uids)
        assert read == {one.SOPInstanceUID for one in images}
    assert cases[uid].content() != cases[f"{uid}-magnitude"].content()


def test_a_series_in_a_pacs_that_cannot_be_measured_says_why(in_pacs, broken_series):
    series, reason = broken_series["missing slices"]
    with pytest.raises(InputError, match=reason):
        in_pacs(series).content()


def write_itk(path):
    """Two slices of zeros, the header in one file and the pixels in the other."""
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((2, 4, 4), np.int16)), str(path))


def write_pair(path):
    nib.save(nib.Spm99AnalyzeImage(np.zeros((4, 4, 2), np.int16), np.diag([2, 2, 9, 1])), path)


@pytest.mark.parametrize(
    ("write", "named", "others"),
    [
        (write_itk, "a.mhd", ["a.raw"]),
        (write_itk, "a.nhdr", ["a.raw"]),
        (write_pair, "a.hdr", ["a.img", "a.mat"]),
        (write_pair, "a.img", ["a.hdr", "a.mat"]),
    ],
)
def test_content_changes_with_every_file_of_a_volume(tmp_path, write, named, others):
    write(tmp_path / named)
    source = FileSource(case="a", path=tmp_path / named)
    before = source.content()
    for name in others:
        kept = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(kept[:-1] + b"\7")
        assert source.content() != before, name
        (tmp_path / name).write_bytes(kept)
    assert source.content() == before


def test_content_of_one_file_is_its_plain_hash_also_where_it_is_damaged(tmp_path):
    for name in ("a.nii.gz", "a.mhd", "a.nhdr", "a.hdr"):
        (tmp_path / name).write_bytes(b"NRRD damaged")
        expected = hashlib.sha256(b"NRRD damaged").hexdigest()
        assert FileSource(case="a", path=tmp_path / name).content() == expected

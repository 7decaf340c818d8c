from pathlib import Path

import numpy as np
import pytest
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


@pytest.fixture
def in_pacs(pacs, monkeypatch):
    monkeypatch.setattr(sources, "DicomWeb", lambda settings: pacs)

    def make(series):
        pacs.add(series)
        first = series[0]
        return PacsSource(
            address=pacs.address, study=first.StudyInstanceUID, series=first.SeriesInstanceUID
        )

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

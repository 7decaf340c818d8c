import errno

import pytest

from acsnet.errors import PacsError
from acsnet.files.reasons import is_full
from acsnet.io import read_scan
from acsnet.pacs.download import archive_path, download_images, keep_only


def test_a_download_that_was_cut_off_goes_on(pacs, patient, tmp_path):
    series = patient()
    pacs.add(series)
    uids = [one.SOPInstanceUID for one in series]
    images = dict.fromkeys(uids, series[0].SeriesInstanceUID)
    order = {"study": series[0].StudyInstanceUID, "images": images}
    pacs.broken = {uids[3]}
    with pytest.raises(PacsError):
        download_images(pacs, **order, folder=tmp_path / "x")
    assert len(list((tmp_path / "x").iterdir())) == 3
    pacs.broken, pacs.asked = set(), []
    assert download_images(pacs, **order, folder=tmp_path / "x") == 5
    assert [uid for _, uid in pacs.asked] == uids[3:]
    assert read_scan(tmp_path / "x").pixels.shape[0] == 8
    assert download_images(pacs, **order, folder=tmp_path / "x") == 0


def test_a_file_that_cannot_be_written_leaves_nothing_behind(pacs, patient, tmp_path, monkeypatch):
    series = patient()
    pacs.add(series)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        download_images(pacs, study="1", images={series[0].SOPInstanceUID: "1.2"}, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_known_as_such_by_the_file_that_has_no_room(
    pacs, patient, tmp_path, monkeypatch
):
    """Pydicom puts an error of the file that it writes to into another one without its number."""
    series = patient()
    pacs.add(series)
    uid = series[0].SOPInstanceUID

    def full(file, _content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space") as caught:
        download_images(pacs, study="1", images={uid: "1.2"}, folder=tmp_path)
    assert is_full(caught.value)
    assert caught.value.filename == str(tmp_path / f"{uid}.dcm")


def test_images_that_left_the_series_are_removed(tmp_path):
    for name in ("1.2.dcm", "1.3.dcm"):
        (tmp_path / name).touch()
    keep_only(["1.3"], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["1.3.dcm"]


def test_the_place_of_a_file_is_made_of_its_uids_or_there_is_none(patient, tmp_path):
    dataset = patient()[0]
    path = archive_path(tmp_path, dataset)
    assert path.relative_to(tmp_path).parts == (
        dataset.StudyInstanceUID,
        dataset.SeriesInstanceUID,
        f"{dataset.SOPInstanceUID}.dcm",
    )
    dataset.SeriesInstanceUID = "../../x"
    assert archive_path(tmp_path, dataset) is None

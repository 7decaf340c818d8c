import pytest

from acsnet.errors import InputError, PacsError
from acsnet.pacs import transfer
from acsnet.pacs.dicomweb import NotStoredError
from acsnet.pacs.transfer import pull, push

URL = "https://pacs.example.org/dicom-web"


@pytest.fixture(autouse=True)
def _served(pacs, monkeypatch):
    monkeypatch.setattr(transfer, "DicomWeb", lambda _: pacs)


def test_every_file_is_stored_or_its_reason_told(pacs, samples, tmp_path, monkeypatch):
    files = sorted((samples / "dicom" / "phantom-1").glob("*.dcm"))[:3]
    (tmp_path / "x.txt").write_text("hello")
    refused = []

    def store(dataset):
        if not refused:
            refused.append(dataset.SOPInstanceUID)
            msg = "reason 0xa900"
            raise NotStoredError(msg)
        pacs.add([dataset])

    monkeypatch.setattr(pacs, "store", store)
    reasons = [reason for _, reason in push([*files, tmp_path / "x.txt"], to=URL)]
    assert reasons == ["reason 0xa900", None, None, "it is not a DICOM file, or damaged"]
    assert len(pacs.datasets) == 2


def test_a_service_that_is_not_there_ends_the_sending(pacs, samples):
    pacs.broken = {"store"}
    with pytest.raises(PacsError):
        list(push(sorted((samples / "dicom").rglob("*.dcm")), to=URL))
    assert pacs.count("store") == 1


def test_an_address_of_another_kind_is_refused(samples):
    with pytest.raises(InputError, match="dicom://"):
        list(push([samples], to="ftp://host"))


def test_lge_series_are_fetched_and_once_only(pacs, patient, tmp_path):
    lge = patient(uid="1")
    pacs.add(lge, patient(2, uid="2"), patient(uid="3", SeriesDescription="cine SA"))
    keys = {"PatientID": lge[0].PatientID}
    (one,) = pull(keys, source=URL, output=tmp_path)
    assert (one.images, one.fetched) == (8, 8)
    assert one.folder == tmp_path / lge[0].StudyInstanceUID / lge[0].SeriesInstanceUID
    assert len(list(one.folder.glob("*.dcm"))) == 8
    (again,) = pull(keys, source=URL, output=tmp_path)
    assert again.fetched == 0
    assert len(list(pull({}, source=URL, output=tmp_path))) == 2


def test_a_series_that_is_named_is_fetched_whatever_it_is(pacs, patient, tmp_path):
    cine = patient(uid="3", SeriesDescription="cine SA", Modality="CT")
    pacs.add(cine)
    keys = {"SeriesInstanceUID": cine[0].SeriesInstanceUID}
    (one,) = pull(keys, source=URL, output=tmp_path)
    assert one.fetched == 8
    with pytest.raises(InputError, match=r"no series for SeriesInstanceUID '1\.9'"):
        list(pull({"SeriesInstanceUID": "1.9"}, source=URL, output=tmp_path))
    with pytest.raises(InputError, match="no LGE series for any patient"):
        list(pull({}, source=URL, output=tmp_path))

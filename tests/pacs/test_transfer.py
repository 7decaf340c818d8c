import pytest
import requests
from typer.testing import CliRunner

from acsnet.cli.main import app
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


def answering(monkeypatch, pacs, kind, *, error_of):
    """What is told of by `error_of` fails so; the rest is as it was."""
    ask = getattr(pacs, kind)

    def asked(*keys):
        if (error := error_of(*keys)) is not None:
            raise error
        return ask(*keys)

    monkeypatch.setattr(pacs, kind, asked)


def failed(cause):
    """As `DicomWeb` raises it."""
    error = PacsError(f"failed: {cause}")
    error.__cause__ = cause
    return error


def http_error(status):
    answer = requests.Response()
    answer.status_code = status
    return failed(requests.HTTPError(f"HTTP {status}", response=answer))


@pytest.mark.parametrize(
    "fault",
    [
        InputError("image 1.2 is cut short"),
        http_error(500),
        http_error(404),
        http_error(403),
        failed(ValueError("another instance came")),
        failed(requests.exceptions.ChunkedEncodingError("cut short")),
    ],
    ids=str,
)
def test_an_image_that_cannot_be_fetched_keeps_no_other_from_it(
    pacs, patient, tmp_path, monkeypatch, fault
):
    lge, other = patient(uid="1"), patient(2, uid="2")
    pacs.add(lge, other)
    bad = lge[2].SOPInstanceUID
    answering(
        monkeypatch, pacs, "instance", error_of=lambda *keys: fault if keys[2] == bad else None
    )
    first, second = pull({}, source=URL, output=tmp_path)
    assert (first.images, first.fetched, first.faults) == (8, 7, (str(fault),))
    assert (second.images, second.fetched, second.faults) == (8, 8, ())
    assert len(list(first.folder.glob("*.dcm"))) == 7


def test_a_series_whose_headers_cannot_be_had_keeps_no_other_from_being_fetched(
    pacs, patient, tmp_path, monkeypatch
):
    lge, other = patient(uid="1"), patient(2, uid="2")
    pacs.add(lge, other)
    bad = lge[0].SeriesInstanceUID
    answering(
        monkeypatch,
        pacs,
        "headers",
        error_of=lambda _, series: http_error(500) if series == bad else None,
    )
    first, second = pull({}, source=URL, output=tmp_path)
    assert (first.images, first.fetched, first.faults) == (0, 0, ("failed: HTTP 500",))
    assert (second.fetched, second.faults) == (8, ())


@pytest.mark.parametrize(
    "fault",
    [
        http_error(401),
        http_error(429),
        http_error(503),
        failed(requests.ConnectionError("no connection")),
        failed(requests.ReadTimeout("no answer")),
    ],
    ids=str,
)
def test_what_every_further_request_would_meet_ends_the_fetching(
    pacs, patient, tmp_path, monkeypatch, fault
):
    pacs.add(patient(uid="1"))
    answering(monkeypatch, pacs, "instance", error_of=lambda *_: fault)
    with pytest.raises(PacsError, match=str(fault)):
        list(pull({}, source=URL, output=tmp_path))


def test_a_series_of_which_nothing_can_be_fetched_is_given_up(pacs, patient, tmp_path, monkeypatch):
    """After five of its eight images; the next one is asked for."""
    first, second = patient(1, uid="1"), patient(2, uid="2")
    pacs.add(first, second)
    refused = {one.SOPInstanceUID for one in first}
    answering(
        monkeypatch,
        pacs,
        "instance",
        error_of=lambda *keys: http_error(403) if keys[2] in refused else None,
    )
    one, two = pull({}, source=URL, output=tmp_path)
    assert (one.fetched, len(one.faults)) == (0, 6)
    assert one.faults[-1] == "5 images in a row failed: 3 were not asked for"
    assert (two.fetched, two.faults) == (8, ())


def test_images_that_have_left_the_pacs_are_named_and_stay(pacs, patient, tmp_path):
    """Of eight images one has gone, and another has come in its place."""
    lge = patient(uid="1")
    pacs.add(lge)
    (one,) = pull({}, source=URL, output=tmp_path)
    gone = one.folder / f"{lge[2].SOPInstanceUID}.dcm"
    (one.folder / "seg_by_reader.dcm").write_bytes(b"was never there")
    del pacs.datasets[lge[2].SOPInstanceUID]
    lge[2].SOPInstanceUID = lge[2].file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    pacs.add([lge[2]])
    (again,) = pull({}, source=URL, output=tmp_path)
    assert (again.images, again.fetched) == (8, 1)
    assert again.faults == (
        f"{gone} is no longer in the PACS: move it away before the series is read",
    )
    assert len(list(one.folder.glob("*.dcm"))) == 10


def test_a_folder_that_would_hold_two_patients_is_told(pacs, patient, tmp_path):
    """The patient was corrected, and one image lacks; what is there is never replaced."""
    lge = patient(uid="1")
    pacs.add(lge)
    (one,) = pull({}, source=URL, output=tmp_path)
    for image in lge:
        image.PatientID = "4711"
    before = {file: file.read_bytes() for file in one.folder.iterdir()}
    (again,) = pull({}, source=URL, output=tmp_path)
    assert (again.fetched, again.faults) == (0, ())
    (one.folder / f"{lge[0].SOPInstanceUID}.dcm").unlink()
    (again,) = pull({}, source=URL, output=tmp_path)
    (told,) = again.faults
    assert told == (
        f"{one.folder} holds images of more than one PatientID, as the PACS corrected it: move the "
        "folder away and pull again"
    )
    changed = [file for file, content in before.items() if file.read_bytes() != content]
    assert [file.stem for file in changed] == [lge[0].SOPInstanceUID]


def test_the_command_counts_the_series_and_ends_with_2_where_one_is_not_whole(
    pacs, patient, tmp_path, monkeypatch
):
    lge = patient(uid="1")
    pacs.add(lge, patient(2, uid="2"))
    command = ["pull", "--from", URL, "--output", str(tmp_path)]
    with monkeypatch.context() as broken:
        bad = lge[0].SOPInstanceUID
        answering(
            broken, pacs, "instance", error_of=lambda *k: http_error(500) if k[2] == bad else None
        )
        result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "not as in the PACS: failed: HTTP 500" in result.output
    assert "1 of 2 series are as in the PACS" in result.output
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert "2 of 2 series are as in the PACS" in result.output


def test_folders_of_studies_are_for_their_owner_alone(pacs, patient, tmp_path):
    pacs.add(patient(uid="1"))
    (one,) = pull({}, source=URL, output=tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (one.folder.parent, one.folder)] == [0o700] * 2

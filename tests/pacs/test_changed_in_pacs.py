"""What an archive corrects, replaces or removes after its images were fetched."""

import copy
import io

import numpy as np
import pydicom
import pytest
import requests

from acsnet.errors import InputError, PacsError
from acsnet.pacs.archive import Archive, Companions
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import NotStoredError
from acsnet.pacs.unsent import Unsent
from acsnet.quantify.features import compute_features
from acsnet.report.patient import read_subject


@pytest.fixture
def images(pacs, patient):
    series = patient(PatientID="OLD", AccessionNumber="A1")
    pacs.add(series)
    return series


@pytest.fixture
def forgetful(archive, pacs, tmp_path):
    """An archive that looks at headers again whenever it measures."""
    settings = PacsSettings(url=pacs.address, cache_seconds=0.0)
    one = Archive(settings, cache=tmp_path / "images", unsent=tmp_path / "unsent")
    yield one
    one.close()


def store(archive, images, *, row=5):
    uid = images[0].SeriesInstanceUID
    labels = np.zeros((images[0].Columns, images[0].Rows, len(images)), np.uint8)
    labels[4:9, row : row + 3, 2:4] = 2
    features = compute_features(labels, archive.read(uid)[0].voxel_ml)
    ids = []

    def pdf(header):
        ids.append(header.PatientID)
        return b"%PDF-1.4"

    companions = Companions(features=features, segments=(), pdf=pdf)
    stored = archive.store_drawn(uid, labels, companions, author="Ana", state="reviewed")
    return stored, ids


def made(pacs):
    return {one.Modality: one for one in pacs.datasets.values() if one.Modality != "MR"}


def correct(images):
    for image in images:
        image.PatientID, image.PatientName, image.AccessionNumber = "RIGHT", "Right^Name", ""


def test_what_is_stored_after_a_patient_was_merged_is_of_the_right_one(archive, images, pacs):
    archive.fetch(images[0].SeriesInstanceUID)
    correct(images)
    _, of_pages = store(archive, images)
    objects = made(pacs)
    assert set(objects) == {"SEG", "SR", "DOC"}
    for one in objects.values():
        told = (one.PatientID, one.PatientName, one.AccessionNumber)
        assert told == ("RIGHT", "Right^Name", "")
    assert of_pages == ["RIGHT"]


def test_images_here_are_fetched_once_more_when_their_patient_was_corrected(
    forgetful, images, pacs
):
    uid = images[0].SeriesInstanceUID
    scan, _ = forgetful.read(uid)
    correct(images)
    assert read_subject(forgetful.fetch(uid), scan.instance_uids).patient_id == "RIGHT"
    forgetful.fetch(uid)
    assert pacs.count("instance") == 2 * len(images)


def replaced(images, pacs):
    """Images of other UIDs and twice the signal in the place of others."""
    new = copy.deepcopy(images)
    for number, image in enumerate(new):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"1.2.77.{number}"
        image.PixelData = (2 * image.pixel_array).astype(np.uint16).tobytes()
    pacs.datasets = {}
    pacs.add(new)
    return new


def test_as_many_other_images_in_a_series_are_measured_instead(forgetful, images, pacs):
    uid = images[0].SeriesInstanceUID
    before, _ = forgetful.read(uid)
    new = replaced(images, pacs)
    after, _ = forgetful.read(uid)
    assert set(after.instance_uids) == {image.SOPInstanceUID for image in new}
    np.testing.assert_allclose(after.pixels, 2 * before.pixels)


def test_nothing_is_stored_on_images_that_were_replaced(archive, images, pacs):
    uid = images[0].SeriesInstanceUID
    archive.fetch(uid)
    new = replaced(images, pacs)
    with pytest.raises(InputError, match="8 of 8 images are no longer in the PACS"):
        store(archive, images)
    assert made(pacs) == {}
    assert set(archive.read(uid)[0].instance_uids) == {image.SOPInstanceUID for image in new}


def answered(status):
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


@pytest.fixture
def answers_404(pacs, monkeypatch):
    """For an instance that is not there."""
    instance = pacs.instance

    def answer(study, series, uid):
        if uid not in pacs.datasets:
            raise PacsError from answered(404)
        return instance(study, series, uid)

    monkeypatch.setattr(pacs, "instance", answer)


@pytest.mark.usefixtures("answers_404")
def test_a_series_whose_images_are_not_found_is_looked_at_again(archive, images, pacs):
    uid = images[0].SeriesInstanceUID
    archive.entry(uid)
    new = replaced(images, pacs)
    with pytest.raises(PacsError):
        archive.fetch(uid)
    assert set(archive.read(uid)[0].instance_uids) == {image.SOPInstanceUID for image in new}


@pytest.mark.usefixtures("answers_404")
def test_a_segmentation_that_is_not_found_is_looked_at_again(archive, images, pacs):
    store(archive, images)
    uid = images[0].SeriesInstanceUID
    annotation, (_, sources) = archive.entry(uid).annotations[0], archive.read(uid)
    seg = pacs.datasets.pop(annotation.instance)
    seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = "1.2.78"
    pacs.add([seg])
    with pytest.raises(PacsError):
        archive.label_map(annotation, sources)
    assert archive.entry(uid).annotations[0].instance == "1.2.78"


def test_a_scan_with_a_damaged_image_is_fetched_once_and_stays_refused(forgetful, images, pacs):
    uid = images[0].SeriesInstanceUID
    images[2].PixelData = images[2].PixelData[:1000]
    for _ in range(3):
        with pytest.raises(InputError, match="do not fill the matrix"):
            forgetful.fetch(uid)
        assert forgetful.worklist.entries()[uid].state == "refused"
    assert pacs.count("instance") == len(images)
    assert pacs.count("headers") >= 3
    assert not list(forgetful.worklist.folder(uid).glob("*.dcm"))


def test_a_damaged_image_that_is_repaired_in_the_pacs_is_fetched_again_after_a_while(
    forgetful, images, monkeypatch
):
    uid = images[0].SeriesInstanceUID
    whole = images[2].PixelData
    images[2].PixelData = whole[:1000]
    with pytest.raises(InputError, match="do not fill the matrix"):
        forgetful.fetch(uid)
    images[2].PixelData = whole
    monkeypatch.setattr("acsnet.pacs.examinations.SELDOM_S", 0.0)
    assert len(forgetful.read(uid)[0].pixels) == 8


def test_whole_images_in_the_place_of_damaged_ones_are_fetched_at_once(forgetful, images, pacs):
    uid = images[0].SeriesInstanceUID
    whole = copy.deepcopy(images)
    images[2].PixelData = images[2].PixelData[:1000]
    with pytest.raises(InputError, match="do not fill the matrix"):
        forgetful.fetch(uid)
    replaced(whole, pacs)
    assert len(forgetful.read(uid)[0].pixels) == 8


def test_an_image_that_the_pacs_has_in_part_is_refused_with_the_reason(archive, images, pacs):
    uid, stream = images[3].SOPInstanceUID, io.BytesIO()
    images[3].save_as(stream, write_like_original=False)
    cut = pydicom.dcmread(io.BytesIO(stream.getvalue()[:-100]))
    instance = pacs.instance
    pacs.instance = lambda study, series, name: (
        cut if name == uid else instance(study, series, name)
    )
    with pytest.raises(InputError, match=rf"{uid} is cut short .* \(7fe0,\s?0010\)"):
        archive.fetch(images[0].SeriesInstanceUID)
    entry = archive.worklist.entry(images[0].SeriesInstanceUID)
    assert (entry.state, "cut short" in entry.known.reason) == ("refused", True)


def failing(pacs, monkeypatch, error, *, is_stored):
    """The service answers the next SEG with an error."""
    store_as_usual = pacs.store

    def answer(dataset):
        monkeypatch.setattr(pacs, "store", store_as_usual)
        if is_stored:
            store_as_usual(dataset)
        raise error

    monkeypatch.setattr(pacs, "store", answer)


def test_reports_of_a_seg_that_was_stored_without_an_answer_are_stored_with_the_next_save(
    archive, images, pacs, monkeypatch
):
    error = PacsError("no answer")
    error.__cause__ = requests.ReadTimeout()
    failing(pacs, monkeypatch, error, is_stored=True)
    with pytest.raises(PacsError, match="no answer"):
        store(archive, images)
    assert set(made(pacs)) == {"SEG"}
    assert len(archive.missing(archive.entry(images[0].SeriesInstanceUID))) == 2
    stored, _ = store(archive, images)
    assert (stored.repeated, stored.missing) == (True, ())
    assert set(made(pacs)) == {"SEG", "SR", "DOC"}


def test_reports_of_a_seg_that_was_refused_are_not_kept(
    archive, images, pacs, monkeypatch, tmp_path
):
    failing(pacs, monkeypatch, NotStoredError("refused"), is_stored=False)
    with pytest.raises(NotStoredError):
        store(archive, images)
    assert Unsent(pacs, tmp_path / "unsent").remarks("*") == ()
    assert not list((tmp_path / "unsent").glob("*"))


@pytest.mark.parametrize(
    ("status", "is_known", "kept"), [(503, True, 0), (503, False, 2), (504, True, 2)]
)
def test_reports_are_kept_where_the_seg_may_be_stored_after_an_error_of_the_service(
    archive, images, pacs, monkeypatch, tmp_path, status, is_known, kept
):
    """A gateway that waited in vain tells nothing of a service that is still at it."""
    error = PacsError(f"HTTP {status}")
    error.__cause__ = answered(status)

    def has_instance(uid):
        if not is_known:
            raise PacsError
        return False

    monkeypatch.setattr(pacs, "has_instance", has_instance)
    failing(pacs, monkeypatch, error, is_stored=False)
    with pytest.raises(PacsError, match=f"HTTP {status}"):
        store(archive, images)
    assert len(list((tmp_path / "unsent").glob("*/*.dcm"))) == kept

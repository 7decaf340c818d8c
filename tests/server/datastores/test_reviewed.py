"""What is offered to a training: the newest reviewed label of each short-axis LGE."""

import time
from pathlib import Path

import numpy as np
import pytest
from saved_labels import label_file, save_label
from small_scans import write_studies

from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores import folder_scans
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.preflight import Verdict

SELDOM = "acsnet.pacs.examinations._Age.is_due"


@pytest.fixture
def studies(tmp_path):
    seeds = {"lge.nii": 0, "SA cine.nii": 1, "lge 4ch.nii": 2}
    return write_studies(tmp_path / "studies", seeds)


@pytest.mark.parametrize("is_read", [False, True])
def test_labels_on_what_is_no_short_axis_lge_are_not_trained_on(make_store, monkeypatch, is_read):
    """Nor counted for the next training; before a scan was read, its label tells what it is."""
    if not is_read:
        waiting = Verdict(checked=False)
        monkeypatch.setattr(folder_scans.FolderScans, "verdict", lambda *args: waiting)
    store, drawn = make_store(), np.zeros((12, 10, 3), np.uint8)
    drawn[3:6, 3:6] = 2
    for image in store.list_images():
        save_label(store, image, drawn, state="reviewed")
        end = time.monotonic() + 60.0
        while is_read and not store.verdict(image).checked:
            assert time.monotonic() < end
            time.sleep(0.01)
    assert len(store.list_images()) == 3
    assert [one.name for one in store.reviewed()] == ["lge"]


@pytest.mark.slow
def test_so_it_is_in_a_pacs_where_they_are_measured_all_the_same(
    datastore, pacs, patient, tmp_path
):
    uids = []
    for uid, name in (("1", "LGE SAX"), ("2", "LGE 4ch")):
        pacs.add(patient(uid=uid, SeriesDescription=name))
        uids.append(patient(uid=uid)[0].SeriesInstanceUID)
    for image in uids:
        sent = tmp_path / f"{image}.nii.gz"
        label_file(datastore, image, sent, 2)
        accept_file(datastore, image, sent, tag="final", info={"user": "Ana", "state": "reviewed"})
    assert [one.name for one in datastore.reviewed()] == uids[:1]
    assert all(datastore.label_records(image)[0].features["lv_volume_ml"] for image in uids)


@pytest.fixture
def asked_again(pacs, tmp_path, monkeypatch):
    """A PACS store whose look at the headers is old at once."""
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    settings = PacsSettings(url=pacs.address, cache_seconds=0.0)
    store = DicomWebDatastore(settings, store=tmp_path / "store")
    yield store
    store.close()


def review(store, image, folder):
    label_file(store, image, folder / "label.nii.gz", 2)
    info = {"user": "Ana", "state": "reviewed"}
    accept_file(store, image, folder / "label.nii.gz", tag="final", info=info)


@pytest.mark.slow
def test_a_training_asks_nothing_of_scans_whose_images_the_pacs_counts(
    asked_again, pacs, patient, tmp_path
):
    images = patient()
    pacs.add(images)
    image = images[0].SeriesInstanceUID
    review(asked_again, image, tmp_path)
    assert [one.name for one in asked_again.reviewed()] == [image]
    asked = pacs.asked.count(("headers", image))
    assert [one.name for one in asked_again.reviewed(anew=True)] == [image]
    assert pacs.asked.count(("headers", image)) == asked


@pytest.mark.slow
def test_looks_at_the_labels_of_a_pacs_ask_nothing_of_scans_that_a_training_asks(
    asked_again, pacs, patient, tmp_path, monkeypatch
):
    """Where the PACS tells no numbers of images, only headers say that a series has others."""
    images = patient()
    late, image = images.pop(), images[0].SeriesInstanceUID
    pacs.add(images)
    pacs.untold = {"NumberOfSeriesRelatedInstances"}
    review(asked_again, image, tmp_path)
    pacs.add([late])
    monkeypatch.setattr(SELDOM, lambda *args, waited_for=False, **options: waited_for)
    asked = pacs.asked.count(("headers", image))
    for _ in range(3):
        assert [one.name for one in asked_again.reviewed()] == [image]
    assert pacs.asked.count(("headers", image)) == asked
    (case,) = asked_again.reviewed(anew=True)
    assert pacs.asked.count(("headers", image)) > asked
    assert len(list(Path(case.image).glob("*.dcm"))) == len(images) + 1

"""A scan whose files are replaced while a label map is saved: the label map is not kept as its."""

import copy
import json
import os
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pydicom
import pytest
from saved_labels import keep_draft, label_file
from starlette.requests import Request

from acsnet.annotations import marks
from acsnet.io import read_scan, write_label_map
from acsnet.pacs import archive
from acsnet.pacs.config import PacsSettings
from acsnet.server.corrections.frame_labels import to_frames
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.protocol import REPLACED
from acsnet.server.errors import ReplacedError
from acsnet.server.routes.clicks import Clicks
from acsnet.server.routes.clicks import click as answer_click
from acsnet.server.routes.edits import Drawing, save_edit

VOLUME = "a & <i>b"


@pytest.fixture
def replace_soon(web, monkeypatch):
    """Lets both scans be replaced in the midst of the next save: a slice is not what it was."""
    measure = marks.measure_labels

    def replace(*arguments, **options):
        monkeypatch.setattr(marks, "measure_labels", measure)
        file = web.studies / "phantom-1" / "slice-02.dcm"
        dataset = pydicom.dcmread(file)
        dataset.PixelData = bytes(reversed(dataset.PixelData))
        dataset.save_as(file)
        scan = nib.load(web.studies / f"{VOLUME}.nii.gz")
        pixels = np.asarray(scan.dataobj).copy()
        pixels[:, :, 1] = pixels[::-1, :, 1]
        nib.save(nib.Nifti1Image(pixels, scan.affine, scan.header), web.folder / "new.nii.gz")
        os.replace(web.folder / "new.nii.gz", web.studies / f"{VOLUME}.nii.gz")
        return measure(*arguments, **options)

    return lambda: monkeypatch.setattr(marks, "measure_labels", replace)


def drawn(web, image):
    """The scan, and a heart of some boxes on it, on the grid of its file."""
    scan = read_scan(web.app.datastore().get_image_uri(image))
    stack = np.zeros(scan.pixels.shape, np.uint8)
    stack[2:6, 60:90, 60:90] = 2
    stack[2:6, 68:82, 68:82] = 1
    return scan, scan.grid.to_input(stack)


def put(web, image, replace_soon):
    scan, labels = drawn(web, image)
    write_label_map(web.folder / "sent.nii.gz", labels, scan.grid)
    replace_soon()
    return web.client.put(
        "/datastore/label",
        params={"image": image},
        data={"params": json.dumps({"client_id": "Ana"})},
        files={"label": ("label.nii.gz", (web.folder / "sent.nii.gz").read_bytes())},
    )


def edit(web, image, replace_soon):
    scan, labels = drawn(web, image)
    form = {"frames": to_frames(scan, labels), "by": "Ana"}
    replace_soon()
    return web.client.post(f"/acsnet/cases/{image}/edit", json=form)


def click(web, image, replace_soon):
    scan, labels = drawn(web, image)
    at = {"slice": 4, "row": 75, "column": 75, "kind": "cavity"}
    form = {"clicks": [at], "frames": to_frames(scan, labels), "user": "Ana", "save": True}
    replace_soon()
    return web.client.post(f"/acsnet/cases/{image}/click", json=form)


def accept(web, image, replace_soon):
    keep_draft(web.app.datastore(), image, drawn(web, image)[1])
    form, address = {"version": "original", "by": "Ana"}, f"/acsnet/cases/{image}/accept"
    form["warnings_shown"] = web.client.post(address, json=form).json()["digest"]
    replace_soon()
    return web.client.post(address, json=form)


@pytest.mark.parametrize("way", [put, edit, click, accept])
def test_what_was_drawn_on_a_scan_replaced_meanwhile_is_refused(web, replace_soon, way):
    image = VOLUME if way is put else web.series
    answer = way(web, image, replace_soon)
    assert (answer.status_code, answer.json()["detail"]) == (409, REPLACED)
    assert web.client.get(f"/acsnet/cases/{image}/versions.json").json() == []


def test_a_scan_that_is_only_copied_anew_meanwhile_keeps_what_was_drawn(web, monkeypatch):
    measure, file = marks.measure_labels, web.studies / f"{VOLUME}.nii.gz"

    def copy(*arguments, **options):
        os.utime(file, (1e9, 1e9))
        return measure(*arguments, **options)

    answer = put(web, VOLUME, lambda: monkeypatch.setattr(marks, "measure_labels", copy))
    assert answer.status_code == 200, answer.text
    (version,) = web.client.get(f"/acsnet/cases/{VOLUME}/versions.json").json()
    assert version["user"] == "Ana"


def test_what_was_drawn_on_a_series_that_gets_images_meanwhile_is_not_stored(
    pacs, patient, tmp_path, monkeypatch
):
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    images, measure = patient(), marks.measure_labels
    late, image = images.pop(), images[0].SeriesInstanceUID
    pacs.add(images)
    store = DicomWebDatastore(
        PacsSettings(url=pacs.address, cache_seconds=0.0), store=tmp_path / "store"
    )

    def measure_and_get(*arguments, **options):
        pacs.add([late])
        return measure(*arguments, **options)

    label_file(store, image, tmp_path / "label.nii.gz", 2)
    monkeypatch.setattr(marks, "measure_labels", measure_and_get)
    try:
        with pytest.raises(ReplacedError, match="replaced or changed while the label map was"):
            accept_file(store, image, tmp_path / "label.nii.gz", tag="final", info={})
        assert store.label_records(image) == ()
    finally:
        store.close()


def late_image(pacs, images):
    """The series gets an image that it did not have."""
    pacs.add([images[-1]])


def other_image(pacs, images):
    """An image of the series is replaced by another, so that their number stays the same."""
    new, old = copy.deepcopy(images[3]), images[3].SOPInstanceUID
    new.SOPInstanceUID = new.file_meta.MediaStorageSOPInstanceUID = f"{old}.9"
    new.PixelData = bytes(reversed(new.PixelData))
    del pacs.datasets[old]
    pacs.add([new])


@pytest.fixture
def replaced_while_fetched(pacs, patient, tmp_path, monkeypatch):
    """Makes a store over a PACS, of which the images are others when they have been fetched."""
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    pacs.untold = {"NumberOfSeriesRelatedInstances"}
    images, stores, fetch = patient(), [], archive.download_images
    settings = PacsSettings(url=pacs.address, cache_seconds=0.0)

    def make(change):
        pacs.add(images[:-1])
        store = DicomWebDatastore(settings, store=tmp_path / "store")
        stores.append(store)
        image = images[0].SeriesInstanceUID
        label_file(store, image, tmp_path / "label.nii.gz", 2)

        def fetch_and_change(*arguments, **options):
            monkeypatch.setattr(archive, "download_images", fetch)
            fetched = fetch(*arguments, **options)
            change(pacs, images)
            for _ in range(2):  # the first may wait for what was begun before
                DicomWebDatastore.state_to_label(store, image)
            return fetched

        monkeypatch.setattr(archive, "download_images", fetch_and_change)
        return store, image

    yield make
    for store in stores:
        store.close()


@pytest.mark.parametrize("change", [late_image, other_image])
def test_a_label_map_is_refused_whose_images_are_replaced_while_they_are_fetched(
    replaced_while_fetched, tmp_path, change
):
    store, image = replaced_while_fetched(change)
    with pytest.raises(ReplacedError):
        accept_file(store, image, tmp_path / "label.nii.gz", tag="final", info={})
    assert store.label_records(image) == ()


@pytest.mark.parametrize("change", [late_image, other_image])
def test_an_edit_is_refused_whose_images_are_replaced_while_they_are_fetched(
    replaced_while_fetched, patient, change
):
    store, image = replaced_while_fetched(change)
    drawn_on = patient()[2]
    pixels = drawn_on.Rows * drawn_on.Columns
    frames = {str(drawn_on.SOPInstanceUID): [0, pixels - 500, 2, 500]}
    app = SimpleNamespace(datastore=lambda: store, trainings=SimpleNamespace(wake=pytest.fail))
    with pytest.raises(ReplacedError):
        save_edit(app, image, Drawing(frames=frames, by="Ana"))
    assert store.label_records(image) == ()


def test_the_state_that_clicks_are_saved_on_is_that_before_the_images_are_fetched(
    replaced_while_fetched,
):
    class AskedError(Exception):
        pass

    def segment(_):
        raise AskedError

    store, image = replaced_while_fetched(late_image)
    states, state_to_label = [], store.state_to_label
    store.state_to_label = lambda image: states.append(state_to_label(image)) or states[-1]
    app = SimpleNamespace(datastore=lambda: store, segment=segment)
    http = Request({"type": "http", "headers": [], "client": None})
    with pytest.raises(AskedError):
        answer_click(app, http, image, Clicks(clicks=[], user="Ana", save=True))
    assert len(states) == 1
    assert state_to_label(image) not in states

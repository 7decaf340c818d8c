"""A scan whose files are replaced while a label map is saved: the label map is not kept as its."""

import json
import os

import nibabel as nib
import numpy as np
import pydicom
import pytest
from saved_labels import keep_draft, label_file

from acsnet.io import read_scan, write_label_map
from acsnet.pacs.config import PacsSettings
from acsnet.server.corrections.frame_labels import to_frames
from acsnet.server.datastores import label_intake
from acsnet.server.datastores.label_intake import accept_file
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.protocol import REPLACED
from acsnet.server.errors import ReplacedError

VOLUME = "a & <i>b"


@pytest.fixture
def replace_soon(web, monkeypatch):
    """Lets both scans be replaced in the midst of the next save: a slice is not what it was."""
    measure = label_intake.measure_marked

    def replace(*arguments):
        monkeypatch.setattr(label_intake, "measure_marked", measure)
        file = web.studies / "phantom-1" / "slice-02.dcm"
        dataset = pydicom.dcmread(file)
        dataset.PixelData = bytes(reversed(dataset.PixelData))
        dataset.save_as(file)
        scan = nib.load(web.studies / f"{VOLUME}.nii.gz")
        pixels = np.asarray(scan.dataobj).copy()
        pixels[:, :, 1] = pixels[::-1, :, 1]
        nib.save(nib.Nifti1Image(pixels, scan.affine, scan.header), web.folder / "new.nii.gz")
        os.replace(web.folder / "new.nii.gz", web.studies / f"{VOLUME}.nii.gz")
        return measure(*arguments)

    return lambda: monkeypatch.setattr(label_intake, "measure_marked", replace)


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
    measure, file = label_intake.measure_marked, web.studies / f"{VOLUME}.nii.gz"

    def copy(*arguments):
        os.utime(file, (1e9, 1e9))
        return measure(*arguments)

    answer = put(web, VOLUME, lambda: monkeypatch.setattr(label_intake, "measure_marked", copy))
    assert answer.status_code == 200, answer.text
    (version,) = web.client.get(f"/acsnet/cases/{VOLUME}/versions.json").json()
    assert version["user"] == "Ana"


def test_what_was_drawn_on_a_series_that_gets_images_meanwhile_is_not_stored(
    pacs, patient, tmp_path, monkeypatch
):
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    images, measure = patient(), label_intake.measure_marked
    late, image = images.pop(), images[0].SeriesInstanceUID
    pacs.add(images)
    store = DicomWebDatastore(
        PacsSettings(url=pacs.address, cache_seconds=0.0), store=tmp_path / "store"
    )

    def measure_and_get(*arguments):
        pacs.add([late])
        return measure(*arguments)

    label_file(store, image, tmp_path / "label.nii.gz", 2)
    monkeypatch.setattr(label_intake, "measure_marked", measure_and_get)
    try:
        with pytest.raises(ReplacedError, match="replaced or changed while the label map was"):
            accept_file(store, image, tmp_path / "label.nii.gz", tag="final", info={})
        assert store.label_records(image) == ()
    finally:
        store.close()

"""A SEG of a viewer on a scan that the work list joined from two series of four slices each."""

from pathlib import Path

import numpy as np
import pytest
from breath_holds import breath_holds, in_breath_holds
from fastapi import HTTPException
from packed_scans import slices

from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import file_content, source_stack
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.io.dicom_files.folder import headers_at
from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb.stow_folder import store_in_folder
from acsnet.server.dicomweb.stow_pacs import checked_seg

pytestmark = pytest.mark.slow

REFUSED = (
    "the scan lies in 2 series, and this is drawn on one of them, without the slices of series "
    "{} 'LGE SAX BH {}': draw with Correct on the case page, which shows them all"
)


def seg_on(sources, *, drawn):
    """A SEG as a viewer exports it from images, with a ring of wall on some of them."""
    labels = np.zeros((len(sources), sources[0].Rows, sources[0].Columns), np.uint8)
    labels[drawn, 60:90, 60:90] = 2
    labels[drawn, 68:82, 68:82] = 1
    seg = make_seg(labels, sources, state="draft", algorithm_type="MANUAL", creator="Reader A")
    seg.Manufacturer, seg.ContentLabel, seg.SeriesDescription = "Viewer", "SEGMENTATION", "Edit"
    return seg, labels


@pytest.fixture
def folder(tmp_path, samples):
    """Images of a scan, in its order, and what stores a SEG on it; gives the label map then."""
    studies = breath_holds(slices(samples / "dicom" / "phantom-1"), tmp_path / "studies" / "scan")
    store = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    (image,) = store.list_images()

    def send(seg):
        body = tmp_path / "body"
        head = b"--x\r\nContent-Type: application/dicom\r\n\r\n"
        body.write_bytes(head + file_content(seg) + b"\r\n--x--\r\n")
        kind = 'multipart/related; type="application/dicom"; boundary=x'
        try:
            store_in_folder(store, body, kind, study="", on_save=lambda: None)
        finally:
            for part in tmp_path.glob("part-*.dcm"):
                part.unlink()
        (record,) = store.label_records(image)
        grid = read_scan(studies).grid
        return record, grid.from_input(
            read_client_labels(Path(store.version_uri(image, record)), grid=grid)
        )

    yield source_stack(read_scan(studies), headers_at(studies)), send, store, image
    store.close()


@pytest.mark.parametrize(("half", "other"), [(slice(0, 4), slice(4, 8)), (slice(4, 8), slice(4))])
def test_a_seg_on_one_series_is_not_stored_as_a_draft_of_the_whole_scan(folder, half, other):
    sources, send, store, image = folder
    seg, _ = seg_on(sources[half], drawn=slice(None))
    (missing,) = {(one.SeriesNumber, one.SeriesDescription[-1]) for one in sources[other]}
    with pytest.raises(HTTPException) as refused:
        send(seg)
    assert refused.value.status_code == 409
    assert refused.value.detail == f"this is not stored: {REFUSED.format(*missing)}"
    assert store.label_records(image) == ()


def test_a_seg_on_both_series_is_stored_with_its_empty_slices(folder):
    sources, send, _, _ = folder
    seg, labels = seg_on(sources, drawn=slice(1, 4))
    record, stored = send(seg)
    np.testing.assert_array_equal(stored, labels)
    assert not [text for text in record.warnings if "names 1 of" in text]


@pytest.mark.parametrize(("half", "missing"), [(slice(0, 4), 2), (slice(4, 8), 1)])
def test_a_pacs_is_sent_no_seg_on_one_series_of_a_scan(
    pacs, patient, tmp_path, monkeypatch, half, missing
):
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    images = in_breath_holds(patient())
    pacs.add(images)
    settings = PacsSettings(url=pacs.address, cache_seconds=1000.0)
    store = DicomWebDatastore(settings, store=tmp_path / "store")
    sent = tmp_path / "seg.dcm"
    try:
        seg, _ = seg_on(images[half], drawn=slice(None))
        seg.save_as(sent, write_like_original=False)
        with pytest.raises(
            InputError, match=f"lies in 2 series, .*without.* 'LGE SAX BH {missing}'"
        ):
            checked_seg(store, sent, study="")
        seg, _ = seg_on(images, drawn=slice(1, 4))
        seg.save_as(sent, write_like_original=False)
        _, entry = checked_seg(store, sent, study="")
        assert set(entry.series) == {image.SeriesInstanceUID for image in images}
    finally:
        store.close()

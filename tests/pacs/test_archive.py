import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from acsnet.errors import GeometryError, InputError
from acsnet.pacs.archive import Companions
from acsnet.quantify.features import compute_features


@pytest.fixture
def images(pacs, patient):
    series = patient()
    pacs.add(series)
    return series


def box(images, value, *, row=5):
    """On the input grid of the scan: (column, row, slice)."""
    labels = np.zeros((images[0].Columns, images[0].Rows, len(images)), np.uint8)
    labels[4:9, row : row + 3, 2:4] = value
    return labels


def companions_of(labels, scan):
    features = compute_features(labels, scan.voxel_ml)
    return Companions(features=features, segments=(), pdf=lambda _: b"%PDF-1.4")


def store_box(archive, images, value, *, author):
    uid, labels = images[0].SeriesInstanceUID, box(images, value)
    companions = companions_of(labels, archive.read(uid)[0])
    return archive.store_drawn(uid, labels, companions, author=author, state="reviewed")


def test_a_scan_is_fetched_once_and_its_headers_follow_its_slices(archive, images, pacs):
    uid = images[0].SeriesInstanceUID
    scan, sources = archive.read(uid)
    assert scan.name == uid
    assert tuple(one.SOPInstanceUID for one in sources) == scan.instance_uids
    archive.read(uid)
    assert pacs.count("instance") == len(images)


def test_a_refused_series_is_not_fetched(archive, pacs, broken_series):
    series, reason = broken_series["missing slices"]
    pacs.add(series)
    with pytest.raises(InputError, match=reason):
        archive.fetch(series[0].SeriesInstanceUID)
    assert pacs.count("instance") == 0
    with pytest.raises(InputError, match="no series"):
        archive.fetch("1.2.3")


def test_a_fault_of_the_pixels_is_in_the_work_list_once_they_were_fetched(archive, pacs, patient):
    series = patient()
    series[2].PixelData = series[2].PixelData[:-2000]
    pacs.add(series)
    uid = series[0].SeriesInstanceUID
    assert archive.worklist.entry(uid).state == "new"
    for _ in range(2):
        with pytest.raises(InputError, match="do not fill the matrix"):
            archive.fetch(uid)
        assert archive.worklist.entry(uid).state == "refused"


def test_of_a_series_with_both_reconstructions_one_is_fetched(archive, pacs, patient):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    uid = magnitude[0].SeriesInstanceUID
    for one in sensitive:
        one.SeriesInstanceUID = uid
    pacs.add(magnitude, sensitive)
    scan, _ = archive.read(uid)
    assert set(scan.instance_uids) == {one.SOPInstanceUID for one in sensitive}


def test_a_draft_comes_back_voxel_for_voxel_with_its_report(archive, images, pacs):
    uid = images[0].SeriesInstanceUID
    labels = box(images, 2)
    scan, sources = archive.read(uid)
    companions = companions_of(labels, scan)
    instance = archive.store_draft(uid, labels, companions).instance
    entry = archive.entry(uid)
    assert entry.state == "draft"
    assert entry.newest("draft").instance == instance
    back = archive.label_map(entry.newest("draft"), sources).labels
    np.testing.assert_array_equal(scan.grid.to_input(back), labels)
    kinds = [one.Modality for one in pacs.datasets.values() if one.Modality != "MR"]
    assert kinds == ["SEG", "SR", "DOC"]
    assert archive.store_draft(uid, labels, companions) is None
    assert archive.store_draft(uid, box(images, 2, row=6), companions) is not None


def test_every_save_is_a_new_version_with_its_author(archive, images, pacs):
    uid = images[0].SeriesInstanceUID
    store_box(archive, images, 1, author="A")
    store_box(archive, images, 2, author="B")
    entry = archive.entry(uid)
    assert [one.author for one in entry.annotations] == ["B", "A"]
    scan, sources = archive.read(uid)
    back = archive.label_map(entry.newest("reviewed"), sources).labels
    np.testing.assert_array_equal(scan.grid.to_input(back), box(images, 2))
    segs = [one for one in pacs.datasets.values() if one.Modality == "SEG"]
    drawn = [seg.SegmentSequence[0].SegmentAlgorithmType for seg in segs]
    assert drawn == ["MANUAL", "SEMIAUTOMATIC"]


def test_a_series_of_other_slices_is_refused_where_its_segmentation_is_read(
    archive, images, pacs, patient
):
    uid = images[0].SeriesInstanceUID
    store_box(archive, images, 1, author="A")
    annotation = archive.entry(uid).newest("reviewed")
    with pytest.raises(GeometryError):
        archive.label_map(annotation, patient(2))


def test_a_seg_that_is_stored_is_a_yes_that_names_what_is_missing(archive, images, pacs):
    store = pacs.store

    def refuse_reports(dataset):
        if dataset.Modality != "SEG":
            pacs.broken.add(dataset.SOPInstanceUID)
        store(dataset)

    pacs.store = refuse_reports
    stored = store_box(archive, images, 2, author="Reader A")
    assert [text.partition(" could")[0] for text in stored.missing] == [
        "its structured report",
        "its report as PDF",
    ]
    assert archive.entry(images[0].SeriesInstanceUID).newest("reviewed").instance == stored.instance


def test_a_save_that_is_repeated_is_one_seg(archive, images, pacs):
    first = store_box(archive, images, 2, author="Reader A")
    assert store_box(archive, images, 2, author="Reader A").instance == first.instance
    assert store_box(archive, images, 3, author="Reader A").instance != first.instance
    assert len([one for one in pacs.datasets.values() if one.Modality == "SEG"]) == 2


def test_a_series_that_loads_slowly_holds_no_other(archive, images, pacs, patient):
    uid = images[0].SeriesInstanceUID
    archive.fetch(uid)
    slow = patient(uid="9")
    pacs.add(slow)
    archive.worklist.invalidate()
    asked, go_on, instance = threading.Event(), threading.Event(), pacs.instance

    def wait(study, series, name):
        asked.set()
        assert go_on.wait(20)
        return instance(study, series, name)

    pacs.instance = wait
    with ThreadPoolExecutor(2) as readers:
        slowly = readers.submit(archive.fetch, slow[0].SeriesInstanceUID)
        assert asked.wait(20)
        assert readers.submit(archive.fetch, uid).result(10).name == uid
        go_on.set()
        assert slowly.result(20).name == slow[0].SeriesInstanceUID

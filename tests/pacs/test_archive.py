import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from one_series import as_one_series

from acsnet.errors import GeometryError, InputError, PacsError
from acsnet.pacs.archive import Archive, Companions
from acsnet.pacs.config import PacsSettings
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


@pytest.fixture
def both(pacs, patient):
    """Both reconstructions of each slice in one series: its UID, magnitude, phase-sensitive."""
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    uid = as_one_series(magnitude, sensitive)
    pacs.add(magnitude, sensitive)
    return uid, magnitude, sensitive


def test_both_reconstructions_in_one_series_are_two_scans(archive, both):
    uid, magnitude, sensitive = both
    for scan_id, images, preferred in (
        (uid, sensitive, True),
        (f"{uid}-magnitude", magnitude, False),
    ):
        entry = archive.entry(scan_id)
        assert (entry.state, entry.series, entry.choice.preferred) == ("new", (uid,), preferred)
        scan, _ = archive.read(scan_id)
        assert set(scan.instance_uids) == {one.SOPInstanceUID for one in images}
    assert set(archive.worklist.entries()) == {uid, f"{uid}-magnitude"}
    assert archive.worklist.entry(f"{uid}-other") is None


def test_labels_of_one_reconstruction_are_no_labels_of_the_other(archive, both):
    uid, magnitude, _ = both
    store_box(archive, magnitude, 2, author="Reader A")  # its series is that of both
    assert len(archive.entry(uid).annotations) == 1
    assert archive.entry(f"{uid}-magnitude").annotations == ()
    scan, _ = archive.read(f"{uid}-magnitude")
    labels = box(magnitude, 2)
    archive.store_drawn(
        f"{uid}-magnitude",
        labels,
        companions_of(labels, scan),
        author="Reader B",
        state="reviewed",
    )
    assert [seg.author for seg in archive.entry(uid).annotations] == ["Reader A"]
    assert [seg.author for seg in archive.entry(f"{uid}-magnitude").annotations] == ["Reader B"]


def test_each_of_a_few_inversion_times_is_a_scan_beside_the_series_that_asks(
    archive, pacs, patient
):
    early, late = patient(uid="1"), patient(uid="2")
    uid = early[0].SeriesInstanceUID
    for time_ms, images in ((250, early), (300, late)):
        for image in images:
            image.SeriesInstanceUID, image.InversionTime = uid, time_ms
    pacs.add(early, late)
    asks = archive.worklist.entry(uid)
    assert "2 inversion times" in asks.known.reason
    assert "--phase" not in asks.known.reason
    scan, _ = archive.read(f"{uid}-phase-2")
    assert set(scan.instance_uids) == {one.SOPInstanceUID for one in late}
    assert "InversionTime 300" in archive.entry(f"{uid}-phase-2").known.part


def test_phases_of_one_enhanced_object_are_scans_beside_it(archive, pacs, patient, tmp_path):
    enhanced_packings.enhanced_multi_frame(patient(), tmp_path, phases=2)
    (whole,) = packed_scans.slices(tmp_path)
    pacs.add([whole])
    uid = whole.SeriesInstanceUID
    assert "2 cardiac phases" in archive.worklist.entry(uid).known.reason
    scans = [archive.read(f"{uid}-phase-{number}")[0] for number in (1, 2)]
    assert float((scans[1].pixels - scans[0].pixels).mean()) == pytest.approx(3.0)
    first, second = (archive.entry(f"{uid}-phase-{number}") for number in (1, 2))
    assert not first.known.images & second.known.images
    labels = np.zeros(scans[1].pixels.shape, np.uint8)
    labels[3, 40:50, 40:50] = 2
    archive.store_drawn(
        second.uid,
        scans[1].grid.to_input(labels),
        companions_of(labels, scans[1]),
        author="Reader B",
        state="reviewed",
    )
    assert archive.entry(first.uid).state == "new"
    assert archive.entry(second.uid).state == "reviewed"


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


def kinds_in(pacs):
    return sorted(one.Modality for one in pacs.datasets.values() if one.Modality != "MR")


@pytest.fixture
def report_refused(pacs, monkeypatch):
    """The service takes no structured report while this list holds its modality."""
    refused, store = ["SR"], pacs.store

    def refuse(dataset):
        if dataset.Modality in refused:
            msg = "no room"
            raise PacsError(msg)
        store(dataset)

    monkeypatch.setattr(pacs, "store", refuse)
    return refused


def test_a_report_that_was_refused_is_stored_when_the_save_is_repeated(
    archive, images, pacs, report_refused
):
    uid = images[0].SeriesInstanceUID
    warning = ("its structured report could not be stored: no room",)
    first = store_box(archive, images, 2, author="Reader A")
    again = store_box(archive, images, 2, author="Reader A")
    assert (first.missing, again.missing, kinds_in(pacs)) == (warning, warning, ["DOC", "SEG"])
    (remark,) = archive.missing(archive.entry(uid))
    assert remark.startswith("its structured report is not in the PACS yet")
    report_refused.clear()
    cache = archive.worklist.folder(uid).parent
    shutil.rmtree(cache)  # which may be removed at any time
    settings = PacsSettings(url=pacs.address)
    restarted = Archive(settings, cache=cache, unsent=cache.parent / "unsent")
    assert store_box(restarted, images, 2, author="Reader A").missing == ()
    assert kinds_in(pacs) == ["DOC", "SEG", "SR"]
    assert restarted.missing(restarted.entry(uid)) == ()
    (report,) = [one for one in pacs.datasets.values() if one.Modality == "SR"]
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert first.instance in {
        item.ReferencedSOPInstanceUID for one in evidence for item in one.ReferencedSOPSequence
    }
    assert store_box(restarted, images, 2, author="Reader A").missing == ()
    assert kinds_in(pacs) == ["DOC", "SEG", "SR"]
    restarted.close()


def test_a_damaged_report_that_was_refused_is_removed(
    archive, images, pacs, report_refused, tmp_path
):
    store_box(archive, images, 2, author="Reader A")
    (file,) = (tmp_path / "unsent").glob("*/*.dcm")
    file.write_bytes(b"half")
    report_refused.clear()
    assert store_box(archive, images, 2, author="Reader A").missing == ()
    assert (file.exists(), kinds_in(pacs)) == (False, ["DOC", "SEG"])


def test_a_report_that_was_refused_is_stored_when_the_draft_is_made_again(
    archive, images, pacs, report_refused
):
    uid, labels = images[0].SeriesInstanceUID, box(images, 2)
    companions = companions_of(labels, archive.read(uid)[0])
    assert archive.store_draft(uid, labels, companions).missing != ()
    report_refused.clear()
    assert archive.store_draft(uid, labels, companions) is None
    assert kinds_in(pacs) == ["DOC", "SEG", "SR"]
    assert archive.missing(archive.entry(uid)) == ()


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

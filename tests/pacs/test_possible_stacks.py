"""Breath-holds stored as a series each, and enhanced objects, are scans as in a folder."""

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from pydicom.uid import generate_uid

from acsnet.io import read_scan
from acsnet.pacs.archive import Companions
from acsnet.pacs.lge_series import possible_stacks
from acsnet.quantify.features import compute_features

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def plain(samples):
    """The scan of a series as it is; nobody writes to its arrays."""
    return read_scan(samples / "dicom" / "phantom-1")


def per_series(datasets, *, first_number=20, name="LGE SAX BH {}"):
    """Each image as a series of its own."""
    for number, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID = generate_uid()
        dataset.SeriesNumber, dataset.InstanceNumber = first_number + number, 1
        dataset.SeriesDescription = name.format(number + 1)
    return datasets


def store_labels(archive, uid):
    """Store labels of a reader; returns them on the grid of the scan."""
    scan, _ = archive.read(uid)
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[1:4, 40:50, 40:60] = 2
    archive.store_drawn(
        uid,
        scan.grid.to_input(labels),
        Companions(
            features=compute_features(labels, scan.voxel_ml), segments=(), pdf=lambda _: b"%PDF-1.4"
        ),
        author="Reader A",
        state="reviewed",
    )
    return labels


def check_read_and_labelled(archive, uid, plain):
    """The scan has the voxels of the plain one, and labels that are stored come back on them."""
    scan, _ = archive.read(uid)
    assert np.array_equal(scan.pixels, plain.pixels)
    labels = store_labels(archive, uid)
    _, sources = archive.read(uid)
    newest = archive.entry(uid).newest("reviewed")
    assert np.array_equal(archive.label_map(newest, sources).labels, labels)


def test_breath_holds_of_a_series_each_are_one_scan(archive, pacs, patient, plain):
    images = per_series(patient())
    pacs.add(images)
    (uid,) = archive.worklist.entries()
    entry = archive.entry(uid)
    assert (entry.state, len(entry.known.instances)) == ("new", 8)
    assert sorted(entry.series) == sorted(image.SeriesInstanceUID for image in images)
    assert uid in entry.series
    assert "8 series of one slice or a few each" in entry.known.warnings[0]
    scan, sources = archive.read(uid)
    assert np.array_equal(scan.pixels, plain.pixels)
    assert {source.SeriesInstanceUID for source in sources} == set(entry.series)
    for part in entry.series:
        assert archive.worklist.shows(entry.study, part)


def test_labels_of_a_joined_scan_are_stored_and_found(archive, pacs, patient):
    pacs.add(per_series(patient()))
    (uid,) = archive.worklist.entries()
    labels = store_labels(archive, uid)
    entry = archive.entry(uid)
    assert entry.state == "reviewed"
    assert set(entry.newest("reviewed").of_series) == set(entry.series)
    _, sources = archive.read(uid)
    back = archive.label_map(entry.newest("reviewed"), sources).labels
    assert np.array_equal(back, labels)


def test_series_called_alike_that_are_no_part_are_left_out(archive, pacs, patient):
    images = per_series(patient(), name="PSIR {}")
    planning = per_series(patient(uid="2")[:2], first_number=40, name="PSIR {}")
    for dataset in planning:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    pacs.add(images, planning)
    (uid,) = archive.worklist.entries()
    entry = archive.entry(uid)
    assert (entry.known.reason, len(entry.known.instances)) == (None, 8)
    assert any("left out: 2 series" in warning for warning in entry.known.warnings)


def test_single_images_that_make_no_stack_are_refused_with_the_reason(archive, pacs, patient):
    views = per_series(patient()[:3], name="LGE {}ch")
    for number, dataset in enumerate(views):
        angle = np.deg2rad(60 * number)
        row = [np.cos(angle), np.sin(angle), 0]
        dataset.ImageOrientationPatient = [*row, 0, 0, -1]
    pacs.add(views)
    (uid,) = archive.worklist.entries()
    assert "3 series of one image or a few each" in archive.worklist.entry(uid).known.reason
    assert "do not form a stack" in archive.worklist.entry(uid).known.reason


@pytest.mark.parametrize("of", ["halves", "every second slice"])
def test_halves_of_a_stack_are_one_scan(archive, pacs, patient, plain, of):
    images = patient()
    in_first = [k < 4 if of == "halves" else k % 2 == 0 for k in range(len(images))]
    second = generate_uid()
    for image, first in zip(images, in_first, strict=True):
        if not first:
            image.SeriesInstanceUID, image.SeriesNumber = second, 31
    pacs.add(images)
    (uid,) = archive.worklist.entries()
    entry = archive.entry(uid)
    assert (entry.known.reason, len(entry.known.instances)) == (None, 8)
    assert set(entry.series) == {image.SeriesInstanceUID for image in images}
    assert "2 series" in entry.known.warnings[0]
    check_read_and_labelled(archive, uid, plain)


@pytest.mark.parametrize("write", ["{:.2f}", "{:.6e}"])
def test_a_series_with_numbers_written_otherwise_in_half_is_one_scan(
    archive, pacs, patient, plain, write
):
    images = patient()
    for image in images[4:]:
        image.ImageOrientationPatient = [write.format(v) for v in image.ImageOrientationPatient]
    pacs.add(images)
    (uid,) = archive.worklist.entries()
    assert (archive.entry(uid).known.reason, len(archive.entry(uid).known.instances)) == (None, 8)
    check_read_and_labelled(archive, uid, plain)


def test_breath_holds_planned_a_little_apart_are_one_scan(archive, pacs, patient):
    """By 0.1 degrees, but to one decimal a cosine of the last slice is another."""
    images = per_series(patient())
    for image in images:
        row, column = np.reshape(np.array(image.ImageOrientationPatient, float), (2, 3))
        angle = np.deg2rad(-0.7 if image is images[7] else -0.8)
        cos, sin = np.cos(angle), np.sin(angle)
        turned = cos * row + sin * column, cos * column - sin * row
        image.ImageOrientationPatient = [f"{v:.6f}" for v in np.ravel(turned)]
    pacs.add(images)
    (uid,) = archive.worklist.entries()
    assert (archive.entry(uid).known.reason, len(archive.entry(uid).known.instances)) == (None, 8)


def test_whole_stacks_of_one_name_are_a_scan_each_under_their_own_ids(archive, pacs, patient):
    images, again = patient(), patient()
    series = generate_uid()
    for image in again:
        packed_scans.new_uid(image)
        image.SeriesInstanceUID, image.SeriesNumber = series, 44
    pacs.add(images, again)
    first = images[0].SeriesInstanceUID
    assert archive.worklist.entry(series) is not None  # asked for before anything was examined
    entries = archive.worklist.entries()
    assert set(entries) == {first, series}
    for uid in (first, series):
        entry = archive.entry(uid)
        assert (entry.known.reason, entry.series, len(entry.known.instances)) == (None, (uid,), 8)
        assert entry.text("SeriesInstanceUID") == uid
    store_labels(archive, series)
    entries = archive.worklist.entries()
    assert [entries[uid].state for uid in (first, series)] == ["new", "reviewed"]


def test_another_patient_study_or_name_is_no_part(patient):
    headers = per_series(patient())
    for header in headers:
        header.NumberOfSeriesRelatedInstances = 1
    assert len(possible_stacks(headers)) == 1
    headers[0].PatientID = "other"
    headers[1].StudyInstanceUID = "1.2.3"
    headers[2].SeriesDescription = "early LGE"
    headers[3].Modality = "OT"
    assert sorted(map(len, possible_stacks(headers))) == [1, 1, 1, 1, 4]
    assert [len(group) for group in possible_stacks(headers[:4])] == [1] * 4


@pytest.mark.parametrize("images", [1, 25, None])
def test_series_of_one_name_are_examined_together_however_many_images_they_hold(patient, images):
    """An object may hold half a stack, a slice many images; a PACS need not count them."""
    headers = per_series(patient()[:2])
    for header in headers:
        header.NumberOfSeriesRelatedInstances = images
    assert [len(group) for group in possible_stacks(headers)] == [2]


def test_halves_that_are_called_by_their_part_are_one_entry(archive, pacs, patient, plain):
    images = patient()
    halves = generate_uid(), generate_uid()
    for index, image in enumerate(images):
        image.SeriesInstanceUID, image.SeriesNumber = halves[index // 4], 20 + index // 4
        image.SeriesDescription = ("LGE SAX apical", "LGE SAX basal")[index // 4]
    pacs.add(images)
    (entry,) = map(archive.entry, archive.worklist.entries())
    assert set(entry.series) == set(halves)
    assert "('LGE SAX apical', 'LGE SAX basal')" in entry.known.warnings[0]
    scan, _ = archive.read(entry.uid)
    assert np.array_equal(scan.pixels, plain.pixels)


def test_single_images_of_one_name_are_an_entry_each(archive, pacs, patient):
    pacs.add(per_series(patient()[:2]))
    for uid in {image.SeriesInstanceUID for image in pacs.datasets.values()}:
        assert "a single slice" in archive.worklist.entry(uid).known.reason


@pytest.mark.parametrize(
    "pack",
    [
        enhanced_packings.enhanced_multi_frame,
        enhanced_packings.enhanced_one_frame_a_file,
        enhanced_packings.enhanced_series_per_slice,
    ],
)
def test_enhanced_objects_are_fetched_read_and_labelled(
    archive, pacs, patient, plain, tmp_path, pack
):
    images = packed_scans.slices(pack(patient(), tmp_path / "enhanced"))
    pacs.add(images)
    (uid,) = archive.worklist.entries()
    entry = archive.entry(uid)
    assert set(entry.known.instances) == {image.SOPInstanceUID for image in images}
    check_read_and_labelled(archive, uid, plain)

"""A segmentation refers to each image of several series, and to each frame of one object."""

import shutil
import subprocess

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from pydicom.uid import EnhancedMRImageStorage

from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.dicom.seg_read import read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.dicom.sr import make_sr
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.folder import headers_at
from acsnet.quantify.features import compute_features

PACKS = {
    "a series a slice": packed_scans.series_per_slice,
    "frames of one object": enhanced_packings.enhanced_multi_frame,
    "an object a frame": enhanced_packings.enhanced_one_frame_a_file,
    "an object and a series a frame": enhanced_packings.enhanced_series_per_slice,
}


@pytest.fixture(params=PACKS)
def stack(request, samples, tmp_path):
    """How it is stored, the scan, and the image of each slice."""
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    folder = PACKS[request.param](datasets, tmp_path / "packed")
    scan = read_scan(folder)
    return request.param, scan, source_stack(scan, headers_at(folder))


@pytest.fixture
def labels(stack):
    _, scan, _ = stack
    drawn = np.zeros(scan.pixels.shape, np.uint8)
    for number in range(len(drawn)):
        drawn[number, 40 + number, 50:60] = 1 + number % 5
    return drawn


@pytest.fixture
def seg(labels, stack):
    _, _, sources = stack
    return make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Doe^Jane")


def references(item):
    (image,) = item.DerivationImageSequence[0].SourceImageSequence
    return image


def test_each_frame_refers_to_the_image_of_its_slice(stack, labels, seg):
    name, scan, sources = stack
    by_place = {tuple(map(float, s.ImagePositionPatient)): s for s in sources}
    assert len(seg.PerFrameFunctionalGroupsSequence) == len(scan.pixels)
    for item in seg.PerFrameFunctionalGroupsSequence:
        place = tuple(map(float, item.PlanePositionSequence[0].ImagePositionPatient))
        source, image = by_place[place], references(item)
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.ReferencedSOPClassUID == source.SOPClassUID
        frame = image.get("ReferencedFrameNumber")
        assert frame == (None if name == "a series a slice" else source.InstanceNumber)


def test_the_series_are_listed_with_their_objects(stack, seg):
    name, scan, sources = stack
    listed = {
        item.SeriesInstanceUID: [
            r.ReferencedSOPInstanceUID for r in item.ReferencedInstanceSequence
        ]
        for item in seg.ReferencedSeriesSequence
    }
    objects = list(dict.fromkeys(scan.instance_uids))
    assert sorted(uid for uids in listed.values() for uid in uids) == sorted(objects)
    slices = len(scan.pixels)
    expected = {
        "a series a slice": (slices, slices),
        "an object and a series a frame": (slices, slices),
        "frames of one object": (1, 1),
    }
    assert (len(listed), len(objects)) == expected.get(name, (1, slices))
    for source in sources:
        assert source.SOPInstanceUID in listed[source.SeriesInstanceUID]
    if name != "a series a slice":
        classes = {r.ReferencedSOPClassUID for r in seg.SourceImageSequence}
        assert classes == {EnhancedMRImageStorage}


def test_what_was_written_is_read_back(stack, labels, seg):
    _, _, sources = stack
    assert np.array_equal(read_seg(seg, sources).labels, labels)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy here")
def test_an_independent_checker_finds_no_error(stack, labels, seg, tmp_path):
    _, scan, sources = stack
    report = make_sr(
        compute_features(labels, scan.voxel_ml),
        seg,
        sources,
        segments=(),
        state="reviewed",
        creator="Doe^Jane",
    )
    errors = []
    for dataset in (seg, report, make_pdf(b"%PDF-1.4", sources, state="draft")):
        path = tmp_path / "object.dcm"
        dataset.save_as(path, write_like_original=False)
        check = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        errors += [line for line in check.stderr.splitlines() if line.startswith("Error")]
    assert errors == []


@pytest.mark.parametrize(("uid", "fault"), [("1.2.3", "share the SOPInstanceUID 1.2.3"), ("", "")])
def test_images_that_share_a_uid_are_called_so(samples, tmp_path, uid, fault):
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = packed_scans.shared_instance_uid(datasets, tmp_path / "packed", uid=uid)
    scan = read_scan(folder)
    with pytest.raises(InputError, match=fault or "have no SOPInstanceUID"):
        source_stack(scan, headers_at(folder))


def test_a_volume_is_called_no_dicom(samples):
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    with pytest.raises(InputError, match="was not read from DICOM"):
        source_stack(scan, [])

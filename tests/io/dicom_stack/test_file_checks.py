"""Pixels that are not those of which the tags tell are refused, with the tags and the lengths."""

from pathlib import Path

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.file_checks import loss_remarks


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        (
            {"Rows": 80},
            "PixelData has 56320 bytes, where Rows 80, Columns 176, BitsAllocated 16 make 28160",
        ),
        ({"Rows": 159}, "Rows 159, Columns 176, BitsAllocated 16 make 55968"),
        ({"Columns": 175}, "Rows 160, Columns 175, BitsAllocated 16 make 56000"),
        ({"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}, "BitsAllocated 8 make 28160"),
    ],
)
def test_pixels_of_a_larger_matrix_than_the_header_tells_are_refused(
    patient_1, tmp_path, tags, told
):
    for dataset in patient_1:
        for tag, value in tags.items():
            setattr(dataset, tag, value)
    with pytest.raises(
        InputError, match=r"pixels of IM0000\.dcm .* more than the matrix"
    ) as caught:
        read_scan(packed_scans.write(tmp_path, patient_1))
    assert told in str(caught.value)


def test_pixels_of_too_small_a_matrix_are_refused_with_the_lengths(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.BitsAllocated = 32
    with pytest.raises(InputError, match=r"has 56320 bytes, where .* BitsAllocated 32 make 112640"):
        read_scan(packed_scans.write(tmp_path, patient_1))


def test_frames_that_the_header_does_not_count_are_refused(patient_1, tmp_path):
    path = enhanced_packings.enhanced_multi_frame(patient_1, tmp_path) / "enhanced.dcm"
    whole = pydicom.dcmread(path)
    whole.PixelData += bytes(np.arange(2 * whole.Rows * whole.Columns) % 251)
    packed_scans.save(whole, path)
    with pytest.raises(InputError, match=r"more than the matrix holds .* NumberOfFrames 8 make"):
        read_scan(tmp_path)


@pytest.mark.parametrize("behind", [b"\1\2", b"x" * 16, bytes(352)])
def test_padding_behind_the_pixels_is_none_of_them(patient_1, plain, tmp_path, behind):
    for dataset in patient_1:
        dataset.PixelData += behind
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


@pytest.mark.parametrize(
    "tag",
    [
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PixelRepresentation",
        "BitsStored",
        "BitsAllocated",
    ],
)
def test_a_tag_without_which_pixels_cannot_be_decoded_is_named(patient_1, tmp_path, tag):
    for dataset in patient_1:
        delattr(dataset, tag)
    reason = rf"pixels of IM0000\.dcm cannot be read: its header has no {tag}$"
    with pytest.raises(InputError, match=reason):
        read_scan(packed_scans.write(tmp_path, patient_1))


def test_two_kinds_of_pixels_in_one_file_contradict_each_other(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.FloatPixelData = bytes(4)
    with pytest.raises(InputError, match="tags that describe them contradict each other"):
        read_scan(packed_scans.write(tmp_path, patient_1))


def image_with(syntax, **tags):
    """An image of a transfer syntax, by the last of its UID."""
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2{syntax}"
    for tag, value in tags.items():
        setattr(header, tag, value)
    return DicomFile(Path("x.dcm"), "x.dcm", header)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (
            image_with(".1", LossyImageCompression="01", LossyImageCompressionRatio="30"),
            "LossyImageCompression 01, ratio 30",
        ),
        (image_with(".4.50"), "JPEG Baseline (Process 1)"),
        (image_with(".4.50", LossyImageCompression="00"), "JPEG Baseline (Process 1)"),
        (image_with(".4.91"), "JPEG 2000 Image Compression"),
        (image_with(".4.81"), "JPEG-LS Lossy (Near-Lossless) Image Compression"),
    ],
)
def test_images_that_lost_detail_are_told(file, told):
    (remark,) = loss_remarks([file])
    assert remark.startswith(f"images were compressed with loss ({told}): volumes and scar may")
    (remark,) = loss_remarks([image_with(".1"), file, file])
    assert remark.startswith(f"2 images were compressed with loss ({told})")


@pytest.mark.parametrize(
    "file",
    [
        image_with(".1"),
        image_with(".4.70"),
        image_with(".4.90"),
        image_with(".4.91", LossyImageCompression="00"),
        DicomFile(Path("x.dcm"), "x.dcm", Dataset()),
    ],
)
def test_images_that_lost_none_are_not(file):
    assert loss_remarks([file]) == []


def test_a_scan_that_lost_detail_says_so(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.LossyImageCompression = "01"
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    told = "images were compressed with loss (LossyImageCompression 01): "
    assert [text.startswith(told) for text in scan.warnings] == [True]

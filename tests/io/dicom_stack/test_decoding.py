"""Every compression that archives store gives the voxels of the plain images, or is refused."""

import os

import numpy as np
import packed_scans
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_stack.decoding import apart
from acsnet.io.dicom_stack.decoding.transfer_syntax import set_syntax


@pytest.mark.parametrize(
    ("pack", "syntax"),
    [
        (lambda d, out: packed_scans.compressed(d, out, "JPEG"), "1.2.840.10008.1.2.4.70"),
        (lambda d, out: packed_scans.compressed(d, out, "JPEG2000"), "1.2.840.10008.1.2.4.90"),
        (packed_scans.run_length, "1.2.840.10008.1.2.5"),
        (packed_scans.big_endian, "1.2.840.10008.1.2.2"),
    ],
)
def test_lossless_compression_changes_no_voxel(patient_1, samples, tmp_path, pack, syntax):
    plain = read_scan(samples / "dicom" / "phantom-1")
    folder = pack(patient_1, tmp_path / "case")
    assert {str(one.file_meta.TransferSyntaxUID) for one in packed_scans.slices(folder)} == {syntax}
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ()


def test_the_decoder_has_its_temporary_files_where_the_program_has_them(tmp_path, monkeypatch):
    program = tmp_path / "place.py"
    program.write_text(f"import tempfile\nopen({str(program)!r}, 'w').write(tempfile.gettempdir())")
    monkeypatch.setattr(apart, "PROGRAM", program)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    apart.decoded_apart({tmp_path / "image.dcm": JPEGLosslessSV1})
    assert program.read_text() == str(tmp_path)


def test_a_damaged_image_ends_no_process_but_its_decoder(patient_1, tmp_path):
    """On some of these the decoder ends with a segmentation fault."""
    folder = packed_scans.compressed(patient_1[:3], tmp_path / "case", "JPEG")
    file = folder / "IM0001.dcm"
    content = bytearray(file.read_bytes())
    start = content.rfind(b"\xff\xd8")
    head = content[start : content.index(b"\xff\xc3", start) + 9]
    rng = np.random.default_rng(1)
    for at in start + 2 + rng.integers(0, 60, 30):
        content[at] = rng.integers(256)
    content[start : start + len(head)] = head  # it still tells its size
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"pixels of IM0001\.dcm cannot be read: transfer syntax"):
        read_scan(folder)


@pytest.mark.parametrize("name", [b"M\xfcller", b"two\nlines "])
def test_a_folder_may_be_called_anything(patient_1, samples, tmp_path, name):
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    packed_scans.compressed(patient_1, folder, "JPEG")
    plain = read_scan(samples / "dicom" / "phantom-1")
    assert np.array_equal(read_scan(folder).pixels, plain.pixels)


@pytest.mark.parametrize(
    "pack",
    [
        lambda d, out: packed_scans.compressed(d, out, "JPEG"),
        lambda d, out: packed_scans.compressed(d, out, "JPEGLS"),
        lambda d, out: packed_scans.compressed(d, out, "JPEG2000"),
        packed_scans.run_length,
    ],
    ids=["JPEG", "JPEG-LS", "JPEG 2000", "RLE"],
)
def test_compressed_images_are_decoded_by_their_first_bytes_where_no_meta_tells_how(
    patient_1, plain, tmp_path, pack
):
    scan = read_scan(packed_scans.without_meta(pack(patient_1, tmp_path / "case")))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings[0].startswith(
        "8 images do not tell how they are compressed: decoded by their first bytes"
    )


def test_compressed_images_that_are_called_plain_are_decoded(patient_1, plain, tmp_path):
    folder = packed_scans.run_length(patient_1, tmp_path)
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(content.replace(RLELossless.encode(), ExplicitVRLittleEndian.encode(), 1))
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == (
        "8 images do not tell how they are compressed: decoded by their first bytes",
    )


def test_images_that_are_called_compressed_and_are_not_are_read(patient_1, plain, tmp_path):
    for path in sorted(packed_scans.write(tmp_path, patient_1).iterdir())[:3]:
        content = path.read_bytes()
        path.write_bytes(content.replace(ExplicitVRLittleEndian.encode(), RLELossless.encode(), 1))
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ("3 images are called compressed and are not: read as they lie",)


def test_pixels_that_do_not_tell_how_they_are_compressed_are_refused_with_the_reason(
    patient_1, tmp_path
):
    folder = packed_scans.run_length(patient_1, tmp_path / "case")
    for path in packed_scans.without_meta(folder).iterdir():  # 16 segments: RLE has 15 at most
        path.write_bytes(path.read_bytes().replace(b"\2\0\0\0\x40\0\0\0", b"\x10\0\0\0\x40\0\0\0"))
    told = "pixels of IM0000.dcm are compressed, but the file does not tell how: export it again"
    with pytest.raises(InputError, match=told):
        read_scan(folder)


@pytest.mark.parametrize(
    ("code", "syntax"),
    [
        (b"\xff\xd8\xff\xc0\0\x0b\x08\0\x1e\0\x14\1", JPEGBaseline8Bit),
        (b"\xff\xd8\xff\xfe\0\4\xff\xc0\xff\xc3\0\x0b\x10\0\x1e\0\x14", apart.JPEG_LOSSLESS),
        (b"\x0f\0\0\0\x40\0\0\0", RLELossless),
    ],
)
def test_the_first_bytes_tell_the_compression(patient_1, code, syntax):
    """Behind a table of two frames."""
    (dataset, *_) = patient_1
    dataset.PixelData = encapsulate([code, code])
    set_syntax(dataset, name="IM1")
    assert dataset.file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_a_compression_that_the_meta_information_tells_is_believed(patient_1, syntax):
    (dataset, *_) = patient_1
    dataset.PixelData = encapsulate([b"\xff\xd8\xff\xc3\0\x0b\x10\0\x1e\0\x14"])
    dataset.file_meta.TransferSyntaxUID = syntax
    assert set_syntax(dataset, name="IM1") == ""
    assert dataset.file_meta.TransferSyntaxUID == syntax

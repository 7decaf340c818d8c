"""Every compression that archives store gives the voxels of the plain images, or is refused."""

import os

import numpy as np
import packed_scans
import pytest

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_stack.decoding import apart


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
    apart.decoded_apart([tmp_path / "image.dcm"])
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

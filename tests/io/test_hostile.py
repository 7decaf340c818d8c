"""Files made to do harm end in one sentence, in bounded time and memory, and write nothing."""

import gzip
import io
import struct
import subprocess
import sys
import warnings
import zlib

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hostile_nifti import gzipped_zeros, nifti_bytes
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from acsnet.errors import AcsnetError, InputError
from acsnet.io import limits, read_scan
from acsnet.io.series import SeriesFinder

pytestmark = pytest.mark.slow

MEMORY_BYTES = 3 * 2**30
"""Of address space for a reading in a process of its own: libraries alone take one."""


def slices(samples, tmp_path, change=lambda dataset: None, *, number=1):
    folder = tmp_path / "case"
    folder.mkdir()
    for file in sorted((samples / "dicom" / f"phantom-{number}").iterdir()):
        dataset = pydicom.dcmread(file)
        change(dataset)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.save_as(folder / file.name)
    return folder


def in_little_memory(path):
    """What reading says, in a process that may not take much memory, within 60 s."""
    program = (
        "import resource, sys\n"
        "from acsnet.errors import AcsnetError\n"
        "from acsnet.io import read_scan\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES}, {MEMORY_BYTES}))\n"
        "try:\n"
        "    read_scan(sys.argv[1])\n"
        "except AcsnetError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return run.stdout


def test_a_gzip_bomb_in_front_of_the_pixels_is_not_unpacked(tmp_path):
    """Extensions of a header are read whole: here 2 GB of them."""
    header = bytes(nifti_bytes(vox_offset=2e9)[:348])
    extension = b"\1\0\0\0" + struct.pack("<ii", 1_999_999_648, 6)
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header + extension) + gzipped_zeros(150 * 2**20))
    with pytest.raises(InputError, match=r"bomb\.nii\.gz has its pixels behind 2e\+09 bytes"):
        read_scan(path)


def test_a_gzip_bomb_behind_the_pixels_is_not_unpacked(tmp_path):
    path = tmp_path / "tail.nii.gz"
    path.write_bytes(gzip.compress(bytes(nifti_bytes())) + gzipped_zeros(150 * 2**20))
    with pytest.raises(InputError, match=r"tail\.nii\.gz is longer than the image"):
        read_scan(path)


def test_a_compressed_file_with_one_wrong_bit_gives_no_other_pixels(tmp_path):
    """Most such bits unpack to something without a word: the checksum alone tells."""
    content = gzip.compress(bytes(nifti_bytes()))
    path = tmp_path / "bit.nii.gz"
    path.write_bytes(content)
    pixels, refused = read_scan(path).pixels, 0
    for place in range(10, len(content)):  # behind gzip's own header, which holds a time
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read_scan(path).pixels, pixels)  # a few bits mean nothing
        except AcsnetError:
            refused += 1
    assert refused > 0.9 * (len(content) - 10)


def test_a_gzip_bomb_of_pixels_is_refused_by_its_header(tmp_path):
    header = bytes(nifti_bytes(dim=[3, 2048, 2048, 990, 1, 1, 1, 1])[:352])
    path = tmp_path / "bomb.nii.gz"
    path.write_bytes(gzip.compress(header) + gzipped_zeros(20 * 2**20))
    with pytest.raises(InputError, match=r"too large: 16\.6 GB of pixels, at most 0\.2 GB"):
        read_scan(path)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"dim": [3, 32767, 32767, 32767, 1, 1, 1, 1]}, "too large"),
        ({"dim": [3, -6, 5, 4, 1, 1, 1, 1]}, "hostile.nii"),
        ({"dim": [7, 6, 5, 4, 9, 9, 9, 9]}, "hostile.nii"),
        ({"dim": [30000, 6, 5, 4, 1, 1, 1, 1]}, "hostile.nii"),
        ({"magic": b"abc"}, "hostile.nii"),
        ({"vox_offset": np.nan}, "behind nan bytes"),
        ({"vox_offset": -5e8}, "hostile.nii"),
        ({"vox_offset": -np.inf}, "hostile.nii"),
        ({"vox_offset": 9e6}, "hostile.nii"),
        ({"scl_slope": 3e38, "scl_inter": 3e38}, "NaN or infinite"),
        ({"pixdim": [1, 1.5, 1.5, 0, 1, 1, 1, 1]}, "pixdim .* must be positive"),
        ({"pixdim": [1, 1e30, 1e30, 1e30, 1, 1, 1, 1]}, "hostile.nii"),
        ({"srow_x": 0, "srow_y": 0, "srow_z": 0}, "singular"),
        ({"srow_x": [np.nan] * 4}, "must be finite"),
        ({"srow_x": [3e38, 0, 0, 0]}, "hostile.nii"),
        ({"datatype": 1792, "bitpix": 128}, "real numbers, got complex"),
        ({"datatype": 128, "bitpix": 24}, "RGB"),
        ({"datatype": 1536, "bitpix": 128}, "hostile.nii"),
        ({"datatype": 0}, "hostile.nii"),
    ],
)
def test_a_hostile_header_is_refused(tmp_path, fields, reason):
    path = tmp_path / "hostile.nii"
    path.write_bytes(nifti_bytes(**fields))
    with pytest.raises(AcsnetError, match=reason) as caught:
        read_scan(path)
    assert "\n" not in str(caught.value)


def test_a_deflated_bomb_is_not_inflated(samples, tmp_path):
    """pydicom inflates the whole file to read one tag of it: here 150 MB out of 150 KB."""

    def deflate(dataset):
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.is_little_endian, dataset.is_implicit_VR = True, False

    folder = slices(samples, tmp_path, deflate)
    assert read_scan(folder).pixels.shape[0] == 8  # an honest one is read
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(150)) + packer.flush()
    first = min(folder.iterdir())
    content = first.read_bytes()
    group_length = struct.unpack("<I", content[140:144])[0]
    first.write_bytes(content[: 144 + group_length] + bomb)
    with pytest.raises(InputError, match=r"slice-\d+\.dcm is too large: it inflates to more than"):
        read_scan(folder)


def test_a_header_that_never_ends_is_given_up(samples, tmp_path):
    folder = slices(samples, tmp_path)
    first = min(folder.iterdir())
    content = first.read_bytes()
    group_length = struct.unpack("<I", content[140:144])[0]
    element = struct.pack("<HH2sH", 9, 0x1000, b"CS", 0)
    many = element * (limits.MAX_HEADER_BYTES // len(element))
    first.write_bytes(content[: 144 + group_length] + many + content[144 + group_length :])
    with pytest.raises(InputError, match="too large: a header of more than 4194304 bytes"):
        read_scan(folder)


def packed(dataset, content, syntax):
    dataset.PixelData = encapsulate([content])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax


def test_a_compressed_image_larger_than_it_says_is_not_unpacked(samples, tmp_path):
    run = bytes([129, 0]) * 2**20  # 128 zeros each
    content = struct.pack("<16I", 1, 64, *[0] * 14) + run
    folder = slices(samples, tmp_path, lambda dataset: packed(dataset, content, RLELossless))
    with pytest.raises(InputError, match="bytes of compressed pixels for an image of"):
        read_scan(folder)


def test_a_picture_of_another_size_than_the_header_says_is_refused(samples, tmp_path):
    """A few kilobytes that a decoder would make half a billion pixels of."""
    stream = io.BytesIO()
    Image.new("L", (20, 20)).save(stream, "JPEG2000")
    content = bytearray(stream.getvalue())
    size = content.index(b"\xff\x51") + 6
    content[size : size + 8] = struct.pack(">II", 24_000, 24_000)
    at = content.index(b"ihdr") + 4
    content[at : at + 8] = struct.pack(">II", 24_000, 24_000)
    folder = slices(
        samples, tmp_path, lambda dataset: packed(dataset, bytes(content), JPEG2000Lossless)
    )
    with pytest.raises(InputError, match="they are of 24000 x 24000 where Rows and Columns"):
        read_scan(folder)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Rows": 65535, "Columns": 65535}, "too large: 8 slices of 65535 x 65535"),
        ({"Rows": 600, "Columns": 600}, "do not fill the matrix"),
        ({"PixelSpacing": [0, 0]}, "must be positive"),
        ({"PixelSpacing": [-1.5, 1.5]}, "must be positive"),
        ({"ImageOrientationPatient": [0, 0, 0, 0, 0, 0]}, "perpendicular unit vectors"),
        ({"NumberOfFrames": 2**31 - 1}, "multi-frame"),
        ({"BitsAllocated": 64}, "cannot be read|do not fill"),
        ({"BitsAllocated": 7}, "do not fill|cannot be read"),
        ({"RescaleSlope": "1e308"}, "NaN or infinite"),
        ({"RescaleSlope": "0"}, "must not be 0"),
    ],
)
def test_hostile_tags_are_refused(samples, tmp_path, tags, reason):
    def change(dataset):
        for tag, value in tags.items():
            setattr(dataset, tag, value)

    with pytest.raises(AcsnetError, match=reason) as caught:
        read_scan(slices(samples, tmp_path, change))
    assert "\n" not in str(caught.value)


def test_bombs_are_refused_in_little_memory(tmp_path):
    path = tmp_path / "bomb.nii.gz"
    header = bytes(nifti_bytes(dim=[3, 640, 640, 300, 1, 1, 1, 1], datatype=2, bitpix=8)[:352])
    path.write_bytes(gzip.compress(header) + gzipped_zeros(60 * 2**20))
    assert "bomb.nii.gz" in in_little_memory(path)


def test_pixels_beyond_any_scanner_are_refused(tmp_path):
    data = np.full((6, 5, 4), -3e38, np.float32)
    data[2:4] = 3e38
    nib.save(nib.Nifti1Image(data, np.diag([1.5, 1.5, 8.0, 1.0])), tmp_path / "far.nii")
    with pytest.raises(InputError, match=r"far\.nii holds pixels from -3e\+38 to 3e\+38"):
        read_scan(tmp_path / "far.nii")


@pytest.mark.parametrize(("name", "refused"), [("9.dcm", True), ("IM9", True), ("last.log", False)])
def test_a_link_to_nothing_may_be_a_slice(samples, tmp_path, name, refused):
    folder = slices(samples, tmp_path)
    (folder / name).symlink_to(tmp_path / "gone")
    if not refused:
        assert read_scan(folder).pixels.shape[0] == 8
        return
    with pytest.raises(InputError, match=f"{name} is a link to a file that does not exist"):
        read_scan(folder)
    (found,) = SeriesFinder(folder).find()
    assert found.damaged == (folder / name,)

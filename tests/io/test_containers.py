"""What the files of a scan hold, one or several."""

import codecs
import os

import nibabel as nib
import numpy as np
import packed_scans
import pytest

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan
from acsnet.io.containers import content_digest, files_of, open_volume
from acsnet.io.dicom_stack.phases import PHASE_FILE
from acsnet.server.datastores.preflight import fingerprint


def test_what_files_hold_is_told_without_their_names_and_times(tmp_path):
    folder, copy = tmp_path / "a", tmp_path / "b"
    for path, names in ((folder, "12"), (copy, "43")):
        path.mkdir()
        for name, content in zip(names, (b"x", b"y"), strict=True):
            (path / name).write_bytes(content)
    os.utime(copy / "4", (1e9, 1e9))
    assert content_digest(folder) == content_digest(copy)
    (copy / "3").write_bytes(b"z")
    assert content_digest(folder) != content_digest(copy)
    assert content_digest(folder / "1") == content_digest(copy / "4") != content_digest(folder)


def test_hidden_files_are_no_part_of_a_scan_but_for_that_which_tells_the_phase(tmp_path):
    (tmp_path / "1.dcm").write_bytes(b"x")
    digest, state = content_digest(tmp_path), fingerprint(tmp_path)
    (tmp_path / ".digests.jsonl").write_text("{}\n")
    assert (content_digest(tmp_path), fingerprint(tmp_path)) == (digest, state)
    of_phases = []
    for phase in "23":
        (tmp_path / PHASE_FILE).write_text(phase)
        of_phases.append(content_digest(tmp_path))
    assert len({digest, *of_phases}) == 3


def test_of_files_that_cannot_be_read_nothing_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    assert content_digest(tmp_path / "absent") == content_digest(tmp_path / "empty") == ""


@pytest.mark.parametrize("ending", [".mhd", ".nhdr"])
def test_pixels_beside_their_header_are_part_of_a_scan(tmp_path, ending):
    header, pixels = tmp_path / f"a{ending}", tmp_path / "a.raw"
    header.write_text(
        {
            ".mhd": "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\n"
            "ElementDataFile = a.raw\n",
            ".nhdr": "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
            "data file: a.raw\n\n",
        }[ending]
    )
    pixels.write_bytes(np.arange(8, dtype=np.uint8).tobytes())
    assert files_of(header) == (header, pixels)
    digest, state = content_digest(header), fingerprint(header)
    pixels.write_bytes(np.arange(8, dtype=np.uint8)[::-1].tobytes())
    os.utime(pixels, (1e9, 1e9))
    assert content_digest(header) != digest
    assert fingerprint(header) != state


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "a.mhd",
            "NDims = 3\nDimSize = 2 2 2\nElementSpacing = 1 1 8\nElementType = MET_UCHAR\n"
            "ElementDataFile = Müller.raw\n",
        ),
        (
            "a.nhdr",
            "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\nspacings: 1 1 8\n"
            "encoding: raw\ndata file: Müller.raw\n\n",
        ),
    ],
)
def test_a_text_header_is_utf_8_perhaps_marked_or_latin_1(tmp_path, name, text, encoding, mark):
    (tmp_path / name).write_bytes(mark + text.encode(encoding))
    (tmp_path / "Müller.raw").write_bytes(bytes(range(8)))
    assert files_of(tmp_path / name) == (tmp_path / name, tmp_path / "Müller.raw")
    volume = open_volume(tmp_path / name, name=name)
    assert volume.load().ravel(order="F").tolist() == list(range(8))


@pytest.mark.parametrize(
    ("name", "called"), [("a.mhd", "MetaImage"), ("A.MHA", "MetaImage"), ("a.nrrd", "NRRD")]
)
def test_a_file_of_no_format_is_called_by_its_ending(tmp_path, name, called):
    (tmp_path / name).write_bytes("NDims = 3\n".encode("utf-16"))
    with pytest.raises(InputError, match=f"{name} cannot be read as {called} "):
        open_volume(tmp_path / name, name=name)


@pytest.mark.parametrize("name", ["a.cvi42wsx", "a.mat", "a.png"])
def test_files_that_are_no_volume_are_called_so(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<?xml version='1.0'?><Hash:item></Hash:item>" * 20)
    with pytest.raises(InputError, match=f"{name} is no file with a volume: export it as NIfTI"):
        open_volume(path, name=name)


@pytest.mark.parametrize("shape", [(9, 8, 1), (9, 8)])
def test_a_stack_of_one_file_a_slice_is_refused_with_the_way_out(tmp_path, shape):
    for number in range(1, 4):
        image = nib.Nifti1Image(np.zeros(shape, np.int16), np.eye(4))
        packed_scans.save_nifti(image, tmp_path / f"lge_{number:02d}.nii.gz")
    told = r"lge_01.nii.gz holds a single slice, and 3 files are called lge_#.nii.gz: if .* join th"
    with pytest.raises(GeometryError, match=told):
        read_scan(tmp_path / "lge_01.nii.gz")
    (tmp_path / "lge_03.nii.gz").unlink()
    with pytest.raises((GeometryError, InputError), match=r"at least 2|must be a 3-D image"):
        read_scan(tmp_path / "lge_01.nii.gz")

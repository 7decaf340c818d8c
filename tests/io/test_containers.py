"""What the files of a scan hold, one or several."""

import os

import numpy as np
import pytest

from acsnet.io.containers import content_digest, files_of
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

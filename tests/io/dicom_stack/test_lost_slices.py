"""A slice that is there by its name and cannot be read is never left out without a word."""

import gzip

import numpy as np
import pytest
from ways_in import by_command_line, by_server

import packings
from acsnet.errors import InputError
from acsnet.io import read_scan, read_series
from acsnet.io.dicom_stack.lost_slices import called_like_slices


def no_bytes(content):
    return b""


def zeros(content):
    return bytes(len(content))


def cut(content):
    return content[:100]


def page(content):
    return b"<html>404</html>"


@pytest.mark.parametrize("damage", [no_bytes, zeros, cut, page])
def test_a_last_slice_that_is_no_dicom_is_named_by_every_way_in(patient_1, tmp_path, damage):
    folder = tmp_path / "studies"
    for number, dataset in enumerate(patient_1):
        packings.save(dataset, folder / f"IM{number}")
    last = folder / f"IM{len(patient_1) - 1}"
    last.write_bytes(damage(last.read_bytes()))
    reason = f"{last.name} is called like the slices beside it, and cannot be read as DICOM"
    with pytest.raises(InputError, match=reason):
        by_command_line(folder)
    with pytest.raises(InputError, match=reason):
        by_server(folder)
    with pytest.raises(InputError, match=reason):
        read_series(sorted(folder.iterdir()), name="a")


def test_a_packed_slice_among_others_is_to_be_unpacked(patient_1, plain, tmp_path):
    packings.write(tmp_path, patient_1)
    last = tmp_path / f"IM{len(patient_1) - 1:04d}.dcm"
    packed = last.with_name(f"{last.name}.gz")
    packed.write_bytes(gzip.compress(last.read_bytes()))
    assert np.array_equal(read_scan(tmp_path).pixels, plain.pixels)
    last.unlink()
    with pytest.raises(InputError, match="like the slices beside it, and is packed: unpack it"):
        read_scan(tmp_path)


def test_an_empty_file_is_called_empty(patient_1, tmp_path):
    packings.write(tmp_path, patient_1)
    (tmp_path / "IM0009.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0009\.dcm cannot be read as DICOM: it is empty"):
        read_scan(tmp_path)


def test_other_files_are_none(tmp_path):
    slices = [tmp_path / f"IM{number}" for number in range(1, 9)]
    others = [tmp_path / name for name in ("Thumbs.db", "IM1.jpg", "VERSION", "IM1.gz")]
    assert called_like_slices(others, slices=slices) == []
    lost = [tmp_path / "IM10", tmp_path / "IM9.gz"]
    assert called_like_slices([*others, *lost], slices=slices) == lost
    assert called_like_slices([tmp_path / "b" / "IM10"], slices=slices) == []

"""Files that are damaged at random are read, or refused in one sentence."""

import gzip
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hostile_nifti import nifti_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acsnet.errors import AcsnetError
from acsnet.io import read_scan

pytestmark = pytest.mark.slow


FUZZ = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def refused_or_read(path):
    """Whatever comes of it is a scan, or one sentence."""
    try:
        scan = read_scan(path)
    except AcsnetError:
        return
    assert np.isfinite(scan.pixels).all()
    assert np.isfinite(scan.grid.affine).all()
    assert min(scan.spacing_mm) > 0


damage = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=8)), max_size=6
)


def damaged(content, changes, *, cut):
    """Bytes with some overwritten, at places told as shares of the length, and the end cut off."""
    out = bytearray(content)
    for share, piece in changes:
        at = int(share * len(out))
        out[at : at + len(piece)] = piece
    return bytes(out[: int(cut * len(out))])


cut = st.one_of(st.just(1.0), st.floats(0, 1))


@FUZZ
@given(changes=damage, cut=cut, zipped=st.booleans())
def test_no_damage_to_a_nifti_file_does_more_than_be_refused(tmp_path, changes, cut, zipped):
    content = damaged(nifti_bytes(), changes, cut=cut)
    path = tmp_path / ("x.nii.gz" if zipped else "x.nii")
    path.write_bytes(gzip.compress(content, 1) if zipped else content)
    refused_or_read(path)


@FUZZ
@given(
    dim=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=8, max_size=8),
    datatype=st.sampled_from([2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1536, 1792, 2304]),
    numbers=st.lists(st.floats(width=32), min_size=23, max_size=23),
    codes=st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_no_nifti_header_does_more_than_be_refused(tmp_path, dim, datatype, numbers, codes):
    path = tmp_path / "x.nii"
    fields = {
        "dim": dim,
        "datatype": datatype,
        "pixdim": numbers[:8],
        "srow_x": numbers[8:12],
        "srow_y": numbers[12:16],
        "srow_z": numbers[16:20],
        "vox_offset": numbers[20],
        "scl_slope": numbers[21],
        "scl_inter": numbers[22],
        "qform_code": codes[0],
        "sform_code": codes[1],
    }
    path.write_bytes(nifti_bytes(**fields))
    refused_or_read(path)


@pytest.fixture(scope="module")
def small_series(samples):
    """Three small images as files: name and content."""
    found = []
    for file in sorted((samples / "dicom" / "phantom-1").iterdir())[:3]:
        dataset = pydicom.dcmread(file)
        dataset.Rows = dataset.Columns = 4
        dataset.PixelData = np.arange(16, dtype=np.uint16).tobytes()
        stream = io.BytesIO()
        dataset.save_as(stream)
        found.append((file.name, stream.getvalue()))
    return found


@FUZZ
@given(changes=damage, cut=cut, which=st.integers(0, 2))
def test_no_damage_to_a_dicom_file_does_more_than_be_refused(
    tmp_path, small_series, changes, cut, which
):
    folder = Path(tmp_path) / "case"
    folder.mkdir(exist_ok=True)
    for index, (name, content) in enumerate(small_series):
        whole = damaged(content, changes, cut=cut) if index == which else content
        (folder / name).write_bytes(whole)
    refused_or_read(folder)

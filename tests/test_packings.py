"""The quick part of `benchmarks/packings.py`: one sample patient in every packing, voxels alone."""

import nibabel as nib
import packed_scans
import pytest

import packings as benchmark
from acsnet.io import read_scan


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    source = benchmark.sources(None)["phantom-1"]
    return dict(zip((True, False), benchmark.plain_forms(source, folder), strict=True))


def test_there_are_enough_packings():
    assert len(benchmark.PACKINGS) >= 30


def test_the_plain_forms_are_the_scan_itself(plain):
    dicom, nifti = (read_scan(path) for path in plain.values())
    assert benchmark.same_voxels(dicom, nifti)
    assert dicom.warnings == nifti.warnings == ()


@pytest.mark.parametrize("name", benchmark.PACKINGS)
def test_a_packing_gives_the_same_voxels_or_says_why_not(plain, tmp_path, name):
    packing = benchmark.PACKINGS[name]
    path = plain[packing.dicom]
    packed = packed_scans.slices(path) if packing.dicom else nib.load(path)
    what, words, _ = benchmark.outcome(packing.make(packed, tmp_path / "packed"), read_scan(path))
    # Where a warning would do, the voxels themselves are right, too.
    as_expected = what == packing.expected
    assert as_expected or (what, packing.expected) == (benchmark.SAME, benchmark.WARNED)
    if as_expected:
        assert packing.words in words
    if packing.expected == benchmark.SAME and not packing.words:
        assert words == ""

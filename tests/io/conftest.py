"""The first sample patient, to be packed otherwise."""

import packed_scans
import pytest

from acsnet.io import read_scan


@pytest.fixture
def patient_1(samples):
    """Its DICOM images."""
    return packed_scans.slices(samples / "dicom" / "phantom-1")


@pytest.fixture
def plain(samples):
    """It as a scan, packed as it is."""
    return read_scan(samples / "dicom" / "phantom-1")

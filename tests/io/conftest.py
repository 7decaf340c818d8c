"""The first sample patient, to be packed otherwise."""

import pytest

import packings
from acsnet.io import read_scan


@pytest.fixture
def patient_1(samples):
    """Its DICOM images."""
    return packings.slices(samples / "dicom" / "phantom-1")


@pytest.fixture
def plain(samples):
    """It as a scan, packed as it is."""
    return read_scan(samples / "dicom" / "phantom-1")

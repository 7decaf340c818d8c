"""A sample scan with its true labels, measured."""

from pathlib import Path

import pytest

from acsnet.measure import quantify_drawn

SAMPLES = Path(__file__).parents[2] / "sample-data"


@pytest.fixture(scope="session")
def measured():
    """Of phantom-1: 8 slices, scar in the territory of the LAD."""
    return quantify_drawn(
        SAMPLES / "nifti" / "phantom-1.nii.gz", SAMPLES / "truth" / "phantom-1.nii.gz"
    )

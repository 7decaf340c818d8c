import pytest

from acsnet.phantom.make import make_phantom
from acsnet.phantom.spec import PhantomSpec
from shared.phantom_files import write_dicom, write_nifti


@pytest.fixture(scope="session")
def small_phantom():
    """Makes a phantom of two slices, which is soon segmented; each seed another heart."""

    def make(seed=1, name=None):
        spec = PhantomSpec(
            name=name or f"scan-{seed}",
            seed=seed,
            slices=2,
            matrix=(96, 96),
            spacing_mm=(10.0, 2.4, 2.4),
            first_slice_mm=30.0,
            scar_slices=(0, 1),
        )
        return make_phantom(spec)

    return make


@pytest.fixture(scope="session")
def write_scan(small_phantom):
    """Writes a phantom as a NIfTI file into a folder; gives its path."""

    def write(folder, seed=1, name=None):
        return write_nifti(small_phantom(seed, name), folder)

    return write


@pytest.fixture(scope="session")
def write_series(small_phantom):
    """Writes a phantom as a DICOM series into a folder."""

    def write(folder, seed=1):
        write_dicom(small_phantom(seed), folder)
        return folder

    return write

"""An independent converter builds the same volume from the same files."""

import shutil
import subprocess

import nibabel as nib
import numpy as np
import pytest

from acsnet.io import read_scan, write_image

CASES = ("SCD0000101", "SCD0000201", "SCD0000301")
"""All three stacks of the Sunnybrook data: two feet first, one head first."""


@pytest.fixture(params=["phantom-1", "phantom-2", *CASES])
def folder(request, samples):
    """A folder with one series: of a phantom, or real."""
    if request.param in CASES:
        (found,) = request.getfixturevalue("data").glob(f"**/ed_stacks/{request.param}*/dicom")
        return found
    return samples / "dicom" / request.param


@pytest.mark.skipif(shutil.which("dcm2niix") is None, reason="dcm2niix is not installed")
def test_each_voxel_lies_where_dcm2niix_puts_it(folder, tmp_path):
    subprocess.run(
        ["dcm2niix", "-b", "n", "-z", "n", "-f", "theirs", "-o", tmp_path, folder], check=True
    )
    (file,) = tmp_path.glob("theirs*.nii")  # it adds "_real" to a phase-sensitive series
    theirs = nib.load(file)
    scan = read_scan(folder)
    write_image(tmp_path / "ours.nii.gz", scan)
    ours = nib.load(tmp_path / "ours.nii.gz")
    assert sorted(ours.shape) == sorted(theirs.shape)
    volumes = [abs(np.linalg.det(one.affine[:3, :3])) for one in (ours, theirs)]
    assert volumes[0] == pytest.approx(volumes[1], rel=1e-4)
    # The same voxel of both, by the place of theirs on our grid.
    to_ours = np.linalg.inv(ours.affine) @ theirs.affine
    turned = np.round(to_ours[:3, :3])
    assert sorted(np.abs(turned).sum(axis=0)) == [1, 1, 1]
    indices = np.indices(theirs.shape).reshape(3, -1).T
    places = nib.affines.apply_affine(to_ours, indices)
    assert np.abs(places - np.round(places)).max() < 0.05
    i, j, k = np.round(places).astype(int).T
    np.testing.assert_allclose(
        np.asarray(ours.dataobj)[i, j, k], np.asarray(theirs.dataobj).reshape(-1), rtol=1e-5
    )

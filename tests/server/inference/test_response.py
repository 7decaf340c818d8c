"""Result files: the geometry of the scan, whichever format the client asked for."""

import nrrd
import numpy as np

from acsnet.scan import InputGrid
from acsnet.server.inference.response import nrrd_bytes


def test_nrrd_has_the_voxels_and_the_geometry_in_lps(tmp_path):
    affine = np.array([[0.0, 2, 0, 10], [1.5, 0, 0, -20], [0, 0, 8, 30], [0, 0, 0, 1]])
    labels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4) % 6
    path = tmp_path / "result.nrrd"
    grid = InputGrid(shape=(2, 3, 4), affine=affine, axes=(2, 1, 0))
    path.write_bytes(nrrd_bytes(labels, grid))
    data, header = nrrd.read(str(path), index_order="F")
    np.testing.assert_array_equal(data, labels)
    assert header["type"] in ("uint8", "unsigned char")
    assert header["space"] == "left-posterior-superior"
    # Row i: the step along input axis i, with the signs of x and y turned from RAS.
    np.testing.assert_allclose(header["space directions"], [[0, -1.5, 0], [-2, 0, 0], [0, 0, 8]])
    np.testing.assert_allclose(header["space origin"], [-10, 20, 30])

"""What a remote region that a person places decides: thresholds, core scar, and a warning."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from acsnet.labels import Label
from acsnet.measure import measure_labels
from acsnet.quantify.quantification import NOTHING, Given, quantify


@pytest.fixture
def placed(shell):
    """A shell with scar of 120 in a wall of 60, its labels, and a region of 20 with some 80.

    The median of the wall outside the scar is 60, so its threshold is (60 + 120) / 2 = 90; that of
    the region is 20, so its threshold is (20 + 120) / 2 = 70.
    """
    scan, labels = shell(extent_deg=90)
    around = np.arange(labels.shape[2])  # of many values, unlike a label map
    pixels = np.choose(labels, [around, 100.0, 60.0, 70.0, 120.0, 60.0]).astype(np.float32)
    wall = np.argwhere(labels[2] == Label.LV_MYOCARDIUM)
    region = np.zeros(labels.shape, bool)
    region[2, wall[:40, 0], wall[:40, 1]] = True
    pixels[region] = 20.0
    pixels[2, wall[:4, 0], wall[:4, 1]] = 80.0
    return replace(scan, pixels=pixels), labels, Given(remote=scan.grid.to_input(region))


def test_scar_in_a_placed_region_is_found_by_the_whole_wall_and_does_not_hide_itself(placed):
    scan, labels, given = placed
    bright = replace(scan, pixels=np.where(scan.pixels == 80.0, np.float32(95.0), scan.pixels))
    found = quantify(bright, labels, given=given)
    rows = {row.method: row for row in found.methods}
    assert rows["fwhm_remote"].threshold == 70.0
    # 4 of 40 are 95: core scar from 90 on. Without them the median is of 36 times 20.
    assert found.remote.bright_percent == pytest.approx(10.0)
    assert (found.remote.median, found.remote.spread) == (20.0, 0.0)
    of_80 = quantify(scan, labels, given=given)  # core scar by 70 alone
    assert of_80.remote.bright_percent == 0.0


def test_core_scar_that_hangs_on_the_region_is_told(placed):
    scan, labels, given = placed
    half = (labels == Label.CORE_SCAR) & (np.indices(labels.shape)[1] % 2 == 0)
    dimmer = replace(scan, pixels=np.where(half, np.float32(80.0), scan.pixels))
    drawn = scan.grid.to_input(np.where(labels == Label.CORE_SCAR, 3, labels).astype(np.uint8))
    with_it, without = (
        measure_labels(dimmer, drawn, scar_method="remote", given=region)
        for region in (given, Given())
    )
    # 80 is core scar from 70, and grey zone below 90.
    assert with_it.features.grey_zone_volume_ml == 0.0
    assert without.features.grey_zone_volume_ml > 5.0
    told = "scar depends on the given remote region: by fwhm_remote it is"
    assert any(text.startswith(told) for text in with_it.warnings)
    assert not any(text.startswith(told) for text in without.warnings)


@pytest.mark.parametrize("pixel_mm", [1.0, 1.2, 1.5, 2.0])
def test_how_a_stack_lies_in_the_patient_moves_no_number_of_the_remote_region(shell, pixel_mm):
    def measured(given, *, rotation):
        scan, labels = shell(spacing_mm=(8.0, pixel_mm, pixel_mm), extent_deg=90, oblique=False)
        noise = np.random.default_rng(1).normal(0.0, 5.0, labels.shape).astype(np.float32)
        affine = scan.grid.affine.copy()
        affine[:3, :3] = rotation @ affine[:3, :3]
        grid = replace(scan.grid, affine=affine.astype(np.float32).astype(float))
        found = quantify(replace(scan, pixels=scan.pixels + noise, grid=grid), labels, given=given)
        scar_ml = [row.scar_volume_ml for row in found.methods if not row.note]
        return int(found.remote.mask.sum()), scar_ml

    # In the wall, 24 to 34 mm below the centre.
    _, labels = shell(spacing_mm=(8.0, pixel_mm, pixel_mm))
    middle = (labels.shape[1] // 2 + round(29.0 / pixel_mm), labels.shape[2] // 2)
    axes = Rotation.random(4, random_state=1).as_matrix()
    for given in (NOTHING, Given(remote_by_slice={3: middle, 4: middle})):
        voxels, scar_ml = measured(given, rotation=np.eye(3))
        for rotation in axes:
            turned_voxels, turned_ml = measured(given, rotation=rotation)
            assert turned_voxels == voxels
            assert turned_ml == pytest.approx(scar_ml, rel=1e-5)

"""Voxels without signal (NaN, padding, dead pixels): what fills them moves no number."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.labels import Label
from acsnet.measure import measure_labels
from acsnet.quantify.quantification import quantify
from acsnet.quantify.remote_myocardium import remote_region
from acsnet.quantify.scar import ScarThreshold, classify_enhancement, threshold_of_drawn
from acsnet.quantify.scar_methods import Wall, compare_methods

REMOTE = [*range(10, 31)]  # mean 20, SD sqrt(440 / 12), median 20, spread 1.4826 * 5


def row_of(*values, enhanced):
    """Signal, wall, enhancement and what has signal, of one row of voxels; None has no signal."""
    measured = np.array([value is not None for value in values])[None, None]
    signal = np.array([-500.0 if value is None else value for value in values])[None, None]
    wall = np.ones(signal.shape, bool)
    return signal, wall, (np.arange(signal.size) < enhanced)[None, None], measured


def test_enhancement_without_signal_is_grey_zone_and_moves_no_threshold():
    signal, wall, scar, measured = row_of(100, 60, None, 59, 10, 20, 30, None, enhanced=4)
    zones = classify_enhancement(signal, wall, scar, peak_percentile=100, measured=measured)
    # Remote: the median of 10, 20 and 30; threshold: half way from 20 to 100.
    assert (zones.threshold.remote, zones.threshold.value) == (20.0, 60.0)
    assert zones.core[0, 0].tolist() == [True, True] + [False] * 6
    assert zones.grey_zone[0, 0].tolist() == [False, False, True, True] + [False] * 4


def test_enhancement_without_any_signal_cannot_be_split():
    signal, wall, scar, measured = row_of(None, None, 10, 20, 30, enhanced=2)
    threshold = classify_enhancement(signal, wall, scar, measured=measured).threshold
    assert threshold.value is None
    assert threshold.warnings[0].startswith("the enhancement has no signal")
    labels = np.where(scar, Label.GREY_ZONE, Label.LV_MYOCARDIUM).astype(np.uint8)
    assert threshold_of_drawn(signal, labels, measured=measured) == threshold


@pytest.mark.parametrize("method", ["remote", "half_max"])
def test_enhancement_cannot_be_split_where_all_wall_outside_it_has_no_signal(method):
    signal, wall, scar, measured = row_of(100, 60, 10, None, None, enhanced=3)
    zones = classify_enhancement(
        signal, wall, scar, method=method, peak_percentile=100, measured=measured
    )
    # Half of the peak would be 50, as where there is no wall outside the scar.
    assert zones.threshold == ScarThreshold(
        method=method,
        peak=100.0,
        reason="the wall outside the scar has no signal",
    )
    assert not zones.core.any()
    row = row_of(100, 60, 10, enhanced=3)
    whole = classify_enhancement(*row[:3], peak_percentile=100, measured=row[3]).threshold
    assert (whole.method, whole.value) == ("half_max", 50.0)
    assert whole.warnings[0].startswith("the whole myocardium is enhanced")
    none = classify_enhancement(signal, wall, np.zeros_like(wall), measured=np.zeros_like(wall))
    assert none.threshold.warnings == ()


def by_method(signal, wall, scar, measured):
    """Method -> row, without obstruction."""
    region = remote_region(signal, wall, scar, (10.0, 10.0), voxel_ml=1.0, measured=measured)
    whole = Wall(
        intensity=signal,
        myocardium=wall,
        enhancement=scar,
        obstruction=np.zeros_like(wall),
        measured=measured,
        voxel_ml=1.0,
    )
    return {row.method: row for row in compare_methods(whole, core=None, remote=region)}


def test_wall_without_signal_is_no_scar_by_any_threshold_and_moves_none():
    values = [None, 100.0, 100.0, 40.0, *REMOTE, None, None, None]
    signal, wall, scar, measured = row_of(*values, enhanced=4)
    region = remote_region(signal, wall, scar, (10.0, 10.0), voxel_ml=1.0, measured=measured)
    assert region.mask.sum() == 21
    assert (region.mean, region.median) == (20.0, 20.0)
    assert region.sd == pytest.approx(np.sqrt(440 / 12))
    rows = by_method(signal, wall, scar, measured)
    assert rows["drawn"].scar_volume_ml == 4.0
    assert rows["drawn"].scar_burden_percent == pytest.approx(100 * 4 / 28)
    assert rows["sd2_mean"].threshold == pytest.approx(20 + 2 * np.sqrt(440 / 12))  # 32.1
    assert rows["sd2_mean"].scar_volume_ml == 3.0
    assert rows["sd4"].threshold == pytest.approx(20 + 4 * 7.413)  # 49.7
    assert rows["sd4"].scar_volume_ml == 2.0
    assert rows["fwhm_remote"].threshold == 60.0
    assert rows["fwhm_remote"].scar_volume_ml == 2.0
    assert 30.0 < rows["otsu"].threshold <= 100.0  # from -500 on, it would be below 10


def test_scar_without_signal_has_no_peak_and_no_second_class():
    signal, wall, scar, measured = row_of(None, None, *REMOTE, enhanced=2)
    rows = by_method(signal, wall, scar, measured)
    notes = {name: row.note for name, row in rows.items()}
    assert notes["otsu"] == "what was drawn as scar has no signal, so there are not two classes"
    assert notes["fwhm_remote"] == "what was drawn as scar has no signal, so there is no peak"


def test_wall_without_signal_outside_the_scar_is_told_from_wall_that_is_all_scar():
    signal, wall, scar, measured = row_of(100, 60, 10, None, None, enhanced=3)
    rows = by_method(signal, wall, scar, measured)
    for name in ("fwhm_remote", "fwhm_half_max"):
        assert rows[name].threshold is None
        assert rows[name].note.startswith("the wall outside the scar has no signal")


def test_a_dark_point_that_widens_the_remote_region_is_told():
    signal = np.random.default_rng(1).normal(100.0, 10.0, (1, 30, 30))
    wall, none = np.ones(signal.shape, bool), np.zeros(signal.shape, bool)

    def region():
        return remote_region(signal, wall, none, (1.0, 1.0), voxel_ml=0.01)

    assert region().doubts == ()
    signal[0, 15, 15] = 0.0
    # 784 voxels, as the border is left out: the variance is larger by 100 ** 2 / 784 = 13 of 100.
    assert (region().points, region().wider_percent) == (1, pytest.approx(6.0, abs=1.0))
    (note,) = region().doubts
    assert note.startswith("single bright or dark points in the remote region (1) make its")


@pytest.fixture
def unmeasured(shell):
    """A noisy shell with scar, and the same with a fill in some voxels of wall and scar."""
    scan, labels = shell(extent_deg=90)
    noise = np.random.default_rng(2).normal(0.0, 5.0, labels.shape)
    scan = replace(scan, pixels=(scan.pixels + noise).astype(np.float32))
    signal = np.ones(labels.shape, bool)
    for label in (Label.LV_MYOCARDIUM, Label.CORE_SCAR):
        signal[tuple(np.argwhere(labels == label)[::50].T)] = False

    def make(fill):
        pixels = np.where(signal, scan.pixels, np.float32(fill))
        return replace(scan, pixels=pixels, signal=signal)

    return make, labels


def test_what_fills_them_moves_no_measure(unmeasured):
    make, labels = unmeasured
    one, other = (quantify(make(fill), labels) for fill in (-20.0, -2000.0))
    assert one.features == other.features
    assert one.methods == other.methods
    assert one.texture == other.texture
    assert one.warnings == other.warnings
    for name in ("mean", "sd", "median", "spread", "bright_ml"):
        assert getattr(one.remote, name) == getattr(other.remote, name)


def test_what_fills_them_moves_no_split_of_a_drawn_scar(unmeasured):
    make, labels = unmeasured
    scan, other = make(-20.0), make(5000.0)
    drawn = scan.grid.to_input(np.where(labels == Label.CORE_SCAR, 3, labels).astype(np.uint8))
    split = measure_labels(scan, drawn, scar_method="remote")
    np.testing.assert_array_equal(
        split.labels, measure_labels(other, drawn, scar_method="remote").labels
    )
    assert (split.labels[~scan.signal & (labels == Label.CORE_SCAR)] == Label.GREY_ZONE).all()
    assert (
        split.features.enhancement_volume_ml
        == quantify(scan, labels).features.enhancement_volume_ml
    )

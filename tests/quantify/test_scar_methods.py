import tracemalloc

import numpy as np
import pytest
from skimage.filters import threshold_otsu

from acsnet.labels import Label
from acsnet.quantify.features import compute_features
from acsnet.quantify.remote_myocardium import RemoteRegion, given_region, remote_region
from acsnet.quantify.scar_methods import METHODS, MethodRow, Wall, compare_methods, region_doubt

# Twenty-one remote voxels 10, 20, 30: mean 20, SD sqrt(200 / 3) = 8.165, median 20.
REMOTE = [10.0, 20.0, 30.0] * 7
SD = np.sqrt(200 / 3)
# mean + n SD: 36.3, 44.5, 52.7, 60.8, 69.0.
ENHANCED = [100.0, 100.0, 100.0, 65.0, 58.0, 50.0, 40.0, 35.0]


def rows(enhanced, others, *, obstruction=0, core=None):
    values = np.array([*enhanced, *others], np.float32)[None, None]
    wall = np.ones(values.shape, bool)
    scar = (np.arange(values.size) < len(enhanced))[None, None]
    remote = RemoteRegion(
        mask=wall & ~scar,
        source="automatic",
        mean=float(np.mean(others)) if others else None,
        sd=float(np.std(others)) if others else None,
        median=float(np.median(others)) if others else None,
        spread=1.4826 * float(np.median(np.abs(others - np.median(others)))) if others else None,
    )
    dark = np.zeros_like(scar)
    dark[..., :obstruction] = True
    return by_method(values, scar, remote, obstruction=dark, core=core)


def by_method(signal, scar, remote, *, obstruction=None, core=None):
    """The rows of a wall that fills the image, in voxels of 1 ml."""
    wall = np.ones(signal.shape, bool)
    measured = Wall(
        intensity=signal,
        myocardium=wall,
        enhancement=scar,
        obstruction=np.zeros_like(wall) if obstruction is None else obstruction,
        measured=wall,
        voxel_ml=1.0,
    )
    return {row.method: row for row in compare_methods(measured, core=core, remote=remote)}


def test_every_method_has_a_row():
    assert tuple(rows(ENHANCED, REMOTE)) == METHODS


@pytest.mark.parametrize(("n", "voxels"), [(2, 7), (3, 6), (4, 5), (5, 4), (6, 3)])
def test_mean_plus_n_standard_deviations_by_hand(n, voxels):
    row = rows(ENHANCED, REMOTE)[f"sd{n}_mean"]
    assert row.threshold == pytest.approx(20 + n * SD)
    assert row.scar_volume_ml == voxels
    assert row.scar_mass_g == pytest.approx(1.05 * voxels)
    assert row.scar_burden_percent == pytest.approx(100 * voxels / 29)


@pytest.mark.parametrize(("n", "voxels"), [(2, 6), (3, 4), (4, 3), (5, 3), (6, 0)])
def test_median_plus_n_times_the_spread_by_hand(n, voxels):
    # Median 20; its absolute deviations are 10, 0, 10 ...: median 10, spread 14.826.
    row = rows(ENHANCED, REMOTE)[f"sd{n}"]
    assert row.threshold == pytest.approx(20 + n * 14.826)
    assert row.scar_volume_ml == voxels


def test_two_standard_deviations_have_a_core_from_three_and_the_others_none():
    found = rows(ENHANCED, REMOTE)
    two = found["sd2_mean"]
    assert (two.core_volume_ml, two.grey_zone_volume_ml) == (6.0, 1.0)
    assert (found["sd2"].core_volume_ml, found["sd2"].grey_zone_volume_ml) == (4.0, 2.0)
    for name in ("sd3", "sd3_mean"):
        assert found[name].core_volume_ml is found[name].grey_zone_volume_ml is None


def test_full_width_at_half_maximum_by_hand_in_both_readings():
    found = rows(ENHANCED, REMOTE)
    # Peak 100 (97th percentile, lower neighbour), remote median 20: 60, grey zone from 48.
    remote = found["fwhm_remote"]
    assert (remote.threshold, remote.scar_volume_ml) == (60.0, 4.0)
    assert (remote.core_volume_ml, remote.grey_zone_volume_ml) == (4.0, 2.0)
    # Half of 100, grey zone from 35.
    half = found["fwhm_half_max"]
    assert (half.threshold, half.scar_volume_ml, half.grey_zone_volume_ml) == (50.0, 6.0, 2.0)


def test_otsu_is_the_upper_edge_of_the_bin_of_scikit_image():
    row = rows(ENHANCED, REMOTE)["otsu"]
    values = np.array([*ENHANCED, *REMOTE], np.float32)
    edge = float(threshold_otsu(values)) + np.ptp(values) / 256 / 2
    assert row.threshold == pytest.approx(edge)
    assert row.scar_volume_ml == (values >= edge).sum()
    # Two kinds that nothing lies between are parted between them.
    far = rows([1e14 * value for value in ENHANCED], [1e14 * value for value in REMOTE])["otsu"]
    assert far.scar_volume_ml == row.scar_volume_ml

    plain = rows([100.0, 100.0], [10.0] * 20)["otsu"]
    assert 10 <= plain.threshold < 100
    assert plain.scar_volume_ml == 2.0


def test_the_drawn_enhancement_is_taken_with_its_core():
    core = np.zeros((1, 1, 29), bool)
    core[..., :4] = True
    row = rows(ENHANCED, REMOTE, core=core)["drawn"]
    assert (row.scar_volume_ml, row.core_volume_ml, row.grey_zone_volume_ml) == (8.0, 4.0, 4.0)
    assert rows(ENHANCED, REMOTE)["drawn"].core_volume_ml is None


def test_obstruction_is_neither_core_nor_grey_zone():
    """4 voxels of core scar, 2 of grey zone and 2 of obstruction, one of them bright."""
    labels = np.array([[[5, 5, *[4] * 4, *[3] * 2, *[2] * 21]]], np.uint8)
    features = compute_features(labels, 1.0)
    enhanced = [100.0, 5.0, *[100.0] * 4, *[40.0] * 2]
    found = rows(enhanced, REMOTE, obstruction=2, core=labels == Label.CORE_SCAR)
    drawn, two = found["drawn"], found["sd2_mean"]
    assert (drawn.core_volume_ml, drawn.grey_zone_volume_ml, drawn.scar_volume_ml) == (4, 2, 8)
    assert (features.core_scar_volume_ml, features.grey_zone_volume_ml) == (4, 2)
    assert (two.core_volume_ml, two.grey_zone_volume_ml, two.scar_volume_ml) == (4, 2, 8)


def test_obstruction_is_scar_by_every_method_though_it_is_dark():
    bright, found = rows(ENHANCED, REMOTE), rows([5.0, 5.0, *ENHANCED], REMOTE, obstruction=2)
    # Two of obstruction, and four of 60.8 and more.
    assert found["sd5_mean"].scar_volume_ml == 6.0
    assert found["sd2_mean"].core_volume_ml == 6.0
    for method in METHODS[:-1]:
        assert found[method].threshold == bright[method].threshold, method
        assert found[method].scar_volume_ml == bright[method].scar_volume_ml + 2.0, method
    # Otsu's threshold is of the whole wall, with what is dark.
    lit = sum(value >= found["otsu"].threshold for value in (*ENHANCED, *REMOTE))
    assert found["otsu"].scar_volume_ml == lit + 2.0


def test_scar_that_is_mostly_dark_obstruction_is_as_bright_as_the_rest_of_it():
    # The median of all eight voxels is 5, below the remote wall; of those beside obstruction 100.
    row = rows([5.0] * 5 + [100.0] * 3, REMOTE, obstruction=5)["sd5"]
    assert row.threshold == pytest.approx(20 + 5 * 14.826)
    assert row.scar_volume_ml == 8.0


def test_obstruction_alone_is_no_signal_of_scar_that_a_threshold_could_find():
    # 50 is brighter than the remote wall, 20: thresholds would be at noise.
    for others in (REMOTE, []):
        found = rows([50.0, 50.0], others, obstruction=2)
        assert found["drawn"].scar_volume_ml == 2.0
        words = "what was drawn as scar has signal in microvascular obstruction only, which is dark"
        for method in ("fwhm_half_max", "otsu", *(("fwhm_remote", "sd5") if others else ())):
            assert (found[method].scar_volume_ml, found[method].note) == (None, words), method


def test_without_scar_methods_that_take_it_for_granted_are_not_defined():
    found = rows([], REMOTE)
    assert found["drawn"].scar_volume_ml == 0.0
    assert found["sd2"].scar_volume_ml == 0.0
    for method in ("fwhm_remote", "fwhm_half_max", "otsu"):
        assert found[method].scar_volume_ml is None
        assert "no enhancement" in found[method].note


def test_a_wall_that_is_all_enhanced_says_why_and_not_what_was_never_done():
    """Core scar and grey zone are as drawn: nothing was split, at half of the maximum or not."""
    found = rows(ENHANCED, [])
    reason = "the whole myocardium is enhanced, so there is no remote intensity"
    assert (found["fwhm_remote"].threshold, found["fwhm_remote"].note) == (None, reason)
    assert found["fwhm_half_max"].threshold == 50.0  # of itself, not in place of another
    dark = rows([-100.0, -50.0], [])["fwhm_remote"]
    assert dark.note == reason


def test_half_of_a_peak_that_the_remote_wall_exceeds_is_no_threshold():
    found = rows([100.0] * 3, [60.0] * 20)
    assert found["fwhm_half_max"].scar_volume_ml is None
    assert "half of the peak (50) is not above the remote wall (60)" in found["fwhm_half_max"].note
    assert found["fwhm_remote"].threshold == 80.0


def test_negative_signal_leaves_out_half_of_the_maximum_alone():
    found = rows([100.0] * 3, [-20.0, -30.0, -10.0] * 7)
    assert "negative values" in found["fwhm_half_max"].note
    assert found["fwhm_remote"].threshold == 40.0


def test_the_remote_region_keeps_from_scar_and_from_the_border_of_the_wall():
    wall = np.zeros((2, 20, 30), bool)
    wall[:, 5:15] = True
    scar = np.zeros_like(wall)
    scar[0, 5:15, :5] = True
    signal = np.where(scar, 100.0, 20.0)
    region = remote_region(signal, wall, scar, (1.0, 1.0), voxel_ml=0.01)
    # Slice 0: columns from 10 (5 mm and more from column 4) to 28; slice 1: columns 1 to 28.
    assert np.flatnonzero(region.mask[0].any(axis=0)).tolist() == list(range(10, 29))
    assert np.flatnonzero(region.mask[1].any(axis=0)).tolist() == list(range(1, 29))
    assert np.flatnonzero(region.mask.any(axis=(0, 2))).tolist() == list(range(6, 14))
    assert (region.mean, region.sd, region.source) == (20.0, 0.0, "automatic")


def test_a_wall_with_hardly_any_remote_part_says_nothing_of_it():
    wall = np.ones((1, 6, 6), bool)
    scar = np.arange(36).reshape(1, 6, 6) < 30
    region = remote_region(np.ones(wall.shape), wall, scar, (1.0, 1.0), voxel_ml=0.01)
    assert (region.mean, region.mask.any()) == (None, False)


def test_what_is_as_bright_as_core_is_no_normal_wall_and_is_told():
    wall = np.ones((1, 20, 50), bool)
    signal = np.full(wall.shape, 20.0)
    signal[:, :, ::2] = 30.0
    signal[0, 5:9, 10:20] = 100.0  # 40 voxels of 0.05 ml, inside
    none = np.zeros_like(wall)
    region = remote_region(signal, wall, none, (1.0, 1.0), voxel_ml=0.05, core_from=60.0)
    # 18 x 48 voxels are not on the border.
    assert region.bright_percent == pytest.approx(100 * 40 / 864)
    assert region.bright_ml == pytest.approx(2.0)
    assert (region.median, region.spread) == (25.0, pytest.approx(1.4826 * 5.0))
    assert region.mean > 27.0
    (doubt,) = region.doubts
    assert doubt.startswith("5 % of the remote region, 2.0 ml in one piece, is as bright as core")
    signal[0, 12:14, 10:20] = 100.0  # 20 voxels elsewhere
    two = remote_region(signal, wall, none, (1.0, 1.0), voxel_ml=0.05, core_from=60.0)
    assert two.bright_percent == pytest.approx(100 * 60 / 864)
    assert two.bright_ml == pytest.approx(2.0)  # of the larger
    plain = remote_region(signal, wall, none, (1.0, 1.0), voxel_ml=0.05)
    assert (plain.bright_percent, plain.doubts) == (0.0, ())


def test_scar_that_is_darker_than_the_wall_is_found_by_no_threshold():
    found = rows([5.0, 6.0, 4.0], REMOTE)
    for method in METHODS[1:]:
        assert found[method].scar_volume_ml is None, method
    assert "(median 5) is not brighter than the remote wall (20)" in found["otsu"].note
    assert "not brighter" in found["sd5"].note


def test_a_few_bright_voxels_in_scar_that_is_darker_than_the_wall_are_no_peak():
    found = rows([5.0, 6.0, 4.0, 5.0, 100.0, 100.0], REMOTE)  # median 5.5, of the wall 20
    for method in METHODS[1:]:
        assert found[method].scar_volume_ml is None, method
    assert "(median 5.5) is not brighter than the remote wall (20)" in found["fwhm_remote"].note


def test_a_volume_that_hangs_on_the_region_given_is_told():
    def two(sd2, sd5):
        return (
            MethodRow(method="sd2", scar_volume_ml=sd2),
            MethodRow(method="sd5", scar_volume_ml=sd5),
        )

    assert region_doubt(two(10.0, 2.0), two(10.5, 2.15)) == ()
    (doubt,) = region_doubt(two(10.0, 2.0), two(10.5, 2.5))
    assert "by sd5 it is 2.0 ml with it, 2.5 ml without it" in doubt
    half = MethodRow(method="fwhm_remote", scar_volume_ml=36.1)
    (doubt,) = region_doubt((half,), (MethodRow(method="fwhm_remote", scar_volume_ml=30.2),))
    assert "by fwhm_remote it is 36.1 ml with it, 30.2 ml without it" in doubt


@pytest.mark.parametrize("method", ["fwhm_half_max", "sd5_mean", "otsu"])
def test_a_volume_by_no_stable_measure_of_the_region_raises_no_doubt_of_it(method):
    own, other = (MethodRow(method=method, scar_volume_ml=ml) for ml in (2.0, 10.0))
    assert region_doubt((own,), (other,)) == ()


def test_one_hot_voxel_does_not_move_the_threshold_of_otsu():
    rng = np.random.default_rng(4)
    signal = rng.normal(100.0, 10.0, (1, 40, 40))
    signal[0, 10:25, 10:25] += 150.0
    wall, scar = np.ones(signal.shape, bool), np.zeros(signal.shape, bool)
    scar[0, 10:25, 10:25] = True
    region = remote_region(signal, wall, scar, (1.0, 1.0), voxel_ml=0.01)
    volumes = []
    for hot in (False, True):
        signal[0, 35, 35] = 5000.0 if hot else 100.0
        volumes.append(by_method(signal, scar, region)["otsu"].scar_volume_ml)
    assert volumes == [225.0, 226.0]


def test_hot_voxels_in_scar_are_not_the_peak_of_fwhm():
    """Sixteen of 225 are more than the 3 % above the 97th percentile."""
    signal, scar = np.full((1, 40, 40), 20.0), np.zeros((1, 40, 40), bool)
    scar[0, 10:25, 10:25] = True
    signal[scar] = 100.0
    signal += np.random.default_rng(4).normal(0.0, 5.0, signal.shape)
    signal[0, 11:25:4, 11:25:4] = 5000.0
    region = remote_region(signal, np.ones_like(scar), scar, (1.0, 1.0), voxel_ml=1.0)
    row = by_method(signal, scar, region)["fwhm_remote"]
    assert row.scar_volume_ml == 225.0
    assert row.threshold < 100.0


def test_fwhm_counts_from_the_remote_region_that_was_given():
    signal, scar, given = np.full((1, 40, 40), 20.0), *np.zeros((2, 1, 40, 40), bool)
    signal[0, 20:] = 60.0  # most of the wall outside the scar
    scar[0, :4] = given[0, 10:16] = True
    signal[scar] = 120.0
    wall = np.ones_like(scar)
    of_given = given_region(signal, wall, given, voxel_ml=1.0)
    automatic = remote_region(signal, wall, scar, (1.0, 1.0), voxel_ml=1.0)
    assert by_method(signal, scar, of_given)["fwhm_remote"].threshold == 70.0
    assert by_method(signal, scar, automatic)["fwhm_remote"].threshold == 90.0


def wall_of(remote_signal):
    """A wall of one slice: scar of 200 in its upper rows, the given signal in the other 40 x 40."""
    values = np.full((1, 50, 40), 200.0, np.float32)
    values[0, 10:] = remote_signal
    scar = np.zeros(values.shape, bool)
    scar[0, :10] = True
    wall = np.ones(values.shape, bool)
    remote = remote_region(values, wall, scar, (10.0, 10.0), voxel_ml=1.0)
    return by_method(values, scar, remote)


@pytest.mark.parametrize("cut", [0.3, 0.6, 1.0])
def test_a_remote_wall_that_was_cut_off_below_gives_no_number_of_deviations(cut):
    signal = np.random.default_rng(3).normal(50.0, 10.0, (40, 40))
    rows_of = wall_of(np.maximum(signal, np.quantile(signal, cut)))
    for n in (2, 3, 4, 5, 6):
        for row in (rows_of[f"sd{n}"], rows_of[f"sd{n}_mean"]):
            assert row.threshold is row.scar_volume_ml is row.scar_burden_percent is None
            assert "% of the remote wall has one and the same signal" in row.note
    assert rows_of["drawn"].scar_burden_percent == pytest.approx(20.0)


def test_a_fifth_cut_off_below_leaves_the_robust_spread_as_it_was():
    signal = np.random.default_rng(3).normal(50.0, 10.0, (40, 40))
    whole, cut = wall_of(signal), wall_of(np.maximum(signal, np.quantile(signal, 0.2)))
    assert cut["sd5"].threshold == pytest.approx(whole["sd5"].threshold)
    assert cut["sd5"].threshold == pytest.approx(100.0, rel=0.05)


def test_a_small_remote_region_takes_little_memory_however_large_the_image():
    wall = np.zeros((4, 512, 512), bool)
    wall[1:3, 200:210, 300:310] = True  # 200 voxels
    signal = np.full(wall.shape, 50.0, np.float32)
    signal[1, 200:205, 300:310] = 60.0  # a quarter of them
    tracemalloc.start()
    region = given_region(signal, wall, wall, voxel_ml=0.01, core_from=60.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert region.mask.shape == wall.shape
    assert (region.mean, region.bright_percent) == (52.5, 25.0)
    assert region.bright_ml == pytest.approx(0.5)
    assert most < 4 * wall.size  # masks alone; numbers of parts and their counts take twelve

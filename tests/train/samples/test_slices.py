from dataclasses import replace

import numpy as np
import pytest

from acsnet.preprocess import standardise
from acsnet.train.data.lists import cases_of
from acsnet.train.samples.prepare import SampleMix, samples_of
from acsnet.train.samples.slices import (
    MYO_SCALE,
    SAMPLE_SIDE,
    NothingLeftError,
    as_lge,
    case_samples,
    cut,
    enhanced_share,
    stack_neighbours,
    standard_tissue,
    variant,
)


@pytest.fixture
def lge(data):
    return next(iter(cases_of(data, "emidec", ["Case_P001"])))


def test_a_cut_is_centred_and_zero_beyond_the_image():
    stack = np.ones((1, 10, 12), np.uint8)
    stack[0, 4, 7] = 9
    out = cut(stack, np.array([4.0, 7.0]))
    assert out.shape == (1, SAMPLE_SIDE, SAMPLE_SIDE)
    assert out[0, SAMPLE_SIDE // 2, SAMPLE_SIDE // 2] == 9
    assert int((out > 0).sum()) == 120


def test_the_expert_map_turns_and_scales_with_the_scan(lge):
    standard = standardise(lge.scan)
    tissue = standard_tissue(lge, standard)
    assert tissue.shape == standard.plain.shape
    # 2 mm pixels become 1.25 mm: the area of each tissue grows by (64 * 2 / 1.25 / 64)^2 = 2.54.
    side = standard.plain.shape[1]
    for value in range(1, 4):
        share = (tissue == value).sum() / (lge.tissue == value).sum()
        assert share == pytest.approx((side / 64) ** 2, rel=0.08)
    assert np.median(standard.plain[tissue == 3]) > np.median(standard.plain[tissue == 2]) + 0.4


def test_samples_are_centred_8_bit_slices_with_their_labels(lge):
    samples = case_samples(lge)
    (roi_images, roi_tissue), (myo_images, myo_tissue) = samples["roi"], samples["myo"]
    side = SAMPLE_SIDE
    assert roi_images.shape == (3, 1, side, side)
    assert myo_images.shape == (3, 2, side, side)
    assert roi_tissue.shape == myo_tissue.shape == (3, side, side)
    assert {a.dtype for a in (roi_images, roi_tissue, myo_images, myo_tissue)} == {np.dtype("u1")}
    for tissue in (roi_tissue, myo_tissue):
        centre = np.argwhere(tissue > 0).mean(axis=0)[1:]
        np.testing.assert_allclose(centre, side / 2, atol=1.0)
    # The 99th percentile inside the ventricle is 1, kept as MYO_SCALE.
    plain = myo_images[:, 1][myo_tissue > 0]
    assert np.percentile(plain, 99) == pytest.approx(MYO_SCALE, abs=2)
    assert plain.max() < 255


def test_slices_far_from_the_ventricle_train_the_roi_network_only(lge):
    assert len(lge.tissue) == 3
    stack = [np.concatenate([a, a]) for a in (lge.scan.pixels, lge.tissue)]
    stack[1][:5] = 0
    scan = replace(lge.scan, pixels=stack[0])
    samples = case_samples(replace(lge, scan=scan, tissue=stack[1]))
    (roi_images, roi_tissue), (myo_images, myo_tissue) = samples["roi"], samples["myo"]
    assert len(roi_images) == 6
    assert roi_tissue.any(axis=(1, 2)).tolist() == [False] * 5 + [True]
    assert len(myo_images) == 3
    assert myo_tissue.any(axis=(1, 2)).tolist() == [False, False, True]


def speck(lge, size):
    """A scan of 0.68 mm a pixel with a wall of so many pixels' side, in a slice of three."""
    pixels = np.random.default_rng(0).normal(100.0, 20.0, (3, 96, 96)).astype(np.float32)
    tissue = np.zeros(pixels.shape, np.uint8)
    tissue[1, 44 : 44 + size, 44 : 44 + size] = 2
    affine = np.diag([0.68, 0.68, 10.0, 1.0])
    grid = replace(lge.scan.grid, shape=(96, 96, 3), affine=affine)
    return replace(lge, scan=replace(lge.scan, pixels=pixels, grid=grid, name="dot"), tissue=tissue)


def test_a_ventricle_of_which_nothing_is_left_is_refused_by_name(lge):
    with pytest.raises(NothingLeftError, match=r"drawn on dot nothing is left in pixels of 1.25"):
        case_samples(speck(lge, 1))


def test_variants_that_lose_a_small_ventricle_are_passed_over(lge):
    mix = SampleMix(variants={"lge": 6})
    samples = samples_of((speck(lge, 2), 0), references=[], share=0.0, mix=mix)
    assert 1 < len(samples) < 6
    assert all(parts["myo"][1].any() for parts in samples)


def test_cine_alone_is_made_lge_like(data, lge):
    (cine,) = cases_of(data, "acdc", ["patient001_frame01"])
    rng = np.random.default_rng(0)
    references = [lge.scan.pixels]
    made = as_lge(cine, references, enhanced_share=1.0, rng=rng)
    assert made.source == "cine"
    scar = made.tissue == 3
    assert scar.any(axis=(1, 2)).all()
    assert (cine.tissue[scar] == 2).all()
    np.testing.assert_array_equal(made.tissue[~scar], cine.tissue[~scar])
    assert as_lge(lge, references, enhanced_share=1.0, rng=rng) is lge


def test_a_dark_wall_keeps_the_signal_of_cine_but_for_its_scar(data, lge):
    (cine,) = cases_of(data, "acdc", ["patient001_frame01"])
    options = {"enhanced_share": 1.0, "matched": False}
    made = as_lge(cine, [lge.scan.pixels], **options, rng=np.random.default_rng(0))
    wall = made.tissue == 2
    before, after = cine.scan.pixels[wall].mean(), made.scan.pixels[wall].mean()
    assert after == pytest.approx(before, rel=0.05)
    scar = made.tissue == 3
    assert made.scan.pixels[scar].mean() > 1.5 * cine.scan.pixels[scar].mean()


def test_every_other_variant_is_seen_in_another_field_of_view(lge):
    variants = [variant(lge, np.random.default_rng(seed)) for seed in range(40)]
    same = [v for v in variants if v.tissue is lge.tissue]
    assert 10 <= len(same) <= 30
    for changed in same:
        assert changed.scan.grid is lge.scan.grid
        assert changed.scan.pixels.shape == lge.scan.pixels.shape
    assert max(np.abs(v.scan.pixels - lge.scan.pixels).max() for v in same) > 0.1


def test_the_enhanced_share_counts_slices_with_a_wall(data):
    # Two patients with enhancement in two of three slices each.
    cases = list(cases_of(data, "emidec", ["Case_P001", "Case_P002"]))
    assert enhanced_share(cases) == pytest.approx(4 / 6)
    tissue = cases[0].tissue.copy()
    tissue[0] = 0  # no wall in it any more
    assert enhanced_share([replace(cases[0], tissue=tissue)]) == 1.0


def test_neighbours_stay_within_their_stack():
    pairs = stack_neighbours([3, 1, 2]).tolist()
    assert pairs == [[0, 1], [0, 2], [1, 2], [3, 3], [4, 5], [4, 5]]

import json

import numpy as np
import pytest

from acsnet.anatomy.checks import Limit, read_limits
from acsnet.anatomy.latent_prior import build_prior, load_prior, save_prior, typical_gap
from acsnet.errors import WeightsError
from acsnet.nets.architecture import AutoencoderConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import save_network

pytestmark = pytest.mark.slow

ROWS, COLUMNS = np.indices((128, 128)) - 63.5
DISTANCE = np.hypot(ROWS, COLUMNS)


def rings(codes):
    """Stands in for a decoder: outer radius 40 + code 0, thickness 12 + code 1; none below 0."""
    outer = 40 + codes[:, 0, None, None]
    inner = outer - 12 - codes[:, 1, None, None]
    return np.minimum(outer - DISTANCE, DISTANCE - inner).astype(np.float32)


@pytest.fixture(scope="module")
def experts():
    codes = np.random.default_rng(0).normal(0, 4, (60, 2)).astype(np.float32)
    codes[0] = 0, -12  # a wall without any thickness
    return codes, np.full(60, 0.8, np.float32)


def build(experts, **options):
    return build_prior(
        *experts, decode=rings, limits=read_limits(), **{"seed": 3, "samples": 50} | options
    )


@pytest.fixture(scope="module")
def small_prior(experts):
    return build(experts)


def test_a_prior_holds_valid_experts_first_and_then_as_many_samples_as_asked_for(
    experts, small_prior
):
    prior = small_prior
    assert len(prior.codes) == len(prior.scale_mm) == prior.experts + 50
    assert prior.experts <= 59
    assert not (prior.codes[: prior.experts] == experts[0][0]).all(axis=1).any()
    assert 0 < prior.acceptance <= 1
    thickness = 0.8 * (12 + prior.codes[:, 1])
    limit = read_limits()["thickness_min_mm"].low
    assert (thickness > limit - 0.8).all()  # what a pixel more or less makes


def test_the_same_seed_gives_the_same_prior_and_another_one_does_not(experts, small_prior):
    np.testing.assert_array_equal(build(experts).codes, small_prior.codes)
    assert not np.array_equal(build(experts, seed=4).codes, small_prior.codes)


def test_samples_that_are_never_valid_end_the_search(experts):
    def nothing(codes):
        return np.full((len(codes), 128, 128), -1, np.float32)

    with pytest.raises(WeightsError, match="only 0 of 5120 samples of the latent prior"):
        build_prior(*experts, decode=nothing, limits=read_limits(), seed=0)


def test_the_typical_gap_is_the_median_distance_to_the_nearest_other():
    codes = np.array([[0.0], [1.0], [3.0], [7.0]], np.float32)
    assert typical_gap(codes) == pytest.approx(1.5)  # of 1, 1, 2, 4


@pytest.fixture
def folder(tmp_path, small_prior):
    small = AutoencoderConfig(base_filters=2, depth=3, side=32, code=2)
    save_network(Autoencoder(small), "autoencoder", folder=tmp_path, about={})
    save_prior(small_prior, folder=tmp_path, about={"trained_on": "nothing"})
    return tmp_path


def test_a_prior_comes_back_as_it_was_saved(folder, small_prior):
    saved, loaded = small_prior, load_prior(read_limits(), folder=folder)
    np.testing.assert_array_equal(loaded.codes, saved.codes)
    np.testing.assert_array_equal(loaded.scale_mm, saved.scale_mm)
    for name in ("experts", "gap", "acceptance", "seed"):
        assert getattr(loaded, name) == pytest.approx(getattr(saved, name))
    assert loaded.limits == read_limits()


def test_a_prior_of_other_limits_is_refused_by_name(folder):
    limits = {**read_limits(), "holes": Limit(low=0, high=1)}
    with pytest.raises(WeightsError, match=r"other limits: holes \[0.0, 0.0\] instead of \[0, 1"):
        load_prior(limits, folder=folder)


def test_a_prior_of_another_autoencoder_is_refused(folder):
    other = AutoencoderConfig(base_filters=4, depth=3, side=32, code=2)
    save_network(Autoencoder(other), "autoencoder", folder=folder, about={})
    with pytest.raises(WeightsError, match="built with another autoencoder"):
        load_prior(read_limits(), folder=folder)


def test_an_altered_prior_is_refused(folder):
    path = folder / "prior.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="checksum differs"):
        load_prior(read_limits(), folder=folder)


def test_a_manifest_whose_prior_has_no_limits_is_refused(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["prior"]["limits"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="limits are missing or unknown"):
        load_prior(read_limits(), folder=folder)


def test_the_shipped_prior_is_that_of_the_shipped_limits_and_autoencoder():
    prior = load_prior(read_limits())
    assert len(prior.codes) == prior.experts + 10_000
    assert prior.codes.shape[1] == 16

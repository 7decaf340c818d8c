import numpy as np
import torch

from acsnet.nets.architecture import AutoencoderConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.inference import Form, load_codec
from acsnet.nets.openvino_autoencoder import FusedAutoencoder
from shared.network_arrays import weights_of

SMALL = AutoencoderConfig(base_filters=2, depth=3, side=16, code=4)


def pair():
    torch.manual_seed(0)
    network = Autoencoder(SMALL).eval()
    return network, FusedAutoencoder(weights_of(network))


def test_codes_and_scores_are_those_of_the_network():
    network, fused = pair()
    frames = np.random.default_rng(0).random((3, 16, 16), np.float32)
    codes = network.codes(frames)
    assert codes.std() > 1e-3
    np.testing.assert_allclose(fused.codes(frames), codes, atol=1e-5)
    np.testing.assert_allclose(fused.scores(codes), network.scores(codes), atol=1e-5)


def test_batches_of_any_size_may_follow_each_other():
    _, fused = pair()
    frames = np.random.default_rng(0).random((4, 16, 16), np.float32)
    whole = fused.codes(frames)
    np.testing.assert_allclose(fused.codes(frames[1:2]), whole[1:2], atol=1e-6)
    np.testing.assert_allclose(fused.codes(frames), whole, atol=1e-6)


def test_the_shipped_walls_are_decoded_alike():
    codes = np.random.default_rng(0).standard_normal((5, 16)).astype(np.float32)
    fast, plain = load_codec().scores(codes), load_codec(Form(reference=True)).scores(codes)
    assert np.mean((fast > 0) == (plain > 0)) > 0.9999

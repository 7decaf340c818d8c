import numpy as np
import pytest
import torch

from acsnet.nets.architecture import AutoencoderConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network, save_network

SMALL = AutoencoderConfig(base_filters=2, depth=3, side=32, code=4)


def test_it_has_the_layers_of_the_method():
    network = Autoencoder(AutoencoderConfig())
    down = [m for m in network.encoder if isinstance(m, torch.nn.Conv2d)]
    up = [m for m in network.decoder if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [m.out_channels for m in down] == [16, 32, 64, 128, 256, 512]
    assert [m.in_channels for m in up] == [512, 256, 128, 64, 32, 16]
    assert {m.stride for m in (*down, *up)} == {(2, 2)}
    assert {m.kernel_size for m in (*down, *up)} == {(3, 3)}
    dense = [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in dense] == [(2048, 16), (16, 2048)]


def test_codes_and_scores_have_their_shapes():
    network = Autoencoder(AutoencoderConfig()).eval()
    codes = network.codes(np.zeros((3, 128, 128), np.float32))
    assert codes.shape == (3, 16)
    assert network.scores(codes).shape == (3, 128, 128)


def test_scores_do_not_depend_on_the_company_in_a_batch():
    torch.manual_seed(0)
    network = Autoencoder(SMALL).eval()
    codes = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    together = network.scores(codes)
    alone = np.concatenate([network.scores(code[None]) for code in codes])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_saved_autoencoder_comes_back(tmp_path):
    network = Autoencoder(SMALL).eval()
    save_network(network, "autoencoder", folder=tmp_path, about={})
    loaded = load_network("autoencoder", Autoencoder, folder=tmp_path)
    assert loaded.config == SMALL
    frames = np.random.default_rng(0).random((2, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(
        loaded.codes(frames), network.codes(frames), atol=5e-3
    )  # half precision


def test_shipped_walls_survive_the_code(pipeline):
    """A plain ring, nobody's heart: Dice of what is left of it."""
    rows, columns = np.indices((128, 128)) - 63.5
    radius = np.hypot(rows, columns)
    ring = (radius < 43) & (radius > 28)
    network = pipeline.corrector.walk.autoencoder
    decoded = network.scores(network.codes(ring[None].astype(np.float32)))[0] > 0
    assert 2 * (decoded & ring).sum() / (decoded.sum() + ring.sum()) == pytest.approx(1, abs=0.05)

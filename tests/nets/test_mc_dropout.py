import threading

import pytest
import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.mc_dropout import ChannelDropout, with_dropout
from acsnet.nets.resunet import ResUNet
from acsnet.nets.view_averaging import view_probabilities

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(1)
    return ResUNet(ResUNetConfig(base_filters=4, outputs=2, depth=2, dropout=0.5)).eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand((2, 1, 16, 16), generator=torch.Generator().manual_seed(2))


def drawn(network, images):
    return torch.stack(list(view_probabilities(network, images)))


def test_channels_are_dropped_whole_and_the_others_scaled_up():
    dropout = ChannelDropout(0.25, torch.Generator().manual_seed(0))
    out = dropout(torch.ones(50, 40, 2, 2))
    assert out.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert torch.equal(out.amin(dim=(2, 3)), out.amax(dim=(2, 3)))
    assert float((out == 0).float().mean()) == pytest.approx(0.25, abs=0.03)


def test_one_seed_gives_the_same_passes_and_another_seed_others(network, images):
    first, again, other = (drawn(with_dropout(network, seed=s), images) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # The views differ by dropout, too, not only by how they lie.
    assert not torch.allclose(first[0], drawn(network, images)[0])


def test_the_network_itself_its_weights_and_the_global_draws_stay_as_they_are(network, images):
    before, state = drawn(network, images), torch.get_rng_state()
    dropping = with_dropout(network, seed=0)
    drawn(dropping, images)
    assert torch.equal(drawn(network, images), before)
    assert torch.equal(torch.get_rng_state(), state)
    assert not network.training
    own = {tensor.data_ptr() for tensor in network.parameters()}
    assert {tensor.data_ptr() for tensor in dropping.parameters()} == own


def test_passes_with_and_without_dropout_may_run_at_once(network, images):
    plain, dropped = drawn(network, images), drawn(with_dropout(network, seed=5), images)
    found = {}

    def work(name, one):
        found[name] = [drawn(one(), images) for _ in range(10)]

    jobs = {"plain": lambda: network, "dropped": lambda: with_dropout(network, seed=5)}
    threads = [threading.Thread(target=work, args=job) for job in jobs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, plain) for one in found["plain"])
    assert all(torch.equal(one, dropped) for one in found["dropped"])

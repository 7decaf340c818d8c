"""A wider network starts as the smaller one, and teaches it beside the labels."""

import pytest
import torch

import training.teaching as teaching
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from training.teaching import TaughtLoss, taught_batch, widened

SMALL = ResUNetConfig(base_filters=4, inputs=3, outputs=2, depth=2, dropout=0.1)


def small_network():
    """A small network with random weights and norms."""
    torch.manual_seed(5)
    network = ResUNet(SMALL)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2.0)
    return network.eval()


@pytest.mark.parametrize("filters", [4, 6, 8, 12])
def test_a_wider_network_says_the_same_before_it_is_trained(monkeypatch, filters):
    monkeypatch.setattr(teaching, "NOISE", 0.0)
    network = small_network()
    wider = widened(network, filters)
    images = torch.randn(2, 3, 16, 16)
    assert [p.shape[0] for p in wider.down[0].body[0].parameters()] == [filters, filters]
    with torch.no_grad():
        torch.testing.assert_close(wider(images), network(images), rtol=1e-4, atol=1e-4)


def test_copies_of_a_filter_differ_and_the_others_do_not():
    network = small_network()
    wider = widened(network, 6)
    second = wider.down[1].body[0].weight
    first, twin, single = second[:, 0], second[:, 4], second[:, 2]
    assert not torch.equal(first, twin)
    torch.testing.assert_close(single[:8], network.down[1].body[0].weight[:, 2])


def test_labels_come_first_and_the_teachers_probabilities_behind_them():
    def batch(images, tissue, generator):
        return images, tissue[:, None].repeat(1, 2, 1, 1)

    teacher = small_network()
    images, labels = torch.randn(2, 3, 16, 16), torch.ones(2, 16, 16)
    inputs, target = taught_batch(batch, teacher)(images, labels, torch.Generator())
    assert inputs is images
    assert target.shape == (2, 4, 16, 16)
    assert (target[:, :2] == 1.0).all()
    with torch.no_grad():
        expected = torch.sigmoid(teacher(images))
    assert (target[:, 2:] - expected).abs().mean() < 0.02


def test_a_teacher_of_half_costs_half_of_log_two_more_where_nothing_is_known():
    loss = TaughtLoss(fp=(1.0,), fn=(1.0,))
    logits = torch.zeros(1, 1, 4, 4)
    target = torch.cat([torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.5)], dim=1)
    # Labels without a region: half of ln 2. Teacher: ln 2. Half of both together.
    assert loss(logits, target).item() == pytest.approx(0.5 * (0.5 + 1.0) * 0.693147, abs=1e-5)

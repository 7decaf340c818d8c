import numpy as np
import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.torch_weights import weights_of
from acsnet.train.activation_ranges import LEAST, activation_ranges


def plain_network():
    """Its first block gives back the image, and between its convolutions nothing but zeros."""
    net = ResUNetConfig(base_filters=1, inputs=1, outputs=1, depth=1).build()
    with torch.no_grad():
        for norm in (net.down[0].body[2], net.down[0].body[5]):
            norm.weight.zero_()
            norm.bias.zero_()
    return weights_of(net.eval())


def image(low, high):
    seen = np.zeros((1, 8, 8), np.float32)
    seen[0, 2, 3:5] = low, high
    return seen


def test_a_range_is_the_mean_of_the_lowest_and_of_the_highest_in_each_image():
    seen = [image(-1.0, 3.0), image(-3.0, 5.0)]
    ranges = activation_ranges(plain_network(), seen, black_beyond=False)
    assert ranges["down.0.out"] == (-2.0, 4.0)
    assert ranges["down.0.mid"] == (0.0, LEAST)
    assert set(ranges) == {"down.0.mid", "down.0.out", "down.1.mid", "down.1.out", "up.0.mid"}


def test_zero_is_in_every_range():
    ranges = activation_ranges(plain_network(), [1.0 + image(0.0, 1.0)], black_beyond=False)
    assert ranges["down.0.out"] == (0.0, 2.0)

import numpy as np
import pytest

from acsnet.bench.convolutions import (
    levels_of,
    multiply_adds,
    peak_multiply_adds,
    plain_multiply_adds,
)
from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_graph import graph_of
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.resunet import ResUNet
from shared.network_arrays import weights_of

SMALL = ResUNetConfig(base_filters=2, outputs=1, inputs=3, depth=1)


def test_a_convolution_counts_its_weights_once_for_each_pixel_it_gives():
    image = op.parameter([2, 3, 8, 8], ov.Type.f32)
    weight = op.constant(np.ones((5, 3, 3, 3), np.float32))
    model = ov.Model([op.convolution(image, weight, [2, 2], [1, 1], [1, 1], [1, 1])], [image], "")
    assert multiply_adds(model) == 2 * (4 * 4) * (5 * 3 * 3 * 3)


def test_a_transposed_convolution_counts_them_for_each_pixel_it_takes():
    image = op.parameter([2, 3, 8, 8], ov.Type.f32)
    weight = op.constant(np.ones((3, 5, 4, 4), np.float32))
    step = op.convolution_backprop_data(
        image, weight, strides=[2, 2], pads_begin=[1, 1], pads_end=[1, 1]
    )
    assert multiply_adds(ov.Model([step], [image], "")) == 2 * (8 * 8) * (3 * 5 * 4 * 4)


def test_the_plain_network_by_hand():
    # Down: 3 -> 2 twice 3x3 and 1x1 on 16 x 16; 2 -> 4 on 8 x 8; up: 4 + 2 -> 2; head 2 -> 1.
    full = 9 * 3 * 2 + 9 * 2 * 2 + 3 * 2 + 9 * 6 * 2 + 9 * 2 * 2 + 6 * 2 + 2
    half = 9 * 2 * 4 + 9 * 4 * 4 + 2 * 4
    assert plain_multiply_adds(weights_of(ResUNet(SMALL)), side=16) == 2 * (256 * full + 64 * half)


def test_the_graph_makes_fewer_products_than_the_network_and_tells_where():
    network = weights_of(ResUNet(SMALL))
    model = graph_of(network, side=16, bfloat16=False)
    assert multiply_adds(model) < plain_multiply_adds(network, side=16)
    levels = levels_of(model, peak=1e9, bfloat16=False)
    assert [level.side for level in levels] == [16, 8]
    assert sum(level.multiply_adds for level in levels) == multiply_adds(model)
    assert all(level.seconds > 0 for level in levels)


@pytest.mark.parametrize(("bfloat16", "eight_bits"), [(False, False), (True, False), (False, True)])
def test_there_is_a_peak(bfloat16, eight_bits):
    assert peak_multiply_adds(bfloat16=bfloat16, eight_bits=eight_bits, runs=1) > 1e8

import pytest
import torch

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet


@pytest.mark.parametrize(("inputs", "outputs", "size"), [(1, 1, (48, 64)), (2, 2, (32, 32))])
def test_the_output_has_the_inputs_size(inputs, outputs, size):
    net = ResUNet(ResUNetConfig(base_filters=2, inputs=inputs, outputs=outputs)).eval()
    with torch.inference_mode():
        assert net(torch.zeros(3, inputs, *size)).shape == (3, outputs, *size)


def test_filters_double_at_each_of_four_levels():
    net = ResUNet(ResUNetConfig(base_filters=6, outputs=1))
    widths = [block.body[0].out_channels for block in net.down]
    assert widths == [6, 12, 24, 48, 96]
    assert net.config.stride == 16


def test_every_slice_is_judged_on_its_own():
    torch.manual_seed(0)
    net = ResUNet(ResUNetConfig(base_filters=2, outputs=1)).eval()
    batch = torch.rand(4, 1, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(net(batch)[2:3], net(batch[2:3]), atol=1e-5, rtol=1e-5)

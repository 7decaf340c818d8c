import pytest
import torch
from torch import nn

from acsnet.nets.view_averaging import mean_probability
from acsnet.nets.views import ALL_VIEWS, AS_IT_IS


class Corner(nn.Module):
    """Scores 0 everywhere but in the first row and column, where it is the image's value."""

    def forward(self, x):
        out = torch.zeros_like(x)
        out[..., 0, 0] = x[..., 0, 0]
        return out


def test_every_corner_counts_as_every_other():
    image = torch.zeros(1, 1, 3, 3)
    image[0, 0, 0, 2], image[0, 0, 2, 0] = 2.0, -1.0
    mean = mean_probability(Corner(), image)[0, 0]
    # Two of the eight views bring a corner to the first place; in the six others it scores 0.
    expected = torch.full((3, 3), 0.5)
    for at, value in (((0, 2), 2.0), ((2, 0), -1.0)):
        expected[at] = (2 * torch.sigmoid(torch.tensor(value)) + 6 * 0.5) / 8
    torch.testing.assert_close(mean, expected)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_mean_turns_with_the_image(turns, mirrored):
    torch.manual_seed(0)
    net, image = nn.Conv2d(2, 1, 3, padding=1), torch.rand(1, 2, 8, 8)

    def turned(x):
        x = torch.rot90(x, turns, (2, 3))
        return x.flip(3) if mirrored else x

    mean = mean_probability(net, image)
    torch.testing.assert_close(mean_probability(net, turned(image)), turned(mean))


def test_seen_as_it_is_it_is_the_sigmoid_of_the_scores():
    image = torch.rand(1, 1, 3, 3)
    once = mean_probability(Corner(), image, AS_IT_IS)
    torch.testing.assert_close(once, torch.sigmoid(Corner()(image)))
    assert len(set(ALL_VIEWS)) == 8

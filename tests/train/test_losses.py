import math

import pytest
import torch

from acsnet.train.losses import SMOOTH, balanced_cross_entropy, printed_loss, tversky

# Two pixels, probabilities 3/4 and 1/4 of the region; the first is inside it.
LOGITS = torch.tensor([math.log(3.0), -math.log(3.0)]).reshape(1, 1, 1, 2)
TARGET = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)


@pytest.mark.parametrize("beta", [0.4, 0.6])
def test_cross_entropy_weighs_positives_by_beta(beta):
    swapped = 1.0 - TARGET
    # log q = log 3/4 of the positive, log(1 - q) = log 3/4 of the negative.
    right = -(beta + (1 - beta)) * math.log(0.75) / 2
    assert float(balanced_cross_entropy(LOGITS, TARGET, beta=beta)) == pytest.approx(right)
    one_wrong = torch.tensor([1.0, 1.0]).reshape(1, 1, 1, 2)
    expected = -beta * (math.log(0.75) + math.log(0.25)) / 2
    assert float(balanced_cross_entropy(LOGITS, one_wrong, beta=beta)) == pytest.approx(expected)
    expected = -(beta + (1 - beta)) * math.log(0.25) / 2
    assert float(balanced_cross_entropy(LOGITS, swapped, beta=beta)) == pytest.approx(expected)


def test_cross_entropy_stays_finite_for_certain_and_wrong_pixels():
    sure = torch.full((1, 1, 1, 2), 200.0)
    # -log(1 - q) = 200 for the negative pixel, 0 for the positive one.
    assert float(balanced_cross_entropy(sure, TARGET, beta=0.6)) == pytest.approx(0.4 * 200 / 2)


@pytest.mark.parametrize("beta", [0.4, 0.6])
def test_tversky_is_as_printed_with_one_smoothing_pixel(beta):
    assert SMOOTH == 1.0
    # TP = 3/4, FP = 1/4, FN = 1/4: 2TP + beta/4 + (1 - beta)/4 = 1.75.
    assert float(tversky(LOGITS, TARGET, beta=beta)) == pytest.approx(1 - 2.5 / 2.75)


@pytest.mark.parametrize(("beta", "fp_weight", "fn_weight"), [(0.4, 0.4, 0.6), (0.6, 0.6, 0.4)])
def test_in_tversky_beta_weighs_false_positives(beta, fp_weight, fn_weight):
    all_on, all_off = torch.full((1, 1, 1, 2), 50.0), torch.full((1, 1, 1, 2), -50.0)
    # All on: TP = 1, FP = 1. All off: FN = 1.
    assert float(tversky(all_on, TARGET, beta=beta)) == pytest.approx(1 - 3 / (3 + fp_weight))
    assert float(tversky(all_off, TARGET, beta=beta)) == pytest.approx(1 - 1 / (1 + fn_weight))


def test_an_image_without_the_region_found_empty_costs_nothing_and_has_a_gradient():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    empty = torch.zeros(1, 1, 4, 4)
    assert float(tversky(torch.full((1, 1, 4, 4), -50.0), empty, beta=0.4)) == pytest.approx(0.0)
    tversky(logits, empty, beta=0.4).sum().backward()
    assert (logits.grad > 0).all()


def test_each_image_and_channel_has_its_own_terms():
    logits = torch.stack([LOGITS[0], -LOGITS[0]]).repeat(1, 2, 1, 1)
    target = TARGET.repeat(2, 2, 1, 1)
    loss = tversky(logits, target, beta=0.6)
    assert loss.shape == (2, 2)
    # The second image has TP = 1/4, FP = 3/4, FN = 3/4.
    expected = [1 - 2.5 / 2.75, 1 - 1.5 / (0.5 + 0.75 + 1)]
    for channel in range(2):
        assert loss[:, channel].tolist() == pytest.approx(expected)


def test_both_terms_count_equally_and_images_by_their_weight():
    logits, target = torch.cat([LOGITS, -LOGITS]), TARGET.repeat(2, 1, 1, 1)
    right = 0.5 * (-math.log(0.75) / 2 + 1 - 2.5 / 2.75)
    wrong = 0.5 * (-math.log(0.25) / 2 + 1 - 1.5 / 2.25)
    for weight, expected in (
        ([1.0, 0.0], right),
        ([0.0, 0.5], wrong),
        ([1.0, 0.5], (right + 0.5 * wrong) / 1.5),
    ):
        loss = printed_loss(logits, target, beta=0.6, weight=torch.tensor(weight))
        assert float(loss) == pytest.approx(expected)

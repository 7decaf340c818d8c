import math

import pytest
import torch

from acsnet.train.losses import (
    SMOOTH,
    PrintedLoss,
    SeparateLoss,
    cross_entropy,
    tversky,
    weighted_mean,
)

# Two pixels, probabilities 3/4 and 1/4 of the region; the first is inside it.
LOGITS = torch.tensor([math.log(3.0), -math.log(3.0)]).reshape(1, 1, 1, 2)
TARGET = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
ALL_ON, ALL_OFF = torch.full((1, 1, 1, 2), 50.0), torch.full((1, 1, 1, 2), -50.0)


def tensor(value):
    return torch.tensor([value])


def test_cross_entropy_weighs_positive_and_negative_pixels():
    loss = cross_entropy(LOGITS, TARGET, positive=tensor(0.6), negative=tensor(0.4))
    # log q = log 3/4 of the positive, log(1 - q) = log 3/4 of the negative.
    assert float(loss) == pytest.approx(-(0.6 + 0.4) * math.log(0.75) / 2)
    both = torch.ones(1, 1, 1, 2)
    loss = cross_entropy(LOGITS, both, positive=tensor(0.6), negative=tensor(0.4))
    assert float(loss) == pytest.approx(-0.6 * (math.log(0.75) + math.log(0.25)) / 2)


def test_cross_entropy_stays_finite_for_certain_and_wrong_pixels():
    sure = torch.full((1, 1, 1, 2), 200.0)
    loss = cross_entropy(sure, TARGET, positive=tensor(0.6), negative=tensor(0.4))
    # -log(1 - q) = 200 for the negative pixel, 0 for the positive one.
    assert float(loss) == pytest.approx(0.4 * 200 / 2)


def test_tversky_counts_soft_pixels_with_one_smoothing_pixel():
    assert SMOOTH == 1.0
    # TP = 3/4, FP = 1/4, FN = 1/4: 1.5 + 0.4/4 + 0.6/4 = 1.75.
    loss = tversky(LOGITS, TARGET, fp=tensor(0.4), fn=tensor(0.6))
    assert float(loss) == pytest.approx(1 - 2.5 / 2.75)


def test_tversky_at_one_and_one_is_dice():
    # Dice = 2 * 3/4 / (2 * 3/4 + 1/4 + 1/4) = 1.5 / 2, each with the smoothing pixel.
    loss = tversky(LOGITS, TARGET, fp=tensor(1.0), fn=tensor(1.0))
    assert float(loss) == pytest.approx(1 - 2.5 / 3.0)


@pytest.mark.parametrize("beta", [0.4, 0.6])
def test_the_printed_beta_weighs_positives_in_one_term_and_false_positives_in_the_other(beta):
    on, off = (float(PrintedLoss(beta=beta)(x, TARGET)) for x in (ALL_ON, ALL_OFF))
    # All on: TP = 1, FP = 1, cross-entropy (1 - beta) 50 / 2. All off: FN = 1, beta 50 / 2.
    assert on == pytest.approx(0.5 * ((1 - beta) * 25 + 1 - 3 / (3 + beta)))
    assert off == pytest.approx(0.5 * (beta * 25 + 1 - 1 / (1 + 1 - beta)))


def test_the_separate_weights_pull_both_terms_the_same_way():
    loss = SeparateLoss(fp=(0.8,), fn=(1.2,))
    on, off = (float(loss(x, TARGET)) for x in (ALL_ON, ALL_OFF))
    assert on == pytest.approx(0.5 * (0.8 * 25 + 1 - 3 / 3.8))
    assert off == pytest.approx(0.5 * (1.2 * 25 + 1 - 1 / 2.2))


def test_each_channel_has_its_own_separate_weights():
    loss = SeparateLoss(fp=(1.0, 0.0), fn=(1.0, 1.0))
    each = loss(ALL_ON.repeat(1, 2, 1, 1), TARGET.repeat(1, 2, 1, 1))
    assert each.shape == (1, 2)
    assert float(each[0, 0]) == pytest.approx(0.5 * (25 + 1 - 3 / 4))
    assert float(each[0, 1]) == pytest.approx(0.0, abs=1e-6)


def test_an_image_without_the_region_has_no_separate_tversky_term_but_a_gradient():
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    empty = torch.zeros(1, 1, 4, 4)
    loss = SeparateLoss(fp=(1.0,), fn=(1.0,))(logits, empty)
    assert float(loss.detach()) == pytest.approx(0.5 * math.log(2))
    loss.sum().backward()
    assert (logits.grad > 0).all()


def test_an_image_without_the_region_found_empty_costs_nothing():
    empty = torch.zeros(1, 1, 4, 4)
    silent = torch.full((1, 1, 4, 4), -50.0)
    for loss in (PrintedLoss(beta=0.4), SeparateLoss(fp=(1.0,), fn=(1.0,))):
        assert float(loss(silent, empty)) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("weight", "expected"), [([1.0, 0.0], 0.3), ([0.0, 0.5], 0.9), ([1.0, 0.5], 0.5)]
)
def test_images_count_by_their_weight(weight, expected):
    loss = torch.tensor([[0.2, 0.4], [0.8, 1.0]])
    assert float(weighted_mean(loss, torch.tensor(weight))) == pytest.approx(expected)

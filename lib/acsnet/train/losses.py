"""The loss of the paper, "Training and evaluation", as printed, and one with separate weights.

Both are equal parts of a cross-entropy (mean of the pixels) and a Tversky term (of the image). As
printed, `beta` weighs positives in the first but false positives in the second, so that the two
pull opposite ways, and the second at beta = 0.5 is not Dice. The separate version (not from the
paper) says what a false positive and a false negative cost, once for both terms; at (1, 1) its
second term is Dice.

The recipes have separate weights. The printed loss stays for comparison: `benchmarks/ablation.py`
says what it is worth. With it at beta = 0.6 the ROI was too large in all of six EMIDEC patients
left out of training, by 11 to 49 % of its volume; separate weights and more epochs brought that to
between -10 and +7 %.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Pixels added above and below the Tversky fraction: an image without the region has a gradient."""


def cross_entropy(logits: Tensor, target: Tensor, *, positive: Tensor, negative: Tensor) -> Tensor:
    """-(positive p log q + negative (1 - p) log(1 - q)), image mean; (n, c, h, w) -> (n, c).

    positive, negative: (c,) weights.
    """
    inside = -(functional.logsigmoid(logits) * target).mean(dim=(2, 3))
    outside = -(functional.logsigmoid(-logits) * (1.0 - target)).mean(dim=(2, 3))
    return positive * inside + negative * outside


def tversky(logits: Tensor, target: Tensor, *, fp: Tensor, fn: Tensor) -> Tensor:
    """1 - (2TP + s) / (2TP + fp FP + fn FN + s), s = SMOOTH; (n, c, h, w) -> (n, c).

    fp, fn: (c,) weights of false positives and false negatives.
    """
    probability = torch.sigmoid(logits)
    tp = (probability * target).sum(dim=(2, 3))
    positives = (probability * (1.0 - target)).sum(dim=(2, 3))
    negatives = ((1.0 - probability) * target).sum(dim=(2, 3))
    return 1.0 - (2.0 * tp + SMOOTH) / (2.0 * tp + fp * positives + fn * negatives + SMOOTH)


@dataclass(frozen=True, kw_only=True)
class PrintedLoss:
    """The paper's formula: one `beta` for all channels."""

    beta: float

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """(n, c, h, w) twice -> (n, c)."""
        beta = logits.new_tensor(self.beta)
        pixels = cross_entropy(logits, target, positive=beta, negative=1.0 - beta)
        return 0.5 * (pixels + tversky(logits, target, fp=beta, fn=1.0 - beta))


@dataclass(frozen=True, kw_only=True)
class SeparateLoss:
    """Ours: weights of false positives and false negatives, one of each a channel.

    An image without the region has no Tversky term: a single false pixel would cost it as much as
    a missed region, which teaches the network to stay silent.
    """

    fp: tuple[float, ...]
    fn: tuple[float, ...]

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """(n, c, h, w) twice -> (n, c)."""
        fp, fn = logits.new_tensor(self.fp), logits.new_tensor(self.fn)
        pixels = cross_entropy(logits, target, positive=fn, negative=fp)
        drawn = target.amax(dim=(2, 3)) > 0
        return 0.5 * (pixels + drawn * tversky(logits, target, fp=fp, fn=fn))


def weighted_mean(loss: Tensor, weight: Tensor) -> Tensor:
    """(n, c) losses -> mean over channels and over images by `weight` (n,)."""
    return (loss.mean(dim=1) * weight).sum() / weight.sum()

"""The loss of the paper, "Training and evaluation", as printed there.

`beta` weighs positives in the cross-entropy but false positives in the Tversky term, so that the
two parts pull opposite ways; and the Tversky term at beta = 0.5 is not Dice. Kept as printed.
"""

import torch
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0
"""Pixels added above and below the Tversky fraction: an image without the region has a gradient."""


def balanced_cross_entropy(logits: Tensor, target: Tensor, *, beta: float) -> Tensor:
    """-(beta p log q + (1 - beta)(1 - p) log(1 - q)), image mean; (n, c, h, w) -> (n, c)."""
    positive = functional.logsigmoid(logits) * target
    negative = functional.logsigmoid(-logits) * (1.0 - target)
    return -(beta * positive + (1.0 - beta) * negative).mean(dim=(2, 3))


def tversky(logits: Tensor, target: Tensor, *, beta: float) -> Tensor:
    """1 - (2TP + s) / (2TP + beta FP + (1 - beta) FN + s), s = SMOOTH; (n, c, h, w) -> (n, c)."""
    probability = torch.sigmoid(logits)
    tp = (probability * target).sum(dim=(2, 3))
    fp = (probability * (1.0 - target)).sum(dim=(2, 3))
    fn = ((1.0 - probability) * target).sum(dim=(2, 3))
    return 1.0 - (2.0 * tp + SMOOTH) / (2.0 * tp + beta * fp + (1.0 - beta) * fn + SMOOTH)


def printed_loss(logits: Tensor, target: Tensor, *, beta: float, weight: Tensor) -> Tensor:
    """Equal parts of both terms, averaged over channels and over images by `weight` (n,)."""
    parts = balanced_cross_entropy(logits, target, beta=beta) + tversky(logits, target, beta=beta)
    each = 0.5 * parts.mean(dim=1)
    return (each * weight).sum() / weight.sum()

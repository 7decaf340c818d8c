"""What a wider network is, and how it teaches a smaller one.

The wider one starts as the smaller one, with some of its filters twice (Chen et al., Net2Net, ICLR
2016, arXiv:1511.05641): until it is trained, it says the same. The smaller one is taught by the
labels and by the probabilities of the wider one together (Hinton et al. 2015, arXiv:1503.02531).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from acsnet.nets.resunet import ResidualBlock, ResUNet
from acsnet.train.losses import SeparateLoss

Batch = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]

NOISE = 0.02
"""Of the weights' own spread: two copies of a filter have to differ, to learn different things."""


def widened(network: ResUNet, base_filters: int) -> ResUNet:
    """The same function with more filters, and `NOISE` of the weights where filters are twice."""
    config = replace(network.config, base_filters=base_filters)
    wider = ResUNet(config)
    levels = range(config.depth + 1)
    copies = [_copies(network.config.base_filters * 2**k, base_filters * 2**k) for k in levels]
    own = torch.arange(config.inputs)
    for k, (before, after) in enumerate(zip(*_blocks(network.down, wider.down), strict=True)):
        _widen_block(before, after, copies[k - 1] if k else own, copies[k])
    for block, (before, after) in enumerate(zip(*_blocks(network.up, wider.up), strict=True)):
        here, below = config.depth - 1 - block, config.depth - block
        skipped = copies[here] + network.config.base_filters * 2**below
        _widen_block(before, after, torch.cat([copies[below], skipped]), copies[here])
    _widen(network.head, wider.head, copies[0], torch.arange(config.outputs))
    return wider.eval()


def _blocks(*parts: nn.ModuleList) -> list[list[ResidualBlock]]:
    return [[cast(ResidualBlock, block) for block in part] for part in parts]


def _copies(before: int, after: int) -> Tensor:
    """(after,) which filter each one is: all of them, and from the first on again."""
    return torch.arange(after) % before


def _widen_block(
    before: ResidualBlock, after: ResidualBlock, inputs: Tensor, outputs: Tensor
) -> None:
    sources = [inputs, outputs]
    convolutions = 0
    for old, new in zip(before.body, after.body, strict=True):
        if isinstance(old, nn.Conv2d):
            _widen(old, cast(nn.Conv2d, new), sources[convolutions], outputs)
            convolutions += 1
        elif isinstance(old, nn.BatchNorm2d):
            norms = old.state_dict().items()
            new.load_state_dict({k: v[outputs] if v.ndim else v for k, v in norms})
    if isinstance(before.project, nn.Conv2d):
        _widen(before.project, cast(nn.Conv2d, after.project), inputs, outputs)


def _widen(old: nn.Conv2d, new: nn.Conv2d, inputs: Tensor, outputs: Tensor) -> None:
    """Copies of inputs share their weight between them."""
    share = 1.0 / torch.bincount(inputs)[inputs]
    with torch.no_grad():
        weight = old.weight[outputs][:, inputs] * share[:, None, None]
        twice = (torch.bincount(inputs)[inputs] > 1)[:, None, None]
        new.weight.copy_(weight + NOISE * weight.std() * torch.randn_like(weight) * twice)
        cast(Tensor, new.bias).copy_(cast(Tensor, old.bias)[outputs])


def taught_batch(make_batch: Batch, teacher: ResUNet) -> Batch:
    """The batch with the probabilities of the teacher behind the labels, (n, 2 c, side, side)."""
    teacher = teacher.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def batch(images: Tensor, tissue: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        inputs, labels = make_batch(images, tissue, generator)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            logits = teacher(inputs.contiguous(memory_format=torch.channels_last))
        return inputs, torch.cat([labels, torch.sigmoid(logits.float())], dim=1)

    return batch


@dataclass(frozen=True, kw_only=True)
class TaughtLoss(SeparateLoss):
    """Half the loss of the labels, half the cross-entropy to the probabilities of a teacher."""

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (n, c, h, w), labels and probabilities (n, 2 c, h, w) -> (n, c)."""
        labels, taught = target.chunk(2, dim=1)
        pixels = functional.binary_cross_entropy_with_logits(logits, taught, reduction="none")
        return 0.5 * (super().__call__(logits, labels) + pixels.mean(dim=(2, 3)))

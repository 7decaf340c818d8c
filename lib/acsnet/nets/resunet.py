"""Residual U-Net of both segmentation stages.

Paper, "Multi-network design" and its Figure 4: depth 4; on each level twice (3x3 convolution, ReLU,
batch norm) with a residual, 2x2 max pooling, 20 % dropout; nearest-neighbour upsampling. Not from
the paper, which does not print it: the number of filters, `base_filters`, doubling per level.
"""

import torch
from torch import Tensor, nn

from acsnet.nets.architecture import ResUNetConfig


class ResidualBlock(nn.Module):
    """Two times (3x3 convolution, ReLU, batch norm), added to a 1x1 projection of the input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(outputs),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(outputs),
        )
        self.project = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        out: Tensor = self.body(x) + self.project(x)
        return out


class ResUNet(nn.Module):
    """(N, inputs, H, W) -> logits (N, outputs, H, W); H and W are multiples of `config.stride`."""

    Config = ResUNetConfig

    def __init__(self, config: ResUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base_filters * 2**level for level in range(config.depth + 1)]
        self.down = nn.ModuleList(
            ResidualBlock(before, after)
            for before, after in zip([config.inputs, *widths[:-1]], widths, strict=False)
        )
        self.up = nn.ModuleList(
            ResidualBlock(below + here, here)
            for here, below in zip(widths[-2::-1], widths[:0:-1], strict=True)
        )
        self.pool = nn.Sequential(nn.MaxPool2d(2), nn.Dropout2d(config.dropout))
        self.upsample = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Conv2d(widths[0], config.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits; a sigmoid turns each output channel into a probability."""
        skips: list[Tensor] = []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.down[-1](x)
        for block in self.up:
            x = block(torch.cat([self.upsample(x), skips.pop()], dim=1))
        logits: Tensor = self.head(x)
        return logits

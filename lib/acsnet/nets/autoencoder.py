"""Autoencoder of wall masks: 128 x 128 to a code of 16 numbers and back.

Paper, "Stage 3" and its Figure 5: six strided 3x3 convolutions, two dense layers, six transposed
convolutions, leaky ReLU; channels double from 16. Its "2048" is read as the flattened 2 x 2 x 512.
Not from the paper: code and output have no activation; codes may be negative, output is a score.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from acsnet.nets.architecture import AutoencoderConfig


class Autoencoder(nn.Module):
    """Masks (N, 1, side, side) in [0, 1] -> scores of the same shape, by way of (N, code)."""

    Config = AutoencoderConfig

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.base_filters * 2**level for level in range(config.depth)]
        smallest = config.smallest
        flat = widths[-1] * smallest**2
        down: list[nn.Module] = []
        for before, after in zip([1, *widths[:-1]], widths, strict=True):
            down += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(config.slope)]
        self.encoder = nn.Sequential(*down, nn.Flatten(), nn.Linear(flat, config.code))
        up: list[nn.Module] = []
        for before, after in zip(widths[::-1], [*widths[-2::-1], 1], strict=True):
            up += [
                nn.LeakyReLU(config.slope),
                nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1),
            ]
        self.decoder = nn.Sequential(
            nn.Linear(config.code, flat), nn.Unflatten(1, (widths[-1], smallest, smallest)), *up
        )

    def encode(self, masks: Tensor) -> Tensor:
        """(N, 1, side, side) -> codes (N, code)."""
        codes: Tensor = self.encoder(masks)
        return codes

    def decode(self, codes: Tensor) -> Tensor:
        """(N, code) -> scores (N, 1, side, side); wall where above 0."""
        scores: Tensor = self.decoder(codes)
        return scores

    def forward(self, x: Tensor) -> Tensor:
        """Reconstruction: scores of the masks, from their codes."""
        return self.decode(self.encode(x))

    @torch.inference_mode()
    def codes(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, side, side) shares of wall in [0, 1] -> codes (n, code)."""
        out: NDArray[np.float32] = self.encode(self._here(frames)[:, None]).float().cpu().numpy()
        return out

    @torch.inference_mode()
    def scores(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, code) -> scores (n, side, side); wall where above 0."""
        out: NDArray[np.float32] = self.decode(self._here(codes))[:, 0].float().cpu().numpy()
        return out

    def _here(self, array: NDArray[np.float32]) -> Tensor:
        device = next(self.parameters()).device
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)

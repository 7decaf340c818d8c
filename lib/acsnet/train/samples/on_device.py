"""Training samples in the memory of the GPU, where batches are gathered without transfers.

A GPU holds all samples of a network, some 2 GB, from the first batch to the last. On the processor
the same code shares memory with the arrays that were loaded.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from acsnet.train.samples.slices import Samples


@dataclass(frozen=True, kw_only=True)
class DeviceSamples:
    """`Samples` as tensors of one device: images, tissue, source and neighbours, as there."""

    images: Tensor
    tissue: Tensor
    source: Tensor
    neighbours: Tensor

    def batch(self, index: Tensor, *, neighbours: bool) -> tuple[Tensor, Tensor]:
        """(k,) indices -> images (k, channel, s, s), single precision, and tissue (k, s, s).

        neighbours: with the slices below and above as further channels, in that order.
        """
        if not neighbours:
            return self.images[index].float(), self.tissue[index]
        below, above = self.neighbours[index].T
        images = torch.cat([self.images[k] for k in (index, below, above)], dim=1)
        return images.float(), self.tissue[index]


def on_device(samples: Samples, device: str) -> DeviceSamples:
    """All samples on "cpu" or "cuda:<index>"."""
    return DeviceSamples(
        images=torch.from_numpy(samples.images).to(device),
        tissue=torch.from_numpy(samples.tissue).to(device),
        source=torch.from_numpy(samples.source).to(device).long(),
        neighbours=torch.from_numpy(samples.neighbours).to(device).long(),
    )

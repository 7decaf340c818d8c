"""Architectures of the networks, as they are stored beside their weights."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ResUNetConfig:
    """Residual U-Net of stages 1 and 2; see `acsnet.nets.resunet`."""

    base_filters: int
    outputs: int
    inputs: int = 1
    depth: int = 4
    dropout: float = 0.2

    @property
    def stride(self) -> int:
        """Rows and columns of an input must be multiples of this."""
        return int(2**self.depth)


@dataclass(frozen=True, kw_only=True)
class AutoencoderConfig:
    """Autoencoder of stage 3; see `acsnet.nets.autoencoder`."""

    base_filters: int = 16
    depth: int = 6
    side: int = 128
    code: int = 16
    slope: float = 0.1

    @property
    def smallest(self) -> int:
        """Rows and columns between the convolutions and the dense layers."""
        return self.side // 2**self.depth


CONFIGS: dict[str, type[ResUNetConfig] | type[AutoencoderConfig]] = {
    "roi": ResUNetConfig,
    "myo": ResUNetConfig,
    "autoencoder": AutoencoderConfig,
}
"""The networks of the method by name, in the order of their stages."""

"""The networks of the three stages, ready for inference, in the form that suits the device.

On a CPU by OpenVINO, which needs no PyTorch; on a GPU by PyTorch in half precision. The reference
that both are measured against is PyTorch in single precision (`benchmarks/fast_path.py`).
"""

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import DeviceError, how_to_install
from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.nets.openvino_autoencoder import FusedAutoencoder
from acsnet.nets.openvino_network import FusedNetwork
from acsnet.nets.views import ViewRule
from acsnet.nets.weights import SHIPPED, read_manifest, read_ranges, read_weights, unfit

VIEW_RULES = {"roi": ViewRule(limit=0.15), "myo": ViewRule(limit=0.08)}
"""In how many views each network draws a slice. Not from the paper.

By six EMIDEC patients left out of training (`benchmarks/views.py`, docs/performance.md): the
ROI's centre moves by a pixel at most. Walls and enhancement of the MYO network are as near to the
expert's as with all views in four, too, but the burden of a patient moves four times as far.
"""

BLACK_EDGES = frozenset({"myo"})
"""Networks whose images may have black edges that are left out; in stage 1 the scan ends there."""

OF_SHAPES = "While validating node"
"""What OpenVINO says where shapes do not go together, of all that it raises as RuntimeError."""

_GPU = re.compile(r"cuda(?::(\d+))?")


@dataclass(frozen=True, kw_only=True)
class Form:
    """Which form of the networks, and of which weights folder.

    device: "cpu", "cuda" or "cuda:<index>"; threads: on a CPU, None for all cores; reference: plain
    PyTorch in single precision, all views of every slice with their edges, as the networks were
    trained. Raises DeviceError for another device, for a GPU that torch does not find, and for
    what `check_torch` refuses.
    """

    folder: Path = SHIPPED
    device: str = "cpu"
    threads: int | None = None
    reference: bool = False

    def __post_init__(self) -> None:
        if self.reference:
            check_torch("the reference")
        if self.device == "cpu":
            return
        named = _GPU.fullmatch(self.device)
        if named is None:
            msg = f"device must be cpu or cuda, got {self.device!r}"
            raise DeviceError(msg)
        check_torch(f"device {self.device}")
        from acsnet.nets.torch_network import gpu_count

        if int(named[1] or 0) >= (count := gpu_count()):
            msg = f"device {self.device} was asked for, but torch finds {count} GPUs, from cuda:0"
            raise DeviceError(msg)

    @property
    def without_torch(self) -> bool:
        """Whether OpenVINO runs it."""
        return self.device == "cpu" and not self.reference


def check_torch(what: str) -> None:
    """Raise DeviceError for what cannot be done without PyTorch where that is not installed."""
    if importlib.util.find_spec("torch") is None:
        msg = f"{what} needs PyTorch, which is not installed: {how_to_install('train')}"
        raise DeviceError(msg)


SHIPPED_FORM = Form()


class InferenceNetwork(Protocol):
    """A network of stage 1 or 2, ready for inference."""

    @property
    def config(self) -> ResUNetConfig:
        """Inputs, outputs and stride of the network."""
        ...

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views."""
        ...

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> for each view a sample (N, outputs, S, S) by dropout."""
        ...


class WallCodec(Protocol):
    """The autoencoder of stage 3, ready for inference."""

    def codes(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, side, side) shares of wall in [0, 1] -> codes (n, code)."""
        ...

    def scores(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, code) -> scores (n, side, side); wall where above 0."""
        ...


def load_segmenter(name: str, form: Form = SHIPPED_FORM) -> InferenceNetwork:
    """Network `name` of stage 1 or 2.

    Raises WeightsError when its file is missing, altered or does not fit the network, DeviceError
    where OpenVINO does not work here.
    """
    rule = VIEW_RULES[name]
    if form.without_torch:
        weights = read_weights(name, ResUNetConfig, folder=form.folder)
        with _building(name, form.folder):
            return FusedNetwork(weights, threads=form.threads, rule=rule)
    from acsnet.nets.resunet import ResUNet
    from acsnet.nets.torch_network import TorchNetwork
    from acsnet.nets.torch_weights import load_network

    network = load_network(name, ResUNet, folder=form.folder, device=form.device)
    if form.reference:
        return TorchNetwork(network=network)
    _, inner = read_ranges(name, read_manifest(form.folder)[name], folder=form.folder)
    return TorchNetwork(network=network.half(), rule=rule, inner=inner)


def load_codec(form: Form = SHIPPED_FORM) -> WallCodec:
    """The autoencoder; as `load_segmenter`."""
    name = "autoencoder"
    if form.without_torch:
        weights = read_weights(name, AutoencoderConfig, folder=form.folder)
        with _building(name, form.folder):
            return FusedAutoencoder(weights, threads=form.threads)
    from acsnet.nets.autoencoder import Autoencoder
    from acsnet.nets.torch_weights import load_network

    return load_network(name, Autoencoder, folder=form.folder, device=form.device)


@contextmanager
def _building(name: str, folder: Path) -> Iterator[None]:
    """Raise WeightsError for arrays that do not fit their network, DeviceError for other faults."""
    try:
        yield
    except (KeyError, ValueError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and OF_SHAPES not in str(error):
            msg = f"OpenVINO cannot build the network {name!r} on this machine: {error}"
            raise DeviceError(msg) from error
        raise unfit(name, read_manifest(folder)[name]) from error

"""A residual U-Net as one fused graph for the processor at hand, by OpenVINO.

Activations, batch norms and sums become part of the convolutions before them, and numbers are
bfloat16 where the processor multiplies those natively (AVX512-BF16, AMX), else single precision.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.openvino_graph import VIEWS, graph_of
from acsnet.nets.resunet import ResUNet, ResUNetConfig

KEPT_SIDES = 4
"""Sides of images for which a compiled graph is kept."""


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class FusedNetwork:
    """A network in eval mode on the CPU, compiled for each side of images when it first comes.

    It takes as many threads as torch does. Calls from several threads take turns.
    """

    def __init__(self, network: ResUNet, *, bfloat16: bool | None = None) -> None:
        """bfloat16: None for what the processor does best."""
        self.config: ResUNetConfig = network.config
        self.bfloat16 = has_bfloat16() if bfloat16 is None else bfloat16
        self.network = network
        self._turn = Lock()
        self._graph = lru_cache(maxsize=KEPT_SIDES)(self._compiled)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over all views.

        One batch a slice, which is all its views: it stays in the processor's cache.
        """
        out = np.empty((len(images), self.config.outputs, *images.shape[2:]), np.float32)
        with self._turn:
            graph = self._graph(images.shape[-1])
            for parts, mean in zip(self._parts(images), out, strict=True):
                mean[:] = graph(parts)
        return out

    def _parts(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """(N, parts, inputs, S, S): images, or images rounded and the rest.

        numpy has no bfloat16, so that it is in int16.
        """
        if not self.bfloat16:
            return images[:, None]
        whole = torch.from_numpy(images)
        rounded = whole.bfloat16()
        parts = torch.stack([rounded, (whole - rounded).bfloat16()], dim=1)
        return parts.view(torch.int16).numpy()

    def _compiled(self, side: int) -> "CompiledGraph":
        model = graph_of(self.network, side=side, bfloat16=self.bfloat16)
        return CompiledGraph(model, bfloat16=self.bfloat16)


class CompiledGraph:
    """A graph on the processor, with the memory that its input lies in; one call at a time."""

    def __init__(self, model: ov.Model, *, bfloat16: bool) -> None:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        self._request = compiled(model, bfloat16=bfloat16).create_infer_request()
        shape = list(model.input(0).shape)
        self._seen = np.empty([len(model.inputs), *shape], np.int16 if bfloat16 else np.float32)
        for index, part in enumerate(self._seen):
            self._request.set_input_tensor(index, ov.Tensor(part, shape, kind))

    def __call__(self, parts: NDArray[Any]) -> NDArray[np.float32]:
        """(parts, C, S, S) of an image -> (outputs, S, S) probabilities, the mean over views."""
        see(parts, out=self._seen)
        return mean_of(self._request.infer(share_outputs=True)[0])


def compiled(model: ov.Model, *, bfloat16: bool, profiled: bool = False) -> Any:
    """A graph for the processor; profiled: it tells the time of each step."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        # Threads bound to cores would meet those of another process there.
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": profiled,
    }
    return ov.Core().compile_model(model, "CPU", settings)


def see(parts: NDArray[Any], *, out: NDArray[Any]) -> None:
    """(parts, C, S, S) -> (parts, VIEWS, C, S, S), as in `test_time_augmentation.ALL_VIEWS`.

    By numpy: threads of torch would wait busily on the cores that the graph needs next.
    """
    seen = out.reshape(len(parts), 2, 2, 2, *parts.shape[1:])
    seen[:, 0, 0, 0], seen[:, 1, 0, 0] = parts, parts.swapaxes(2, 3)
    seen[:, :, 1, 0] = seen[:, :, 0, 0, :, :, ::-1]
    seen[:, :, :, 1] = seen[:, :, :, 0, :, ::-1]


def mean_of(drawn: NDArray[np.float32]) -> NDArray[np.float32]:
    """(VIEWS, outputs, S, S) of what `see` gives -> (outputs, S, S), the mean, all turned back."""
    seen = drawn.reshape(2, 2, 2, *drawn.shape[1:])
    seen = seen[:, :, 0] + seen[:, :, 1, :, ::-1]
    seen = seen[:, 0] + seen[:, 1, :, :, ::-1]
    return (seen[0] + seen[1].swapaxes(1, 2)) / np.float32(VIEWS)

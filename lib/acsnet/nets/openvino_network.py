"""CPU inference of a residual U-Net by OpenVINO.

bfloat16 where the processor multiplies it natively (AVX512-BF16, AMX), else single precision.
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

CACHED_SIDES = 4  # image sizes whose compiled graph is cached


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class FusedNetwork:
    """A network in eval mode on the CPU, compiled for each image size at its first use.

    Uses as many threads as torch; safe to call from several threads, one at a time.
    """

    def __init__(self, network: ResUNet, *, bfloat16: bool | None = None) -> None:
        """bfloat16: None for what suits the processor."""
        self.config: ResUNetConfig = network.config
        self.bfloat16 = has_bfloat16() if bfloat16 is None else bfloat16
        self.network = network
        self._turn = Lock()
        self._graph = lru_cache(maxsize=CACHED_SIDES)(self._compiled)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over all views.

        One batch is one slice in all its views, which fits the processor's cache.
        """
        out = np.empty((len(images), self.config.outputs, *images.shape[2:]), np.float32)
        with self._turn:
            graph = self._graph(images.shape[-1])
            for parts, mean in zip(self._parts(images), out, strict=True):
                mean[:] = graph(parts)
        return out

    def _parts(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """(N, parts, inputs, S, S): images, or rounded images and remainder, bfloat16 in int16."""
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
    """A compiled graph with its input buffers; one call at a time."""

    def __init__(self, model: ov.Model, *, bfloat16: bool) -> None:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        self._request = compiled(model, bfloat16=bfloat16).create_infer_request()
        shape = list(model.input(0).shape)
        self._inputs = np.empty([len(model.inputs), *shape], np.int16 if bfloat16 else np.float32)
        for index, part in enumerate(self._inputs):
            self._request.set_input_tensor(index, ov.Tensor(part, shape, kind))

    def __call__(self, parts: NDArray[Any]) -> NDArray[np.float32]:
        """(parts, C, S, S) of an image -> (outputs, S, S) probabilities, the mean over views."""
        all_views(parts, out=self._inputs)
        return mean_over_views(self._request.infer(share_outputs=True)[0])


def compiled(model: ov.Model, *, bfloat16: bool, profiled: bool = False) -> Any:
    """Compile a graph for the processor; profiled: with the time of each step."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": 1,
        # Pinned threads would compete with those of another process for the same cores.
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": profiled,
    }
    return ov.Core().compile_model(model, "CPU", settings)


def all_views(parts: NDArray[Any], *, out: NDArray[Any]) -> None:
    """(parts, C, S, S) -> (parts, VIEWS, C, S, S), as in `test_time_augmentation.ALL_VIEWS`.

    By numpy: torch threads would busy-wait on the cores that the graph needs next.
    """
    views = out.reshape(len(parts), 2, 2, 2, *parts.shape[1:])
    views[:, 0, 0, 0], views[:, 1, 0, 0] = parts, parts.swapaxes(2, 3)
    views[:, :, 1, 0] = views[:, :, 0, 0, :, :, ::-1]
    views[:, :, :, 1] = views[:, :, :, 0, :, ::-1]


def mean_over_views(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(VIEWS, outputs, S, S), views as by `all_views` -> (outputs, S, S), mean, turned back."""
    views = outputs.reshape(2, 2, 2, *outputs.shape[1:])
    views = views[:, :, 0] + views[:, :, 1, :, ::-1]
    views = views[:, 0] + views[:, 1, :, :, ::-1]
    return (views[0] + views[1].swapaxes(1, 2)) / np.float32(VIEWS)

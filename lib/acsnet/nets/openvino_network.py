"""CPU inference of a residual U-Net by OpenVINO.

bfloat16 where the processor multiplies it natively (AVX512-BF16, AMX), else single precision.
"""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.bfloat16 import bits, rounded
from acsnet.nets.openvino_graph import VIEWS, graph_of
from acsnet.nets.weights import NetworkWeights

CACHED_SIDES = 4  # image sizes whose compiled graph is cached


@lru_cache(maxsize=1)
def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 natively."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


class FusedNetwork:
    """A trained network on the CPU, compiled for each image size at its first use.

    Safe to call from several threads, one at a time.
    """

    def __init__(
        self,
        weights: NetworkWeights[ResUNetConfig],
        *,
        bfloat16: bool | None = None,
        threads: int | None = None,
    ) -> None:
        """bfloat16: None for what suits the processor; threads: None for `ov.thread_count`.

        Raises KeyError, ValueError or RuntimeError where the arrays are not those of the
        configuration.
        """
        self.config = weights.config
        self.bfloat16 = has_bfloat16() if bfloat16 is None else bfloat16
        self._weights = weights
        self._threads = threads
        self._turn = Lock()
        self._graph = lru_cache(maxsize=CACHED_SIDES)(self._compiled)
        graph_of(weights, side=weights.config.stride, bfloat16=False)

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

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> a sample (N, outputs, S, S) by dropout in each view; by PyTorch."""
        from acsnet.nets.mc_dropout import dropout_samples  # only this needs PyTorch
        from acsnet.nets.torch_weights import network_of

        return dropout_samples(network_of(self._weights), images, seed=seed)

    def _parts(self, images: NDArray[np.float32]) -> NDArray[Any]:
        """(N, parts, inputs, S, S): images, or rounded images and remainder, bfloat16 in int16."""
        if not self.bfloat16:
            return images[:, None]
        return np.stack([bits(images), bits(images - rounded(images))], axis=1).view(np.int16)

    def _compiled(self, side: int) -> "CompiledGraph":
        model = graph_of(self._weights, side=side, bfloat16=self.bfloat16)
        return CompiledGraph(model, bfloat16=self.bfloat16, threads=self._threads)


class CompiledGraph:
    """A compiled graph with its input buffers; one call at a time."""

    def __init__(self, model: ov.Model, *, bfloat16: bool, threads: int | None = None) -> None:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        self._request = compiled(model, bfloat16=bfloat16, threads=threads).create_infer_request()
        shape = list(model.input(0).shape)
        self._inputs = np.empty([len(model.inputs), *shape], np.int16 if bfloat16 else np.float32)
        for index, part in enumerate(self._inputs):
            self._request.set_input_tensor(index, ov.Tensor(part, shape, kind))

    def __call__(self, parts: NDArray[Any]) -> NDArray[np.float32]:
        """(parts, C, S, S) of an image -> (outputs, S, S) probabilities, the mean over views."""
        all_views(parts, out=self._inputs)
        return mean_over_views(self._request.infer(share_outputs=True)[0])


def compiled(
    model: ov.Model, *, bfloat16: bool, threads: int | None = None, profiled: bool = False
) -> Any:
    """Compile a graph for the processor; profiled: with the time of each step."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": threads or ov.thread_count(),
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

"""CPU inference of a residual U-Net by OpenVINO.

In 8 bits where they are fast and the ranges of the weights are known, else in bfloat16 where the
processor multiplies it natively, else in single precision.
"""

from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.number_formats import bits, rounded
from acsnet.nets.openvino_graph import VIEWS, graph_of
from acsnet.nets.processor import has_bfloat16, has_fast_8_bits
from acsnet.nets.views import (
    PAIRS,
    View,
    ViewRule,
    disagreement,
    seen_in,
    turned_back,
    without_edge,
)
from acsnet.nets.weights import NetworkWeights
from acsnet.threads import thread_count

CACHED_SIDES = 4  # image sizes whose compiled graph is cached


class FusedNetwork:
    """A trained network on the CPU, compiled for each image size at its first use.

    Safe to call from several threads, one at a time.
    """

    def __init__(
        self,
        weights: NetworkWeights[ResUNetConfig],
        *,
        bfloat16: bool | None = None,
        eight_bits: bool | None = None,
        threads: int | None = None,
        rule: ViewRule | None = None,
    ) -> None:
        """Compile nothing yet.

        bfloat16, eight_bits: None for what suits the processor, and for the latter the weights;
        threads: None for `thread_count`; rule: how many views of a slice are drawn, None for always
        all.
        Raises KeyError, ValueError or RuntimeError where the arrays are not those of the
        configuration.
        """
        self.config = weights.config
        self.eight_bits = suits_8_bits(weights) if eight_bits is None else eight_bits
        # Beside 8 bits, bfloat16 saves no time.
        suits = has_bfloat16() and not self.eight_bits
        self.bfloat16 = suits if bfloat16 is None else bfloat16
        self._weights = weights
        self._threads = threads
        self._rule = rule
        self._edge = 0 if weights.inner is None else weights.config.stride
        self._turn = Lock()
        self._graph = lru_cache(maxsize=CACHED_SIDES)(self._compiled)
        self._model = lru_cache(maxsize=2)(self._built)
        self._model(self._edge > 0)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, inputs, S, S) -> probabilities (N, outputs, S, S), the mean over views.

        One batch is one slice in a pair of views, which fits the processor's cache. Where the
        weights tell what is beyond, black edges are left out, and nothing is drawn there.
        """
        out = np.zeros((len(images), self.config.outputs, *images.shape[2:]), np.float32)
        with self._turn:
            for image, mean in zip(images, out, strict=True):
                lit = without_edge(image, self._edge)
                graph = self._graph(lit.stop - lit.start, lit.start > 0)
                parts = self._parts(image[:, lit, lit])
                drawn = [graph(parts, PAIRS[0])]
                if self._rule is None or disagreement(drawn[0]) > self._rule.limit:
                    others = PAIRS[1:] if self._rule is None else PAIRS[1 : self._rule.pairs]
                    drawn += [graph(parts, pair) for pair in others]
                mean[:, lit, lit] = np.mean(drawn, axis=(0, 1))
        return out

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """(N, inputs, S, S) -> a sample (N, outputs, S, S) by dropout in each view; by PyTorch."""
        from acsnet.nets.mc_dropout import dropout_samples  # only this needs PyTorch
        from acsnet.nets.torch_weights import network_of

        return dropout_samples(network_of(self._weights), images, seed=seed)

    def _parts(self, image: NDArray[np.float32]) -> NDArray[Any]:
        """(parts, inputs, S, S): image, or rounded image and remainder, bfloat16 in int16."""
        if not self.bfloat16:
            return image[None]
        return np.stack([bits(image), bits(image - rounded(image))]).view(np.int16)

    def _built(self, inner: bool) -> ov.Model:
        return graph_of(
            self._weights,
            side=self.config.stride,
            bfloat16=self.bfloat16,
            eight_bits=self.eight_bits,
            inner=inner,
        )

    def _compiled(self, side: int, inner: bool) -> "CompiledGraph":
        model = self._model(inner)
        shape = [VIEWS, self.config.inputs, side, side]  # nothing else of a graph tells its size
        model.reshape(dict.fromkeys(range(len(model.inputs)), shape))
        return CompiledGraph(model, bfloat16=self.bfloat16, threads=self._threads)


def suits_8_bits(weights: NetworkWeights[ResUNetConfig]) -> bool:
    """Whether a network runs in 8 bits here: the processor is fast at it and the ranges known."""
    return weights.ranges is not None and has_fast_8_bits()


def network_precision(weights: NetworkWeights[Any]) -> str:
    """In which precision a network of any stage runs here, in words."""
    if not isinstance(weights.config, ResUNetConfig):
        return "single precision"
    if suits_8_bits(weights):
        return "8 bits"
    return "bfloat16" if has_bfloat16() else "single precision"


class CompiledGraph:
    """A compiled graph with its input buffers; one call at a time."""

    def __init__(self, model: ov.Model, *, bfloat16: bool, threads: int | None = None) -> None:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        self._request = compiled(model, bfloat16=bfloat16, threads=threads).create_infer_request()
        shape = list(model.input(0).shape)
        self._inputs = np.empty([len(model.inputs), *shape], np.int16 if bfloat16 else np.float32)
        for index, part in enumerate(self._inputs):
            self._request.set_input_tensor(index, ov.Tensor(part, shape, kind))

    def __call__(self, parts: NDArray[Any], pair: tuple[View, View]) -> NDArray[np.float32]:
        """(parts, C, S, S) of an image -> (2, outputs, S, S) probabilities of a pair of views."""
        # By numpy: torch threads would busy-wait on the cores that the graph needs next.
        for number, view in enumerate(pair):
            self._inputs[:, number] = seen_in(view, parts)
        drawn = self._request.infer(share_outputs=True)[0]
        return np.stack([turned_back(view, image) for view, image in zip(pair, drawn, strict=True)])


def compiled(
    model: ov.Model, *, bfloat16: bool, threads: int | None = None, profiled: bool = False
) -> Any:
    """Compile a graph for the processor; profiled: with the time of each step."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": threads or thread_count(),
        "NUM_STREAMS": 1,
        # Pinned threads would compete with those of another process for the same cores.
        "ENABLE_CPU_PINNING": False,
        "PERF_COUNT": profiled,
    }
    return ov.Core().compile_model(model, "CPU", settings)

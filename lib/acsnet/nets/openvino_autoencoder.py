"""CPU inference of the autoencoder of walls by OpenVINO, in single precision."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import AutoencoderConfig
from acsnet.nets.openvino_network import compiled
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.weights import NetworkWeights

Node = Any  # a value in a graph of OpenVINO, which has no types


class FusedAutoencoder:
    """`acsnet.nets.autoencoder.Autoencoder` after training. Threads may call at once."""

    def __init__(
        self, weights: NetworkWeights[AutoencoderConfig], *, threads: int | None = None
    ) -> None:
        """Raises KeyError or RuntimeError where the arrays are not those of the configuration."""
        self._encode = _callable(encoder(weights), threads)
        self._decode = _callable(decoder(weights), threads)

    def codes(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, side, side) shares of wall in [0, 1] -> codes (n, code)."""
        return self._encode(frames[:, None])

    def scores(self, codes: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, code) -> scores (n, side, side); wall where above 0."""
        return self._decode(codes)[:, 0]


def encoder(weights: NetworkWeights[AutoencoderConfig]) -> ov.Model:
    """The graph from (n, 1, side, side) to codes (n, code)."""
    config, arrays = weights.config, weights.arrays
    masks = op.parameter([-1, 1, config.side, config.side], ov.Type.f32)
    x: Node = masks
    for level in range(config.depth):
        # In PyTorch's sequence the convolutions stand at even places, their activations between.
        weight, bias = (arrays[f"encoder.{2 * level}.{part}"] for part in ("weight", "bias"))
        x = op.convolution(x, op.constant(weight), [2, 2], [1, 1], [1, 1], [1, 1])
        x = _leaky(op.add(x, op.constant(bias[:, None, None])), config.slope)
    dense = f"encoder.{2 * config.depth + 1}"
    flat = op.reshape(x, op.constant(np.array([0, -1])), special_zero=True)
    return ov.Model([_dense(flat, arrays, dense)], [masks], "encoder")


def decoder(weights: NetworkWeights[AutoencoderConfig]) -> ov.Model:
    """The graph from codes (n, code) to scores (n, 1, side, side)."""
    config, arrays = weights.config, weights.arrays
    codes = op.parameter([-1, config.code], ov.Type.f32)
    widest = config.base_filters * 2 ** (config.depth - 1)
    shape = np.array([0, widest, config.smallest, config.smallest])
    x = op.reshape(_dense(codes, arrays, "decoder.0"), op.constant(shape), special_zero=True)
    for level in range(config.depth):
        # After the dense layer and its reshaping: an activation, then a transposed convolution.
        weight, bias = (arrays[f"decoder.{2 * level + 3}.{part}"] for part in ("weight", "bias"))
        x = op.convolution_backprop_data(
            _leaky(x, config.slope),
            op.constant(weight),
            strides=[2, 2],
            pads_begin=[1, 1],
            pads_end=[1, 1],
            output_padding=[1, 1],
        )
        x = op.add(x, op.constant(bias[:, None, None]))
    return ov.Model([x], [codes], "decoder")


def _dense(x: Node, arrays: Any, name: str) -> Node:
    product = op.matmul(x, op.constant(arrays[f"{name}.weight"]), False, True)
    return op.add(product, op.constant(arrays[f"{name}.bias"]))


def _leaky(x: Node, slope: float) -> Node:
    return op.prelu(x, op.constant(np.float32(slope)))


def _callable(
    model: ov.Model, threads: int | None
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The compiled graph as a function of a batch of any size, one call at a time."""
    graph = compiled(model, bfloat16=False, threads=threads)
    request, turn = graph.create_infer_request(), Lock()

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, ...) inputs of the graph -> (n, ...) outputs."""
        with turn:
            answer = request.infer([np.ascontiguousarray(batch, np.float32)])
            return np.array(answer[0])

    return run

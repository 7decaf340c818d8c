"""OpenVINO graph of a residual U-Net, on a slice in two of its views.

Not from the paper; less work, and but for the first and the last point exact:

- Where the black edge of an image was left out (`acsnet.nets.views`), each value is kept less what
  it is on average beyond, so that the zeros that a convolution pads with stand for that. This is
  not exact.
- A 3x3 convolution after upsampling by 2 is one transposed convolution of the small image: 16
  instead of 36 products. Nothing is upsampled or concatenated: each part has its own convolution,
  and the results are added.
- The last 1x1 convolution is applied to each term of the sum before it, which then has one or two
  channels instead of all.
- bfloat16 has 8 bits, and nearly all its error comes from rounding the pixels and the first
  weights. Both are split into the rounded number and its remainder; of the four products all but
  that of the two remainders are summed.

In 8 bits nearly all convolutions multiply integers. What they get is rounded to steps of its range
(`NetworkWeights.ranges`), their weights to steps of the largest of an output. OpenVINO makes such
graphs into ones of integers, but for transposed convolutions: there the small image is enlarged.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.number_formats import STEPS, WEIGHT_STEPS, rounded, with_zero_on_a_step
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.weights import NetworkWeights, Ranges

Node = Any  # a value in a graph of OpenVINO, which has no types
Array = NDArray[np.float32]
VIEWS = 2
"""Turns and mirrors of a slice that go through the graph together: a pair of `views.PAIRS`."""

NORM_EPSILON = 1e-5
"""That of the batch norms in training, PyTorch's own."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A residual block's arrays by their names after `prefix`, such as "down.0.".

    ranges: None for no 8 bits; beyond: what values are beyond the edge, None for zero.
    """

    arrays: Mapping[str, Array]
    prefix: str
    ranges: Ranges | None
    beyond: Mapping[str, Array] | None

    def __getitem__(self, name: str) -> Array:
        return self.arrays[self.prefix + name]

    def projection(self) -> tuple[Array, Array]:
        """Weight and bias of the 1x1 convolution beside the body; of the identity without one."""
        if self.prefix + "project.weight" in self.arrays:
            return self["project.weight"], self["project.bias"]
        inputs = self["body.0.weight"].shape[1]
        return np.eye(inputs, dtype=np.float32)[:, :, None, None], np.zeros(inputs, np.float32)


@dataclass(frozen=True, kw_only=True)
class Value:
    """A value in the graph: node + beyond, which is what (channels,) it is beyond the edge.

    integers: whether its node takes only the steps of a range of 8 bits.
    """

    node: Node
    beyond: Array
    integers: bool = False


def graph_of(
    network: NetworkWeights[ResUNetConfig],
    *,
    side: int,
    bfloat16: bool,
    eight_bits: bool = False,
    inner: bool = False,
) -> ov.Model:
    """The graph from (VIEWS, inputs, side, side) to probabilities (VIEWS, outputs, side, side).

    bfloat16: there are two inputs of that type, rounded images and the remainder. eight_bits: in
    the ranges of `network`; without, the values that have ranges bear their names. inner: black
    edges of the images were left out, and `network.inner` is known. Raises KeyError, ValueError or
    RuntimeError where arrays or ranges are not those of the configuration.
    """
    config, arrays = network.config, network.arrays
    known = network.inner if inner else None
    ranges = known.ranges if known else network.ranges
    down, up = (
        [
            Block(
                arrays=arrays,
                prefix=f"{way}.{level}.",
                ranges=ranges if eight_bits else None,
                beyond=known.beyond if known else None,
            )
            for level in range(levels)
        ]
        for way, levels in (("down", config.depth + 1), ("up", config.depth))
    )
    head = arrays["head.weight"], arrays["head.bias"]
    if head[0].shape[:2] != (config.outputs, config.base_filters):
        msg = f"the last convolution has the shape {head[0].shape}, not that of {config}"
        raise ValueError(msg)
    shape = [VIEWS, config.inputs, side, side]
    black = np.zeros(config.inputs, np.float32)  # beyond the edge
    if bfloat16:
        images = [op.parameter(shape, ov.Type.bf16) for _ in range(2)]
        coarse, rest = (op.convert(part, "f32") for part in images)
        x = Value(node=op.concat([coarse, rest, coarse], 1), beyond=black)
    else:
        images = [op.parameter(shape, ov.Type.f32)]
        x = Value(node=images[0], beyond=black)
    skips = []
    for level, block in enumerate(down):
        if level:
            skips.append(x)
            pooled = op.max_pool(x.node, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
            x = replace(x, node=pooled)
        x = _down(x, block, of_parts=bfloat16 and not level)
    for block in up[:-1]:
        x = _up(x, skips.pop(), block)
    scores = _up(x, skips.pop(), up[-1], head=head)
    return ov.Model([op.sigmoid(_plus(scores.node, scores.beyond))], images, "ResUNet")


def _down(x: Value, block: Block, *, of_parts: bool) -> Value:
    """A residual block; of_parts: on images rounded, remainder, and rounded again."""
    first, (project, bias) = block["body.0.weight"], block.projection()
    y = _convolved(x, first, block["body.0.bias"], of_parts=of_parts)
    out = _sum(_body(y, block), _convolved(x, project, bias, of_parts=of_parts))
    return _named(out, block, "out")


def _in_parts(weight: Array) -> Array:
    """Weights (outputs, inputs, ...) -> (outputs, 3 * inputs, ...), for images in parts."""
    coarse = rounded(weight)
    return np.concatenate([coarse, coarse, weight - coarse], axis=1)


def _up(
    below: Value, skip: Value, block: Block, *, head: tuple[Array, Array] | None = None
) -> Value:
    """A residual block on `below`, upsampled by 2, concatenated with `skip`.

    head: weight and bias of a 1x1 convolution after it, applied to each term of the block's sum.
    """
    first, (weight, bias) = block["body.0.weight"], block.projection()
    inputs = len(below.beyond)
    y = _sum(
        _convolved(skip, first[:, inputs:], block["body.0.bias"]),
        _enlarged_and_convolved(below, first[:, :inputs]),
    )
    y = _body(y, block)
    if head is not None:
        y = _convolved(y, head[0])
        mix = head[0][:, :, 0, 0]
        weight, bias = np.einsum("oc,cihw->oihw", mix, weight), mix @ bias + head[1]
    small = _convolved(below, weight[:, :inputs])
    straight = _convolved(skip, weight[:, inputs:], bias)
    out = _sum(straight, y, _enlarged(small))
    return out if head is not None else _named(out, block, "out")


def _enlarged_and_convolved(below: Value, weight: Array) -> Value:
    """A 3x3 convolution after upsampling by 2."""
    if below.integers:
        return _convolved(_enlarged(below), weight)
    kernel = _constant(enlarging_kernel(weight))
    pads = {"strides": [2, 2], "pads_begin": [1, 1], "pads_end": [1, 1]}
    node = op.convolution_backprop_data(below.node, kernel, **pads)
    return Value(node=node, beyond=_of_beyond(below, weight))


def enlarging_kernel(weight: Array) -> Array:
    """(outputs, inputs, 3, 3) -> (inputs, outputs, 4, 4) of the transposed convolution.

    With stride 2 and padding 1 it equals `weight` after nearest-neighbour upsampling by 2: each
    pixel becomes 2x2, so the kernel is the sum of four shifted ones.
    """
    flipped = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    kernel = np.zeros((*flipped.shape[:2], 4, 4), np.float32)
    for row in range(2):
        for column in range(2):
            kernel[:, :, row : row + 3, column : column + 3] += flipped
    return kernel


def _body(y: Value, block: Block) -> Value:
    """The layers after the first convolution of a residual block."""
    y = _named(_normed(y, block, "body.2."), block, "mid")
    y = _convolved(y, block["body.3.weight"], block["body.3.bias"])
    return _normed(y, block, "body.5.")


def _convolved(
    x: Value, weight: Array, bias: Array | None = None, *, of_parts: bool = False
) -> Value:
    """Convolution, zeros beyond the edge of the node. The bias is part of what is beyond."""
    padding = [weight.shape[-1] // 2] * 2
    if x.integers:
        kernel = in_steps(weight)
    else:
        kernel = _constant(_in_parts(weight) if of_parts else weight)
    node = op.convolution(x.node, kernel, [1, 1], padding, padding, [1, 1])
    beyond = _of_beyond(x, weight)
    return Value(node=node, beyond=beyond if bias is None else beyond + bias)


def _of_beyond(x: Value, weight: Array) -> Array:
    """(outputs,) what a convolution gives where all of its input is that beyond the edge."""
    return weight.sum(axis=(2, 3)) @ x.beyond


def _sum(first: Value, *others: Value) -> Value:
    node, beyond = first.node, first.beyond
    for other in others:
        node, beyond = op.add(node, other.node), beyond + other.beyond
    return Value(node=node, beyond=beyond)


def _normed(y: Value, block: Block, name: str) -> Value:
    """ReLU, and batch norm as after training."""
    factor = block[name + "weight"] / np.sqrt(block[name + "running_var"] + NORM_EPSILON)
    term = block[name + "bias"] - factor * block[name + "running_mean"]
    active = op.multiply(op.relu(_plus(y.node, y.beyond)), _constant(factor[:, None, None]))
    return Value(node=active, beyond=term)


def _named(x: Value, block: Block, name: str) -> Value:
    """The same value, less what it is beyond the edge; under a name, or in 8 bits of its range."""
    name = block.prefix + name
    beyond = np.zeros_like(x.beyond) if block.beyond is None else block.beyond[name]
    x = Value(node=_plus(x.node, x.beyond - beyond), beyond=beyond)
    if block.ranges is None:
        x.node.set_friendly_name(name)
        return x
    return replace(x, node=in_range(x.node, *block.ranges[name]), integers=True)


def in_range(x: Node, low: float, high: float) -> Node:
    """The nearest of the 256 steps of a range."""
    ends = [op.constant(np.float32(end)) for end in with_zero_on_a_step(low, high)]
    return op.fake_quantize(x, *ends, *ends, STEPS + 1)


def in_steps(weight: Array) -> Node:
    """Weights in whole steps, `WEIGHT_STEPS` of which are the largest weight of the output."""
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True)
    step = np.maximum(largest, np.finfo(np.float32).tiny) / np.float32(WEIGHT_STEPS)
    steps = op.convert(op.constant(np.round(weight / step).astype(np.int8)), "f32")
    return op.multiply(steps, op.constant(step))


def _plus(x: Node, bias: Array) -> Node:
    return op.add(x, _constant(bias[:, None, None]))


def _enlarged(x: Value) -> Value:
    """Nearest-neighbour upsampling by 2."""
    node = op.interpolate(
        x.node,
        op.constant(np.full(2, 2.0, np.float32)),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=op.constant(np.array([2, 3])),
    )
    return replace(x, node=node)


def _constant(array: Array) -> Node:
    return op.constant(np.ascontiguousarray(array, np.float32))

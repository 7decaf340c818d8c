"""OpenVINO graph of a residual U-Net, on a slice in all its views.

Not from the paper; exact, and less work:

- A 3x3 convolution after upsampling by 2 is one transposed convolution of the small image: 16
  instead of 36 products. Nothing is upsampled or concatenated: each part has its own convolution,
  and the results are added.
- The last 1x1 convolution is applied to each term of the sum before it, which then has one or two
  channels instead of all.
- bfloat16 has 8 bits, and nearly all its error comes from rounding the pixels and the first
  weights. Both are split into the rounded number and its remainder; of the four products all but
  that of the two remainders are summed.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.resunet import ResUNet
from acsnet.nets.test_time_augmentation import ALL_VIEWS

Node = Any  # a value in a graph of OpenVINO, which has no types
Block = Any  # a `ResidualBlock`, whose parts are untyped in torch
VIEWS = len(ALL_VIEWS)


def graph_of(network: ResUNet, *, side: int, bfloat16: bool) -> ov.Model:
    """The graph from (VIEWS, inputs, side, side) to probabilities (VIEWS, outputs, side, side).

    bfloat16: there are two inputs of that type, rounded images and the remainder.
    """
    shape = [VIEWS, network.config.inputs, side, side]
    if bfloat16:
        images = [op.parameter(shape, ov.Type.bf16) for _ in range(2)]
        rounded, rest = (op.convert(part, "f32") for part in images)
        x = op.concat([rounded, rest, rounded], 1)
    else:
        images = [op.parameter(shape, ov.Type.f32)]
        x = images[0]
    skips = []
    for level, block in enumerate(network.down):
        if level:
            skips.append(x)
            x = op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
        x = _down(x, block, of_parts=bfloat16 and not level)
    *ups, last = network.up
    for block in ups:
        x = _up(x, skips.pop(), block)
    scores = _up(x, skips.pop(), last, head=network.head)
    return ov.Model([op.sigmoid(scores)], images, "ResUNet")


def _down(x: Node, block: Block, *, of_parts: bool) -> Node:
    """A residual block; of_parts: on images rounded, remainder, and rounded again."""
    weights = _in_parts if of_parts else Tensor.detach
    first, project = block.body[0], _projection(block)
    y = _plus(_convolved(x, weights(first.weight)), first.bias)
    straight = _plus(_convolved(x, weights(project.weight)), project.bias)
    return op.add(_body(y, block), straight)


def _in_parts(weight: Tensor) -> Tensor:
    """Weights (outputs, inputs, ...) -> (outputs, 3 * inputs, ...), for images in parts."""
    rounded = weight.bfloat16().float()
    return torch.cat([rounded, rounded, weight - rounded], dim=1)


def _up(below: Node, skip: Node, block: Block, *, head: Any = None) -> Node:
    """A residual block on `below`, upsampled by 2, concatenated with `skip`.

    head: a 1x1 convolution after it, applied to each term of the block's sum.
    """
    first, project = block.body[0], _projection(block)
    inputs = below.get_output_partial_shape(0)[1].get_length()
    enlarged = op.convolution_backprop_data(
        below,
        _constant(enlarging_kernel(first.weight[:, :inputs])),
        strides=[2, 2],
        pads_begin=[1, 1],
        pads_end=[1, 1],
    )
    y = op.add(_plus(_convolved(skip, first.weight[:, inputs:]), first.bias), enlarged)
    y, weight, bias = _body(y, block), project.weight, project.bias
    if head is not None:
        y = _convolved(y, head.weight)
        mix = head.weight[:, :, 0, 0]
        weight, bias = torch.einsum("oc,cihw->oihw", mix, weight), mix @ bias + head.bias
    straight = _plus(_convolved(skip, weight[:, inputs:]), bias)
    return op.add(op.add(straight, y), _enlarged(_convolved(below, weight[:, :inputs])))


def enlarging_kernel(weight: Tensor) -> Tensor:
    """(outputs, inputs, 3, 3) -> (inputs, outputs, 4, 4) of the transposed convolution.

    With stride 2 and padding 1 it equals `weight` after nearest-neighbour upsampling by 2: each
    pixel becomes 2x2, so the kernel is the sum of four shifted ones.
    """
    flipped = weight.flip(2, 3).transpose(0, 1)
    shifts = [(a, b) for a in range(2) for b in range(2)]
    return torch.stack([functional.pad(flipped, (b, 1 - b, a, 1 - a)) for a, b in shifts]).sum(0)


def _body(y: Node, block: Block) -> Node:
    """The layers after the first convolution of a residual block."""
    _, _, first_norm, second, _, second_norm = block.body
    y = _normed(op.relu(y), first_norm)
    return _normed(op.relu(_plus(_convolved(y, second.weight), second.bias)), second_norm)


def _projection(block: Block) -> Any:
    """The 1x1 convolution beside the body; an identity convolution where there is none."""
    if isinstance(block.project, nn.Conv2d):
        return block.project
    inputs = block.body[0].in_channels
    same = nn.Conv2d(inputs, inputs, 1)
    same.weight = nn.Parameter(torch.eye(inputs)[:, :, None, None])
    same.bias = nn.Parameter(torch.zeros(inputs))
    return same


def _convolved(x: Node, weight: Tensor) -> Node:
    """Convolution with padding, without bias."""
    padding = [weight.shape[-1] // 2] * 2
    return op.convolution(x, _constant(weight), [1, 1], padding, padding, [1, 1])


def _normed(x: Node, norm: Any) -> Node:
    """Batch norm in eval mode."""
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    term = norm.bias - factor * norm.running_mean
    return _plus(op.multiply(x, _constant(factor[:, None, None])), term)


def _plus(x: Node, bias: Tensor) -> Node:
    return op.add(x, _constant(bias[:, None, None]))


def _enlarged(x: Node) -> Node:
    """Nearest-neighbour upsampling by 2."""
    return op.interpolate(
        x,
        op.constant(np.full(2, 2.0, np.float32)),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=op.constant(np.array([2, 3])),
    )


def _constant(tensor: Tensor) -> Node:
    return op.constant(tensor.detach().numpy())

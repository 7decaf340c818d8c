"""What the networks ask of the processor, and what it can do: multiply-adds a second.

The peak is measured, not read from a data sheet: the best of a few wide 3x3 convolutions in the
same precision, by the same library and threads. The share that a network reaches counts only the
products that its graph makes; the plain network makes about a quarter more.
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.openvino_graph import VIEWS, graph_of
from acsnet.nets.openvino_network import compiled, has_bfloat16
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import load_network
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.stages.roi import ROI_SIDE

WIDE = ((64, 64), (128, 32), (256, 16), (512, 16))
"""Channels and side of the convolutions of which the fastest is the peak."""

CHAIN = 4
"""Convolutions in a row, each on what the one before left in the cache."""

RUNS = 20
SIDES = {"roi": ROI_SIDE, "myo": MYO_SIDE}


@dataclass(frozen=True, kw_only=True)
class Level:
    """The work of a network on images of one side: a slice in all its views."""

    side: int
    seconds: float
    multiply_adds: int
    share_of_peak: float


@dataclass(frozen=True, kw_only=True)
class NetworkSpeed:
    """A network on a slice in all its views, square images of `side`.

    plain_multiply_adds: of the network as it was trained; levels: by the library's own clock, with
    what is no convolution.
    """

    name: str
    side: int
    plain_multiply_adds: int
    multiply_adds: int
    seconds: float
    share_of_peak: float
    levels: tuple[Level, ...]


@dataclass(frozen=True, kw_only=True)
class Convolutions:
    """The peak in multiply-adds a second, and what the networks reach of it."""

    precision: str
    peak: float
    networks: tuple[NetworkSpeed, ...]


def measure_convolutions() -> Convolutions:
    """Of the shipped networks, with the threads and the precision that the chain takes."""
    bfloat16 = has_bfloat16()
    peak = peak_multiply_adds(bfloat16=bfloat16)
    networks = tuple(
        network_speed(name, load_network(name, ResUNet), peak=peak, bfloat16=bfloat16)
        for name in SIDES
    )
    precision = "bfloat16" if bfloat16 else "float32"
    return Convolutions(precision=precision, peak=peak, networks=networks)


def peak_multiply_adds(*, bfloat16: bool) -> float:
    """Multiply-adds a second of the fastest convolution that was found."""
    speeds = []
    for channels, side in WIDE:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        image = op.parameter([VIEWS, channels, side, side], kind)
        x = op.convert(image, "f32") if bfloat16 else image
        weight = np.full((channels, channels, 3, 3), 1e-3, np.float32)
        for _ in range(CHAIN):
            x = op.convolution(x, op.constant(weight), [1, 1], [1, 1], [1, 1], [1, 1])
        model = ov.Model([op.reduce_mean(x, op.constant([2, 3]))], [image], "peak")
        speeds.append(multiply_adds(model) / seconds_of(model, bfloat16=bfloat16))
    return max(speeds)


def network_speed(name: str, network: ResUNet, *, peak: float, bfloat16: bool) -> NetworkSpeed:
    """A network at its usual side."""
    side = SIDES[name]
    model = graph_of(network, side=side, bfloat16=bfloat16)
    seconds, work = seconds_of(model, bfloat16=bfloat16), multiply_adds(model)
    return NetworkSpeed(
        name=name,
        side=side,
        plain_multiply_adds=plain_multiply_adds(network, side=side),
        multiply_adds=work,
        seconds=seconds,
        share_of_peak=work / seconds / peak,
        levels=levels_of(model, peak=peak, bfloat16=bfloat16),
    )


def seconds_of(model: ov.Model, *, bfloat16: bool) -> float:
    """Of the fastest of `RUNS` calls."""
    request = compiled(model, bfloat16=bfloat16).create_infer_request()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        request.infer(share_outputs=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def multiply_adds(model: ov.Model) -> int:
    """Of all convolutions of a graph."""
    return sum(work for _, work in _work(model))


def plain_multiply_adds(network: ResUNet, *, side: int) -> int:
    """Of all convolutions of a network on a slice in all its views."""
    found = []

    def count(module: Any, _: Any, out: torch.Tensor) -> None:
        found.append(out.numel() * module.weight[0].numel())

    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    hooks = [module.register_forward_hook(count) for module in convolutions]
    with torch.inference_mode():
        network(torch.zeros(1, network.config.inputs, side, side))
    for hook in hooks:
        hook.remove()
    return VIEWS * sum(found)


def levels_of(model: ov.Model, *, peak: float, bfloat16: bool) -> tuple[Level, ...]:
    """Time and work by the side of what each step of the graph gives, largest first."""
    graph = compiled(model, bfloat16=bfloat16, profiled=True)
    request = graph.create_infer_request()
    for _ in range(RUNS):
        request.infer(share_outputs=True)
    seconds: dict[int, float] = defaultdict(float)
    for step in graph.get_runtime_model().get_ordered_ops():
        told = step.get_rt_info()
        taken = told["execTimeMcs"].astype(str) if "execTimeMcs" in told else ""
        if taken.isdigit() and step.get_output_size():
            shape = step.get_output_partial_shape(0)
            if len(shape) == 4:
                seconds[shape[3].get_length()] += int(taken) / 1e6
    work: dict[int, int] = defaultdict(int)
    for side, products in _work(model):
        work[side] += products
    return tuple(
        Level(
            side=side,
            seconds=seconds[side],
            multiply_adds=work[side],
            share_of_peak=work[side] / seconds[side] / peak,
        )
        for side in sorted(work, reverse=True)
    )


def _work(model: ov.Model) -> list[tuple[int, int]]:
    """Side of the output and multiply-adds of each convolution of a graph."""
    found = []
    for step in model.get_ordered_ops():
        kind = step.get_type_name()
        if kind not in ("Convolution", "ConvolutionBackpropData"):
            continue
        out = list(step.output(0).get_shape())
        # A transposed convolution goes over its input, any other over its output.
        pixels = out if kind == "Convolution" else list(step.input_value(0).get_shape())
        weight = int(np.prod(list(step.input_value(1).get_shape())))
        found.append((out[3], pixels[0] * pixels[2] * pixels[3] * weight))
    return found

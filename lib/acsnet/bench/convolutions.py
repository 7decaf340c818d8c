"""Compute of the networks in multiply-adds a second, against the measured peak of the processor.

The peak is the best of a few wide 3x3 convolutions in the same precision, library and threads. The
share of a network counts the products of its graph; but in 8 bits, the plain network has about a
quarter more.
"""

import time
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_graph import VIEWS, graph_of, in_range, in_steps
from acsnet.nets.openvino_network import FusedNetwork, compiled, network_precision
from acsnet.nets.openvino_runtime import opset13 as op
from acsnet.nets.weights import NetworkWeights, read_weights
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.stages.roi import ROI_SIDE

# Channels and side of the convolutions of which the fastest is the peak.
WIDE = ((64, 64), (128, 32), (256, 16), (512, 16))
CHAIN = 4  # convolutions in a row, each on the previous one's output in the cache
SIDES = {"roi": ROI_SIDE, "myo": MYO_SIDE}  # of usual images
RUNS = 20
SECONDS = 0.5
"""Enough for the runs of a graph: on a slow or busy machine there are fewer of them."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """One level of a network, images of one side: a slice in two views."""

    side: int
    seconds: float
    multiply_adds: int
    share_of_peak: float


@dataclass(frozen=True, kw_only=True)
class NetworkSpeed:
    """Speed of a network on a slice in two views, square images of `side`.

    peak: multiply-adds a second of the fastest convolution in the precision of the network;
    plain_multiply_adds: of the network as trained; levels: by OpenVINO's profiler, all layers.
    """

    name: str
    precision: str
    peak: float
    side: int
    plain_multiply_adds: int
    multiply_adds: int
    seconds: float
    share_of_peak: float
    levels: tuple[Level, ...]


def measure_convolutions() -> tuple[NetworkSpeed, ...]:
    """Measure the shipped networks, with the threads and the precision of the pipeline."""
    peak = lru_cache(peak_multiply_adds)
    speeds = []
    for name in ("roi", "myo"):
        network = read_weights(name, ResUNetConfig)
        form = FusedNetwork(network)
        kind = {"bfloat16": form.bfloat16, "eight_bits": form.eight_bits}
        speeds.append(network_speed(name, network, peak=peak(**kind), **kind))
    return tuple(speeds)


def peak_multiply_adds(*, bfloat16: bool, eight_bits: bool = False, runs: int = RUNS) -> float:
    """Multiply-adds a second of the fastest convolution."""
    speeds = []
    for channels, side in WIDE:
        kind = ov.Type.bf16 if bfloat16 else ov.Type.f32
        image = op.parameter([VIEWS, channels, side, side], kind)
        x = op.convert(image, "f32") if bfloat16 else image
        weight = np.full((channels, channels, 3, 3), 1e-3, np.float32)
        for _ in range(CHAIN):
            if eight_bits:
                x = in_range(x, 0.0, 1.0)
            kernel = in_steps(weight) if eight_bits else op.constant(weight)
            x = op.convolution(x, kernel, [1, 1], [1, 1], [1, 1], [1, 1])
        model = ov.Model([op.reduce_mean(x, op.constant([2, 3]))], [image], "peak")
        seconds = seconds_of(model, bfloat16=bfloat16, runs=runs)
        speeds.append(multiply_adds(model) / seconds)
    return max(speeds)


def network_speed(
    name: str,
    network: NetworkWeights[ResUNetConfig],
    *,
    peak: float,
    bfloat16: bool,
    eight_bits: bool,
) -> NetworkSpeed:
    """Measure a network at its usual image side: stage 2 without the black edge of its images."""
    inner = network.inner is not None
    side = SIDES[name] - 2 * network.config.stride * inner
    model = graph_of(network, side=side, bfloat16=bfloat16, eight_bits=eight_bits, inner=inner)
    seconds, work = seconds_of(model, bfloat16=bfloat16), multiply_adds(model)
    return NetworkSpeed(
        name=name,
        precision=network_precision(network),
        peak=peak,
        side=side,
        plain_multiply_adds=plain_multiply_adds(network, side=side),
        multiply_adds=work,
        seconds=seconds,
        share_of_peak=work / seconds / peak,
        levels=levels_of(model, peak=peak, bfloat16=bfloat16),
    )


def seconds_of(model: ov.Model, *, bfloat16: bool, runs: int = RUNS) -> float:
    """Seconds of the fastest call."""
    request = compiled(model, bfloat16=bfloat16).create_infer_request()
    seconds: list[float] = []
    while len(seconds) < runs and sum(seconds) < SECONDS:
        start = time.perf_counter()
        request.infer(share_outputs=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def multiply_adds(model: ov.Model) -> int:
    """Multiply-adds of all convolutions of a graph."""
    return sum(work for _, work in _work(model))


def plain_multiply_adds(network: NetworkWeights[ResUNetConfig], *, side: int) -> int:
    """Multiply-adds of all convolutions of a network on a slice in two views."""
    # Of the arrays only the weights of convolutions have four axes.
    kernels = {name: array.size for name, array in network.arrays.items() if array.ndim == 4}
    depth = network.config.depth
    return VIEWS * sum(
        size * (side >> level_of(name, depth)) ** 2 for name, size in kernels.items()
    )


def level_of(name: str, depth: int) -> int:
    """How often the images of an array's layer were halved; name: such as "up.0.body.3.weight"."""
    path, number = name.split(".")[:2]
    if path == "head":
        return 0
    return int(number) if path == "down" else depth - 1 - int(number)


def levels_of(model: ov.Model, *, peak: float, bfloat16: bool) -> tuple[Level, ...]:
    """Time and work of a graph by the side of its layers' outputs, largest first."""
    graph = compiled(model, bfloat16=bfloat16, profiled=True)
    request = graph.create_infer_request()
    end = time.perf_counter() + SECONDS
    request.infer(share_outputs=True)
    while time.perf_counter() < end:
        request.infer(share_outputs=True)
    seconds: dict[int, float] = defaultdict(float)
    for step in graph.get_runtime_model().get_ordered_ops():
        info = step.get_rt_info()
        taken = info["execTimeMcs"].astype(str) if "execTimeMcs" in info else ""
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
    work = []
    for step in model.get_ordered_ops():
        kind = step.get_type_name()
        if kind not in ("Convolution", "ConvolutionBackpropData"):
            continue
        out = list(step.output(0).get_shape())
        # A transposed convolution goes over its input, any other over its output.
        pixels = out if kind == "Convolution" else list(step.input_value(0).get_shape())
        weight = int(np.prod(list(step.input_value(1).get_shape())))
        work.append((out[3], pixels[0] * pixels[2] * pixels[3] * weight))
    return work

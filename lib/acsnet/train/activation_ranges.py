"""Ranges of the values between layers, with which a network of stages 1 and 2 runs in 8 bits.

Not from the paper. Each is the mean over images of the lowest and of the highest value in an image:
the few values beyond are cut off, and the steps for all others are finer than between the extremes
of all images. With them comes what black edges need to be left out: the mean of each value just
beyond (figures: docs/performance.md). A training measures both at its end on scans that it trained
on.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from acsnet.errors import AcsnetError
from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.inference import BLACK_EDGES
from acsnet.nets.openvino_graph import graph_of
from acsnet.nets.openvino_network import compiled
from acsnet.nets.views import PAIRS, seen_in, without_edge
from acsnet.nets.weights import Inner, NetworkWeights, Ranges, read_weights, save_ranges
from acsnet.preprocess import StandardScan, between_neighbours
from acsnet.stages.myocardium import myocardium_crops
from acsnet.train.data.case import BACKGROUND
from acsnet.train.samples.slices import MYO_SCALE, SOURCES, Samples

SCANS = 16
"""At most, spread over all: more change the means next to nothing."""

DECIMALS = 4
LEAST = 1e-3
"""The highest is at least that: a value that is always zero has a range, too."""


def ranges_after_training(name: str, samples: Samples, *, folder: Path, console: Console) -> None:
    """Measure the ranges of a network that was just trained; a failure is told, and no more.

    As `measure_ranges`. Without, the network runs in another precision, more slowly.
    """
    try:
        measure_ranges(name, list(images_seen(name, samples)), folder=folder)
    except (AcsnetError, LookupError, OSError, RuntimeError, ValueError) as error:
        console.print(f"{name}: runs without 8 bits, its ranges could not be measured: {error}")
    else:
        console.print(f"{name}: ranges for 8 bits measured")


def measure_ranges(name: str, images: Sequence[NDArray[np.float32]], *, folder: Path) -> None:
    """Measure the ranges of network `name` of a weights folder, and write them beside its weights.

    With them what it needs to leave out black edges. images: (inputs, S, S) that it sees.
    """
    network = read_weights(name, ResUNetConfig, folder=folder)
    ranges = activation_ranges(network, images)
    inner = inner_of(network, images) if name in BLACK_EDGES else None
    save_ranges(name, ranges, inner=inner, folder=folder)


def images_seen(name: str, samples: Samples) -> Iterator[NDArray[np.float32]]:
    """(inputs, S, S) that a network sees of the slices of `SCANS` scans at most.

    Of true LGE scans where there are any, as they came. What the expert drew is the ROI.
    """
    for stack in scans_as_they_came(samples):
        images = samples.images[stack].astype(np.float32)
        if name == "roi":
            yield from between_neighbours(images[:, 0] / 255.0)
            continue
        equalised, plain = images.swapaxes(0, 1) / MYO_SCALE
        shape = plain.shape[1], plain.shape[2]
        standard = StandardScan(plain=plain, equalised=equalised, turns=0, shape=shape)
        crops = myocardium_crops(standard, samples.tissue[stack] != BACKGROUND)
        if crops is not None:
            yield from crops.images


def scans_as_they_came(samples: Samples) -> list[slice]:
    """Where the slices of `SCANS` scans at most are: of each the first variant, the unchanged one.

    True LGE where there is any, spread evenly over the scans.
    """
    count = len(samples.images)
    starts = np.flatnonzero(samples.neighbours[:, 0] == np.arange(count))
    stacks = [slice(*ends) for ends in zip(starts, [*starts[1:], count], strict=True)]
    lge = [s for s in stacks if samples.source[s.start] == SOURCES.index("lge")]
    first: dict[int, slice] = {}
    for stack in lge or stacks:
        first.setdefault(int(samples.patient[stack.start]), stack)
    scans = list(first.values())
    chosen = np.linspace(0, len(scans) - 1, min(SCANS, len(scans))).round().astype(int)
    return [scans[k] for k in chosen]


def activation_ranges(
    network: NetworkWeights[ResUNetConfig],
    images: Iterable[NDArray[np.float32]],
    *,
    inner: bool = False,
) -> Ranges:
    """Ranges on images (inputs, S, S), each in two views. At least one image is needed.

    inner: whether the images come without their black edges.
    """
    extremes: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for values in _values(network, images, inner=inner):
        for name, value in values:
            extremes[name].append((float(value.min()), float(value.max())))
    means = {name: np.mean(ends, axis=0) for name, ends in extremes.items()}
    # Zero is in every range: convolutions pad with it.
    return {
        name: (round(min(float(low), 0.0), DECIMALS), round(max(float(high), LEAST), DECIMALS))
        for name, (low, high) in means.items()
    }


def inner_of(
    network: NetworkWeights[ResUNetConfig], images: Sequence[NDArray[np.float32]]
) -> Inner | None:
    """What a network needs where black edges are left out; None if no image has them.

    images: each (inputs, S, S).
    """
    lit = [without_edge(image, network.config.stride) for image in images]
    parts = [image[:, at, at] for image, at in zip(images, lit, strict=True) if at.start]
    if not parts:
        return None
    beyond = values_beyond(network, images)
    network = replace(network, inner=Inner(ranges={}, beyond=beyond))
    return Inner(ranges=activation_ranges(network, parts, inner=True), beyond=beyond)


def values_beyond(
    network: NetworkWeights[ResUNetConfig], images: Sequence[NDArray[np.float32]]
) -> dict[str, NDArray[np.float32]]:
    """(channels,) mean of each value just outside of what is left without the black edge.

    Of whole images whose black edge is half as wide again: nearer to the signal, the values depend
    on it. Of a black image where there is none.
    """
    edge = network.config.stride
    clear = [image for image in images if without_edge(image, edge + edge // 2).start]
    rings = [
        {name: _ring(value, share=edge / images[0].shape[-1]) for name, value in values}
        for values in _values(network, clear or [np.zeros_like(images[0])], inner=False)
    ]
    return {name: np.mean([ring[name] for ring in rings], axis=0) for name in rings[0]}


def _ring(value: NDArray[np.float32], *, share: float) -> NDArray[np.float32]:
    """(n, channels, S, S) -> (channels,) mean of the ring round all but an edge of `share` * S."""
    edge = round(share * value.shape[-1])
    frame = value[..., edge - 1 : value.shape[-1] - edge + 1, edge - 1 : value.shape[-1] - edge + 1]
    on_ring = np.ones(frame.shape[2:], bool)
    on_ring[1:-1, 1:-1] = False
    mean: NDArray[np.float32] = frame[..., on_ring].mean(axis=(0, 2))
    return mean


def _values(
    network: NetworkWeights[ResUNetConfig], images: Iterable[NDArray[np.float32]], *, inner: bool
) -> Iterator[Iterable[tuple[str, NDArray[np.float32]]]]:
    """For each image the names of the values between layers, and the values of two views."""
    requests = {}
    for image in images:
        side = image.shape[-1]
        if side not in requests:
            requests[side] = _between_layers(network, side=side, inner=inner)
        names, request = requests[side]
        views = np.stack([seen_in(view, image) for view in PAIRS[0]])
        values = request.infer([views], share_outputs=True)
        yield [(name, values[k]) for k, name in enumerate(names)]


def _between_layers(
    network: NetworkWeights[ResUNetConfig], *, side: int, inner: bool
) -> tuple[list[str], Any]:
    """Names of the values between layers, and a request for a graph that gives them in order."""
    graph = graph_of(network, side=side, bfloat16=False, inner=inner)
    steps = {step.get_friendly_name(): step for step in graph.get_ordered_ops()}
    names = [name for name in steps if name.endswith((".mid", ".out"))]
    values = ov.Model([steps[name].output(0) for name in names], graph.get_parameters(), "values")
    return names, compiled(values, bfloat16=False).create_infer_request()

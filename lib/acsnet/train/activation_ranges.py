"""Ranges of the values between layers, with which a network of stages 1 and 2 runs in 8 bits.

Not from the paper. Each is the mean over images of the lowest and of the highest value in an image:
the few values beyond are cut off, and the steps for all others are finer than between the extremes
of all images (figures: docs/performance.md). A training measures them at its end on scans that it
trained on.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from acsnet.errors import AcsnetError
from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.inference import BLACK_BEYOND
from acsnet.nets.openvino_graph import graph_of
from acsnet.nets.openvino_network import compiled
from acsnet.nets.views import PAIRS, seen_in, without_edge
from acsnet.nets.weights import NetworkWeights, Ranges, read_weights, save_ranges
from acsnet.preprocess import StandardScan, between_neighbours
from acsnet.stages.myocardium import myocardium_crops
from acsnet.train.data.case import BACKGROUND
from acsnet.train.data.samples import MYO_SCALE, SOURCES, Samples

SCANS = 16
"""At most, spread over all: more change the means next to nothing."""

DECIMALS = 4
LEAST = 1e-3
"""The highest is at least that: a value that is always zero has a range, too."""


def ranges_after_training(name: str, samples: Samples, *, folder: Path, console: Console) -> None:
    """Measure the ranges of a network that was just trained; a failure is told, and no more.

    As `measure_ranges`. Without ranges the network runs in another precision, more slowly.
    """
    try:
        measure_ranges(name, samples, folder=folder)
    except (AcsnetError, LookupError, OSError, RuntimeError, ValueError) as error:
        console.print(f"{name}: runs without 8 bits, its ranges could not be measured: {error}")
    else:
        console.print(f"{name}: ranges for 8 bits measured")


def measure_ranges(name: str, samples: Samples, *, folder: Path) -> None:
    """Measure the ranges of network `name` of a weights folder, and write them beside its weights.

    samples: that it was trained on.
    """
    network = read_weights(name, ResUNetConfig, folder=folder)
    images = images_seen(name, samples)
    ranges = activation_ranges(network, images, black_beyond=name in BLACK_BEYOND)
    save_ranges(name, ranges, folder=folder)


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
    black_beyond: bool,
) -> Ranges:
    """Ranges on images (inputs, S, S), each in two views and without its black edges.

    black_beyond: as `FusedNetwork` takes it. At least one image is needed.
    """
    requests = {}
    extremes = []
    for image in images:
        lit = without_edge(image, network.config.stride if black_beyond else 0)
        side = lit.stop - lit.start
        if side not in requests:
            requests[side] = _between_layers(network, side=side, black_beyond=black_beyond)
        names, request = requests[side]
        views = np.stack([seen_in(view, image[:, lit, lit]) for view in PAIRS[0]])
        values = request.infer([views], share_outputs=True)
        extremes.append([(values[k].min(), values[k].max()) for k in range(len(names))])
    # Zero is in every range: convolutions pad with it.
    low, high = np.mean(extremes, axis=0).T
    return {
        name: (round(min(float(a), 0.0), DECIMALS), round(max(float(b), LEAST), DECIMALS))
        for name, a, b in zip(names, low, high, strict=True)
    }


def _between_layers(
    network: NetworkWeights[ResUNetConfig], *, side: int, black_beyond: bool
) -> tuple[list[str], Any]:
    """Names of the values between layers, and a request for a graph that gives them in order."""
    graph = graph_of(network, side=side, bfloat16=False, black_beyond=black_beyond)
    steps = {step.get_friendly_name(): step for step in graph.get_ordered_ops()}
    names = [name for name in steps if name.endswith((".mid", ".out"))]
    values = ov.Model([steps[name].output(0) for name in names], graph.get_parameters(), "values")
    return names, compiled(values, bfloat16=False).create_infer_request()

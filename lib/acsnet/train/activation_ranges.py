"""Ranges of the values between layers, with which a network of stages 1 and 2 runs in 8 bits.

Not from the paper. Each is the mean over images of the lowest and of the highest value in an image:
the few values beyond are cut off, and the steps for all others are finer than between the extremes
of all images (figures: docs/performance.md).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.nets import openvino_runtime as ov
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_graph import graph_of
from acsnet.nets.openvino_network import compiled
from acsnet.nets.views import PAIRS, seen_in, without_edge
from acsnet.nets.weights import NetworkWeights, Ranges

DECIMALS = 4
LEAST = 1e-3
"""The highest is at least that: a value that is always zero has a range, too."""


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

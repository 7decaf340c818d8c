"""Pauses in the inference of a large scan, in which others go first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.inference import InferenceNetwork
from acsnet.pipeline import Pipeline
from acsnet.stages.correction import SLICES_BETWEEN_PAUSES


@dataclass(frozen=True, kw_only=True)
class PausingNetwork:
    """A network that lets others go first between so many slices."""

    inner: InferenceNetwork
    pause: Callable[[], None]

    @property
    def config(self) -> ResUNetConfig:
        """Of the network."""
        return self.inner.config

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """As of the network: what it draws in a slice does not depend on the others."""
        parts = []
        for first in range(0, max(len(images), 1), SLICES_BETWEEN_PAUSES):
            self.pause()
            parts.append(self.inner(images[first : first + SLICES_BETWEEN_PAUSES]))
        return np.concatenate(parts)

    def samples(self, images: NDArray[np.float32], *, seed: int) -> Iterator[NDArray[np.float32]]:
        """As of the network, with a pause before each."""
        for sample in self.inner.samples(images, seed=seed):
            self.pause()
            yield sample


def with_pauses(pipeline: Pipeline, pause: Callable[[], None]) -> Pipeline:
    """A pipeline that calls `pause` now and then: whoever waits need not wait for a large scan."""
    return replace(
        pipeline,
        roi_net=PausingNetwork(inner=pipeline.roi_net, pause=pause),
        myocardium_net=PausingNetwork(inner=pipeline.myocardium_net, pause=pause),
        corrector=replace(pipeline.corrector, pause=pause),
    )

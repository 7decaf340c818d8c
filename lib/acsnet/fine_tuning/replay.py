"""Training samples for fine-tuning: a site's reviewed scans, and a replay of the first training.

Not from the paper. The scans of the first training cannot be shipped. Replayed instead are
phantoms, for the networks of stages 1 and 2, and the expert walls that the shipped codes decode to,
for autoencoder and prior.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import load_prior
from acsnet.anatomy.pose import FRAME_SIDE
from acsnet.fine_tuning.reviewed_cases import named
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.lists import phantom_cases
from acsnet.train.samples.prepare import join_samples, samples_of
from acsnet.train.samples.slices import SOURCES, Samples, stack_neighbours
from acsnet.train.samples.walls import WALL_SIDE, WallSamples

REPLAYED = SOURCES.index("phantom")
BATCH = 256


def slice_samples(cases: Sequence[TrainingCase], *, phantoms: int, seed: int) -> dict[str, Samples]:
    """Samples of the networks "roi" and "myo": the cases, and phantoms, in several variants."""
    everything = [*cases, *phantom_cases(count=phantoms, rng=np.random.default_rng(seed))]
    variants = []
    for index, case in enumerate(everything):
        with named(case.scan.name):
            variants.append(samples_of((case, seed + index), references=[], share=0.0))
    return {name: join_samples(everything, variants, name) for name in ("roi", "myo")}


def with_replay(reviewed: WallSamples) -> WallSamples:
    """Samples of autoencoder and prior: the reviewed walls, if any, and those of the codes."""
    replayed, scale_mm = replayed_walls()
    images = np.concatenate([reviewed.images, replayed])
    first = reviewed.patient.max(initial=-1) + 1
    return WallSamples(
        images=images,
        tissue=images[:, 0],
        source=np.concatenate([reviewed.source, np.full(len(replayed), REPLAYED, np.uint8)]),
        patient=np.concatenate([reviewed.patient, first + np.arange(len(replayed))]).astype(
            np.int32
        ),
        neighbours=stack_neighbours([1] * len(images)),
        scale_mm=np.concatenate([reviewed.scale_mm, scale_mm]),
    )


def replayed_walls() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Walls (n, 1, WALL_SIDE, WALL_SIDE), 255 inside, and scales (mm) of the shipped expert codes.

    Always of the shipped codes, so that nothing drifts from one training to the next.
    """
    network, prior = load_network("autoencoder", Autoencoder), load_prior(read_limits())
    edge = (WALL_SIDE - FRAME_SIDE) // 2
    codes = prior.codes[: prior.experts]
    walls = np.zeros((len(codes), 1, WALL_SIDE, WALL_SIDE), np.uint8)
    for start in range(0, len(codes), BATCH):
        scores = network.scores(codes[start : start + BATCH])
        inner = walls[start : start + BATCH, 0, edge:-edge, edge:-edge]
        inner[:] = np.rint(255.0 * expit(scores))
    return walls, prior.scale_mm[: prior.experts]

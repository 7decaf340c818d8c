"""The latent prior beside an autoencoder: fitted once the autoencoder is trained, or on its own."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import SAMPLES, Prior, build_prior, load_prior
from acsnet.anatomy.pose import FRAME_SIDE
from acsnet.errors import WeightsError
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network
from acsnet.nets.weights import MANIFEST, SHIPPED, copy_weights, read_manifest
from acsnet.train.progress import begin_step
from acsnet.train.samples.walls import WallSamples


def bring_autoencoder(folder: Path, *, console: Console) -> None:
    """Put the shipped autoencoder into `folder` where there is none. Errors as `read_verified`."""
    if (folder / MANIFEST).exists() and "autoencoder" in read_manifest(folder):
        return
    copy_weights("autoencoder", source=SHIPPED, folder=folder)
    console.print("latent prior: of the shipped autoencoder, the run has none of its own")


def has_prior(folder: Path) -> bool:
    """Whether the prior in `folder` is that of its autoencoder and of today's limits."""
    try:
        load_prior(read_limits(), folder=folder)
    except WeightsError:
        return False
    return True


def fit_prior(
    samples: WallSamples, *, folder: Path, seed: int, device: str, console: Console
) -> Prior:
    """The latent prior of the autoencoder in `folder`, as it was written: in half precision.

    samples: of `acsnet.train.samples.walls`. The limits are the shipped ones.
    """
    network = load_network("autoencoder", Autoencoder, folder=folder, device=device)
    edge = (samples.images.shape[-1] - FRAME_SIDE) // 2
    middle = slice(edge, edge + FRAME_SIDE)
    frames = samples.images[:, 0, middle, middle].astype(np.float32) / 255.0
    begin_step(f"latent prior of {len(frames)} expert walls", console=console)
    with Progress(console=console) as bar:
        task = bar.add_task("latent prior", total=SAMPLES)
        prior = build_prior(
            np.concatenate([network.codes(part) for part in np.array_split(frames, 32)]),
            samples.scale_mm,
            decode=lambda codes: network.scores(codes),
            limits=read_limits(),
            seed=seed,
            progress=lambda accepted: bar.update(task, completed=accepted),
        )
    console.print(
        f"latent prior: {prior.experts} of {len(frames)} expert walls and {SAMPLES} samples, "
        f"{prior.acceptance:.1%} of those drawn"
    )
    return prior

"""Latent prior: codes of expert walls, and 10,000 sampled codes that decode to valid walls.

Paper, "Stage 3": a mixture of 5 Gaussians on the codes of the training masks, rejection-sampled by
the anatomical checks. Not from the paper: each code has a size, because the limits are in mm; a
sample takes that of the expert wall with the nearest code.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from scipy.spatial import KDTree

from acsnet.anatomy.checks import Limits, check, limits_from_dict, limits_to_dict
from acsnet.errors import WeightsError
from acsnet.nets.weights import SHIPPED, read_manifest, read_verified, save_verified

COMPONENTS = 5
SAMPLES = 10_000
BATCH = 256
MIN_ACCEPTANCE = 0.01  # not from the paper: share of valid samples below which fitting fails
NAME = "prior"

Decode = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""(n, code) -> (n, FRAME_SIDE, FRAME_SIDE) scores, wall where above 0."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """Codes of valid walls.

    Attributes:
        codes: (n, code).
        scale_mm: (n,) size of a pixel of the frame.
        experts: number of codes of expert walls, which come first.
        gap: median distance of an expert code to the nearest other, the unit of latent distance.
        acceptance: share of samples that were valid.
        seed: of the sampling.
        limits: those that every code passed.
    """

    codes: NDArray[np.float32]
    scale_mm: NDArray[np.float32]
    experts: int
    gap: float
    acceptance: float
    seed: int
    limits: Limits


def build_prior(
    expert_codes: NDArray[np.float32],
    expert_scale_mm: NDArray[np.float32],
    *,
    decode: Decode,
    limits: Limits,
    seed: int,
    samples: int = SAMPLES,
    progress: Callable[[int], None] = lambda accepted: None,
) -> Prior:
    """Fit the mixture to (n, code) expert codes and sample it until `samples` codes are valid.

    Expert codes that decode to an invalid wall take part in the fit only. progress is called with
    the number of accepted samples. Raises WeightsError where almost no sample is valid: then
    autoencoder and limits do not belong together.
    """
    # Imported here: only training needs it, and it costs two thirds of a second.
    from sklearn.mixture import GaussianMixture

    # In single precision the covariances of nearby codes are not positive.
    mixture = GaussianMixture(COMPONENTS, random_state=seed).fit(expert_codes.astype(np.float64))
    # One generator for all draws: with an integer seed `sample` would repeat itself.
    mixture.set_params(random_state=np.random.RandomState(seed))
    nearest = KDTree(expert_codes)
    valid = valid_codes(expert_codes, expert_scale_mm, decode=decode, limits=limits)
    codes, scales = [expert_codes[valid]], [expert_scale_mm[valid]]
    accepted = drawn = 0
    while accepted < samples:
        batch = mixture.sample(BATCH)[0].astype(np.float32)
        batch_scale = expert_scale_mm[nearest.query(batch)[1]]
        accept = valid_codes(batch, batch_scale, decode=decode, limits=limits)
        codes.append(batch[accept][: samples - accepted])
        scales.append(batch_scale[accept][: samples - accepted])
        drawn += BATCH
        accepted += int(accept.sum())
        progress(min(accepted, samples))
        if drawn >= 20 * BATCH and accepted < MIN_ACCEPTANCE * drawn:
            msg = f"only {accepted} of {drawn} samples of the latent prior pass the checks"
            raise WeightsError(msg)
    return Prior(
        codes=np.concatenate(codes),
        scale_mm=np.concatenate(scales),
        experts=int(valid.sum()),
        gap=typical_gap(expert_codes),
        acceptance=accepted / drawn,
        seed=seed,
        limits=limits,
    )


def valid_codes(
    codes: NDArray[np.float32], scale_mm: NDArray[np.float32], *, decode: Decode, limits: Limits
) -> NDArray[np.bool_]:
    """(n,) whether each code decodes to a wall that passes the checks on the frame's own grid."""
    out = np.zeros(len(codes), bool)
    for start in range(0, len(codes), BATCH):
        part = slice(start, start + BATCH)
        for k, (score, mm) in enumerate(zip(decode(codes[part]), scale_mm[part], strict=True)):
            wall = score > 0
            out[start + k] = wall.any() and check(wall, (float(mm), float(mm)), limits).valid
    return out


def typical_gap(codes: NDArray[np.float32]) -> float:
    """Median distance of one of (n, code) codes to its nearest neighbour."""
    distance, _ = KDTree(codes).query(codes, k=2)
    return float(np.median(distance[:, 1]))


def save_prior(prior: Prior, *, folder: Path, about: dict[str, Any]) -> Path:
    """Write a prior and its manifest entry beside the autoencoder it was built with."""
    return save_verified(
        save_arrays({"codes": prior.codes, "scale_mm": prior.scale_mm}),
        NAME,
        folder=folder,
        about={
            "autoencoder_sha256": read_manifest(folder)["autoencoder"]["sha256"],
            "experts": prior.experts,
            "gap": prior.gap,
            "acceptance": prior.acceptance,
            "seed": prior.seed,
            "limits": limits_to_dict(prior.limits),
            **about,
        },
    )


def load_prior(limits: Limits, *, folder: Path = SHIPPED) -> Prior:
    """The prior of a weights folder.

    Raises WeightsError when it is missing or altered, or was built with another autoencoder than
    the folder's or other limits than `limits`: its codes might not be valid.
    """
    entry, content = read_verified(NAME, folder=folder)
    file = entry["file"]
    if entry.get("autoencoder_sha256") != read_manifest(folder)["autoencoder"]["sha256"]:
        msg = f"{file} was built with another autoencoder than the one in {folder}"
        raise WeightsError(msg)
    built = limits_from_dict(entry.get("limits", {}), source=file)
    changed = [name for name in limits if built[name] != limits[name]]
    if changed:
        name = changed[0]
        was, now = (json.dumps(limits_to_dict(table)[name]) for table in (built, limits))
        msg = f"{file} was built with other limits: {name} {was} instead of {now}; build it again"
        raise WeightsError(msg)
    arrays = load_arrays(content)
    figures: dict[str, Any] = {key: entry[key] for key in ("experts", "gap", "acceptance", "seed")}
    return Prior(codes=arrays["codes"], scale_mm=arrays["scale_mm"], limits=limits, **figures)

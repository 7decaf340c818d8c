"""From a data folder to the training samples of both networks, kept in the run folder."""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import chain
from multiprocessing import parent_process
from pathlib import Path
from threading import Thread

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from acsnet.errors import InputError
from acsnet.storage import write_json, writing
from acsnet.train.augment.inversion_time import other_inversion_time
from acsnet.train.augment.scar_transplant import with_new_scar
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.fingerprint import digest_cases, digest_of_data
from acsnet.train.data.lists import cases_of, phantom_cases, training_lists
from acsnet.train.data.unlabelled import Unlabelled
from acsnet.train.progress import step
from acsnet.train.samples.slices import (
    SOURCES,
    CaseSamples,
    NothingLeftError,
    Samples,
    as_lge,
    case_samples,
    enhanced_share,
    stack_neighbours,
    variant,
)

VARIANTS: Mapping[str, int] = {"lge": 12, "cine": 4, "phantom": 2}
"""Of each case by its source; the first is the case as it came."""

LGE_LIKE_SHARE = 0.65
"""Of the variants of a cine case are made LGE-like; the others stay cine."""

MATCHED_SHARE = 0.6
"""Of those get the histogram of an LGE scan; in the others the wall stays dark."""

NEW_SCAR_SHARE: Mapping[str, float] = {"lge": 0.35, "cine": 0.2, "phantom": 0.0}
"""Of the variants of a case get a scar that the patient has not.

With half of them, patients without scar got more of it from the network: see the model card.
"""

INVERSION_TIME_SHARE = 0.5
"""Of all variants are seen at another inversion time."""


@dataclass(frozen=True, kw_only=True)
class SampleMix:
    """Phantoms among the cases, variants of each case by its source, and shares of these.

    new_scar_share: by source, of the variants that get a scar that the patient has not;
    inversion_time_share: of all variants that are seen at another inversion time.
    """

    phantoms: int = 60
    variants: Mapping[str, int] = field(default_factory=lambda: VARIANTS)
    new_scar_share: Mapping[str, float] = field(default_factory=lambda: NEW_SCAR_SHARE)
    inversion_time_share: float = INVERSION_TIME_SHARE


USUAL_MIX = SampleMix()


def samples_of(
    job: tuple[TrainingCase, int],
    *,
    references: list[NDArray[np.float32]],
    share: float,
    mix: SampleMix = USUAL_MIX,
) -> list[CaseSamples]:
    """All variants of one case, as `case_samples` gives them; the first is the case as it came.

    job: the case and the seed of what is random; references, share: as in `as_lge`, for cine.
    Variants in which nothing is left of a small ventricle are passed over. Raises as `case_samples`
    does for the case as it came.
    """
    case, seed = job
    rng = np.random.default_rng(seed)
    samples = [case_samples(case)]
    for _ in range(1, mix.variants[case.source]):
        with suppress(NothingLeftError):
            changed = random_variant(case, references, share=share, mix=mix, rng=rng)
            samples.append(case_samples(changed))
    return samples


def random_variant(
    case: TrainingCase,
    references: list[NDArray[np.float32]],
    *,
    share: float,
    mix: SampleMix,
    rng: np.random.Generator,
) -> TrainingCase:
    """The case as another patient, scanner and operator might have given it.

    First what is in the heart, then the contrast, then what the scanner adds. references, share: as
    in `as_lge`, for cine.
    """
    changed = case
    if rng.random() < LGE_LIKE_SHARE:
        matched = rng.random() < MATCHED_SHARE
        changed = as_lge(case, references, enhanced_share=share, matched=matched, rng=rng)
    if rng.random() < mix.new_scar_share[case.source]:
        changed = with_new_scar(changed, rng)
    if rng.random() < mix.inversion_time_share:
        changed = other_inversion_time(changed, rng)
    return variant(changed, rng)


def build(
    data: Path,
    folder: Path,
    *,
    seed: int = 0,
    mix: SampleMix = USUAL_MIX,
    unlabelled: Unlabelled | None = None,
    console: Console,
) -> dict[str, Path]:
    """Write `roi.npz` and `myo.npz` into `folder`, or find them there; returns their paths.

    data: laid out as `acsnet.train` says; unlabelled: scans that count as true LGE once they are
    drawn. Raises InputError as `acsnet.train.data.lists` does, and where the folder holds samples
    of other cases, of other contents of their files, or of another mix or seed.
    """
    names = training_lists(data)
    digests = digest_cases(data, names) | (unlabelled.digests() if unlabelled else {})
    content = {
        "seed": seed,
        **asdict(mix),
        "data_fingerprint": digest_of_data(digests),
        **names,
    }
    record = folder / "content.json"
    paths = {name: folder / f"{name}.npz" for name in ("roi", "myo")}
    # The record is written last: without it a build was cut short, and is done again.
    if record.exists():
        if json.loads(record.read_text()) != content:
            msg = (
                f"{folder} holds samples of other data, another mix of variants or another seed: "
                "use another folder"
            )
            raise InputError(msg)
        return paths
    read = step(
        chain.from_iterable(cases_of(data, *listed) for listed in names.items()),
        total=sum(map(len, names.values())),
        what="reading",
        console=console,
    )
    phantoms = step(
        phantom_cases(count=mix.phantoms, rng=np.random.default_rng(seed + 1)),
        total=mix.phantoms,
        what="phantoms",
        console=console,
    )
    drawn = unlabelled.cases(console) if unlabelled else []
    cases = list(chain(read, phantoms, drawn))
    lge = [case for case in cases if case.source == "lge" and not case.scar_unknown]
    work = partial(
        samples_of,
        references=[c.scan.pixels for c in lge],
        share=enhanced_share(lge),
        mix=mix,
    )
    jobs = zip(cases, range(seed * 1_000_000, seed * 1_000_000 + len(cases)), strict=True)
    with ProcessPoolExecutor(initializer=begin_worker) as pool:
        done = pool.map(work, jobs, chunksize=4)
        results = list(step(done, total=len(cases), what="samples", console=console))
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        save(path, join_samples(cases, results, name))
    write_json(record, content)
    return paths


def begin_worker() -> None:
    """Of a process of the pool: one thread, and an end where the process that began it was killed.

    The workers share the processors, and OpenMP's threads do not survive a fork.
    """
    torch.set_num_threads(1)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End where the parent was killed: a worker that is left would keep the lock of the run."""
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def join_samples(
    cases: list[TrainingCase], results: list[list[CaseSamples]], network: str
) -> Samples:
    """What `samples_of` gave of each case as samples of a network, "roi" or "myo".

    Where scar is unknown, a case teaches the ROI network only: the other would learn to leave scar
    out.
    """

    def rows() -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint8], int, int]]:
        for index, (case, variants) in enumerate(zip(cases, results, strict=True)):
            for parts in variants if network == "roi" or not case.scar_unknown else ():
                yield *parts[network], SOURCES.index(case.source), index

    images, tissue, source, patient = zip(*rows(), strict=True)
    counts = [len(part) for part in images]
    return Samples(
        images=np.concatenate(images),
        tissue=np.concatenate(tissue),
        source=np.repeat(np.array(source, np.uint8), counts),
        patient=np.repeat(np.array(patient, np.int32), counts),
        neighbours=stack_neighbours(counts),
    )


def save(path: Path, samples: Samples) -> None:
    """Put samples in place whole, for `load`."""
    with writing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **vars(samples))


def load(path: Path) -> Samples:
    """Samples that `build` wrote."""
    with np.load(path) as arrays:
        return Samples(**{key: arrays[key] for key in arrays.files})

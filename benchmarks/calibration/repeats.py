"""Scans of one heart that differ in what should not matter, and hearts whose scar has grown.

A repeat is a scan under one of the changes of `acsnet evaluate --stress`. Phantoms come from seeds
that no training used.
"""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.evaluate.robustness.run import CHANGES
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.phantom.make import Phantom, make_phantom
from acsnet.phantom.spec import PhantomSpec, random_spec
from acsnet.uncertainty.appearance import appearance
from acsnet.uncertainty.doubt import unclear_percent
from acsnet.uncertainty.half_signal import half_signal_volume_ml
from acsnet.uncertainty.intervals import SIZES
from calibration.grown_scar import with_more_scar
from calibration.kept_rows import Row, kept_rows, pipeline, pipeline_name

UNCHANGED = "unchanged"
GROWN = "grown"
GROWTH = 4 / 3
WITHOUT_EFFECT = ("turned", "mirrored", "slices reversed", "intensity", "signed")
"""First words of changes that the pipeline takes back before its networks see the scan."""

EFFECTIVE = tuple(name for name in CHANGES if not name.startswith(WITHOUT_EFFECT))
PHANTOM = "phantom-"
LEAST_DEPTH, LEAST_DEGREES, MOST_DEGREES, LEAST_SLICES = 0.8, 80.0, 150.0, 3
"""Of scar that is like that of patients, also when it has grown by a third."""


def repeat_rows(
    data: Path, hearts: list[str], changes: tuple[str, ...], work: Path
) -> dict[str, dict[str, Row]]:
    """Heart -> change -> its row; hearts: patients of EMIDEC, or names of `scarred_phantoms`."""
    names = [f"{heart}@{change}" for heart in hearts for change in changes]
    rows = kept_rows(work / f"compared-{pipeline_name()}", names, partial(_row, data))
    by_name = dict(zip(names, rows, strict=True))
    return {heart: {change: by_name[f"{heart}@{change}"] for change in changes} for heart in hearts}


def scarred_phantoms(count: int, *, seed: int) -> list[str]:
    """Names of phantoms whose scar is of usual size and may grow, the first ones from `seed` on."""
    names: list[str] = []
    while len(names) < count:
        spec = _spec(seed)
        first, last = spec.scar_slices
        if (
            spec.scar_depth >= LEAST_DEPTH
            and LEAST_DEGREES <= spec.scar_extent_degrees <= MOST_DEGREES
            and last - first + 1 >= LEAST_SLICES
        ):
            names.append(f"{PHANTOM}{seed}")
        seed += 1
    return names


def _spec(seed: int) -> PhantomSpec:
    return random_spec(np.random.default_rng(seed))


def _row(data: Path, name: str) -> Row:
    heart, change = name.split("@")
    case = _heart(data, heart, grown=change == GROWN)
    if change in CHANGES:
        case = CHANGES[change](case)
    result = replace(pipeline(), uncertainty=False, standard_tone=True)(case.scan)
    return {
        "heart": heart,
        "change": change,
        "value": {measure: getattr(result.features, measure) for measure in SIZES},
        "unclear": unclear_percent(
            result.enhancement_probability, np.isin(result.labels, MYOCARDIUM)
        ),
        "appearance": asdict(appearance(result.scan.pixels, result.labels)),
        "half_signal_ml": half_signal_volume_ml(
            result.scan.pixels, result.labels, spacing_mm=result.scan.spacing_mm
        ),
    }


def _heart(data: Path, heart: str, *, grown: bool) -> LabelledScan:
    if heart.startswith(PHANTOM):
        spec = _spec(int(heart.removeprefix(PHANTOM)))
        if grown:
            wider = GROWTH * spec.scar_extent_degrees
            spec = replace(spec, scar_extent_degrees=wider)
        return _labelled(make_phantom(spec))
    folder = data / "emidec"
    case = read_labelled(heart, images=folder / "images", labels=folder / "labels", truth="emidec")
    return with_more_scar(case, by=GROWTH) if grown else case


def _labelled(phantom: Phantom) -> LabelledScan:
    labels = phantom.labels.copy()
    labels[np.isin(labels, ENHANCEMENT)] = Label.GREY_ZONE
    return LabelledScan(scan=phantom.scan, labels=labels)

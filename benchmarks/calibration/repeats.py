"""Scans of one heart that differ in what should not matter, and phantoms whose scar has grown.

A repeat is a scan under one of the changes of `acsnet evaluate --stress`. Phantoms come from seeds
that no training used.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from acsnet.evaluate.robustness.cases import read_labelled
from acsnet.evaluate.robustness.run import CHANGES
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import ENHANCEMENT, Label
from acsnet.phantom.make import Phantom, make_phantom
from acsnet.phantom.spec import PhantomSpec, random_spec
from acsnet.uncertainty.intervals import SIZES
from calibration.kept_rows import Networks, Row, kept_rows

UNCHANGED = "unchanged"
GROWN = "grown"
GROWTH = 4 / 3
WITHOUT_EFFECT = ("turned", "mirrored", "slices reversed", "intensity", "signed")
"""First words of changes that the pipeline takes back before its networks see the scan."""

EFFECTIVE = tuple(name for name in CHANGES if not name.startswith(WITHOUT_EFFECT))
LEAST_BURDEN, MOST_BURDEN = 5.0, 35.0
"""Percent; scar of phantoms that may grow by a third and still be like that of patients."""


def phantom_name(seed: int) -> str:
    """How a phantom's rows are kept."""
    return f"phantom-{seed}"


def repeat_rows(
    networks: Networks, hearts: list[str], changes: tuple[str, ...], work: Path
) -> dict[str, dict[str, Row]]:
    """Heart -> change -> its row; hearts: patients of EMIDEC, or `phantom_name`."""
    names = [f"{heart}@{change}" for heart in hearts for change in changes]
    rows = kept_rows(work / f"repeats-{networks.name}", names, partial(_row, networks))
    by_name = dict(zip(names, rows, strict=True))
    return {heart: {change: by_name[f"{heart}@{change}"] for change in changes} for heart in hearts}


def scarred_phantoms(count: int, *, seed: int) -> list[int]:
    """Seeds of phantoms whose scar is of usual size and may grow, the first ones from `seed` on."""
    found: list[int] = []
    while len(found) < count:
        spec = _spec(seed)
        if spec.scar_depth > 0 and GROWTH * spec.scar_extent_degrees < 360:
            burden = make_phantom(spec).scar_burden_percent
            if LEAST_BURDEN <= burden <= MOST_BURDEN:
                found.append(seed)
        seed += 1
    return found


def _spec(seed: int) -> PhantomSpec:
    return random_spec(np.random.default_rng(seed))


def _row(networks: Networks, name: str) -> Row:
    heart, change = name.split("@")
    case = _heart(networks.data, heart, grown=change == GROWN)
    if change in CHANGES:
        case = CHANGES[change](case)
    result = replace(networks.pipeline(), uncertainty=False)(case.scan)
    return {
        "heart": heart,
        "change": change,
        "value": {measure: getattr(result.features, measure) for measure in SIZES},
    }


def _heart(data: Path, heart: str, *, grown: bool) -> LabelledScan:
    if heart.startswith("phantom-"):
        spec = _spec(int(heart.removeprefix("phantom-")))
        if grown:
            wider = GROWTH * spec.scar_extent_degrees
            spec = replace(spec, scar_extent_degrees=wider)
        return _labelled(make_phantom(spec))
    folder = data / "emidec"
    return read_labelled(heart, images=folder / "images", labels=folder / "labels", truth="emidec")


def _labelled(phantom: Phantom) -> LabelledScan:
    labels = phantom.labels.copy()
    labels[np.isin(labels, ENHANCEMENT)] = Label.GREY_ZONE
    return LabelledScan(scan=phantom.scan, labels=labels)

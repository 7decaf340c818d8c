"""90 % intervals of volumes and burdens: where an expert's value would lie.

The interval runs from down x scale below the value to up x scale above it, where scale =
sqrt(spread^2 + (floor x size)^2) and spread is the standard deviation of the samples, which is too
narrow alone, because all samples share some errors. Down and up differ where networks are biased:
they are conformal quantiles of the experts' differences from the value, over scale, in all patients
of the train list, each drawn by a network that never saw them. `benchmarks/uncertainty.py` fits and
checks them; `calibration.json` beside this file has them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.quantify.features import Features
from acsnet.quantify.volumes import MYOCARDIUM_G_PER_ML

PERCENT = 100.0

SIZES: Mapping[str, str | None] = {
    "lv_volume_ml": "lv_volume_ml",
    "blood_pool_volume_ml": "lv_volume_ml",
    "myocardium_volume_ml": "lv_volume_ml",
    "enhancement_volume_ml": "myocardium_volume_ml",
    "core_scar_volume_ml": "myocardium_volume_ml",
    "grey_zone_volume_ml": "myocardium_volume_ml",
    "scar_burden_percent": None,
    "core_scar_burden_percent": None,
}
"""The measures with an interval, and the feature that their floor is a share of (None: 100 %).

Mass follows from volume. Microvascular obstruction has none: a rule finds it, not a network.
"""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Interval that holds an expert's value in the share `level` of patients."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Ends of the interval of a measure, as in the docstring of this module."""

    down: float
    up: float
    floor: float

    def scale(
        self, spread: float | NDArray[np.float64], size: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What `down` and `up` are multiples of, in the unit of the measure."""
        return np.asarray(np.hypot(spread, self.floor * np.asarray(size)))


def size_of(measure: str, features: Mapping[str, float]) -> float:
    """The value that the floor of a measure is a share of; features: measures by name."""
    feature = SIZES[measure]
    return PERCENT if feature is None else float(features[feature])


def most_of(measure: str) -> float:
    """The largest value that a measure can have."""
    return PERCENT if SIZES[measure] is None else np.inf


def spreads(samples: Sequence[Features]) -> dict[str, float]:
    """Standard deviation of each measure over the samples, if all samples have it."""
    by_name = {name: [getattr(sample, name) for sample in samples] for name in SIZES}
    return {name: float(np.std(v, ddof=1)) for name, v in by_name.items() if None not in v}


def intervals(
    features: Features, samples: Sequence[Features], *, rules: Mapping[str, Rule], level: float
) -> dict[str, Interval]:
    """The interval of each measure that the scan has, within 0 and, for shares, 100."""
    out = {}
    for name, spread in spreads(samples).items():
        value = getattr(features, name)
        if value is None:
            continue
        scale = float(rules[name].scale(spread, size_of(name, vars(features))))
        out[name] = Interval(
            low=max(0.0, value - rules[name].down * scale),
            high=min(most_of(name), value + rules[name].up * scale),
            level=level,
        )
    if wall := out.get("myocardium_volume_ml"):
        out["myocardium_mass_g"] = Interval(
            low=MYOCARDIUM_G_PER_ML * wall.low,
            high=MYOCARDIUM_G_PER_ML * wall.high,
            level=wall.level,
        )
    return out

"""90 % intervals of volumes and burdens: where an expert's value would lie.

The interval runs from down x scale below the value to up x scale above it. The scale of a measure
of the ventricle is its size: what differs between experts, above all where the base ends, is a
share of it. That of a measure of scar is sqrt(U^2 + (0.01 x size)^2), where U is how much of the
wall is unclear (`acsnet.uncertainty.doubt`), in the unit of the measure. Down and up differ where
networks are biased: they are conformal quantiles of the experts' differences from the value, over
scale, in all patients of the train list, each drawn by a network that never saw them.
`benchmarks/uncertainty.py` fits and checks them; `calibration.json` beside this file has them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from acsnet.quantify.features import Features
from acsnet.quantify.features_document import Interval
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

SCAR = frozenset(name for name, size in SIZES.items() if size != "lv_volume_ml")
"""Measures of scar, to which the unclear wall counts."""

OF_SPLIT = ("core_scar_volume_ml", "grey_zone_volume_ml", "core_scar_burden_percent")
"""Measures of scar whose rules hold for the "remote" threshold between core scar and grey zone."""

LEAST_SHARE = 0.01
"""Of its size is the scale of a measure of scar where nothing is unclear."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Ends of the interval of a measure, in multiples of its scale."""

    down: float
    up: float


def size_of(measure: str, features: Mapping[str, float]) -> float:
    """The value that the floor of a measure is a share of; features: measures by name."""
    feature = SIZES[measure]
    return PERCENT if feature is None else float(features[feature])


def scale_of(measure: str, features: Mapping[str, float], *, unclear: float) -> float:
    """What the ends of the interval of a measure are multiples of, in its unit.

    features: measures by name; unclear: percent of the wall.
    """
    size = size_of(measure, features)
    return size * math.hypot(unclear / PERCENT, LEAST_SHARE) if measure in SCAR else size


def most_of(measure: str) -> float:
    """The largest value that a measure can have."""
    return PERCENT if SIZES[measure] is None else np.inf


def intervals(
    features: Features, *, unclear: float, rules: Mapping[str, Rule], level: float
) -> dict[str, Interval]:
    """The interval of each measure that the scan has, within 0 and, for shares, 100.

    unclear: percent of the wall.
    """
    out = {}
    for name, rule in rules.items():
        value = getattr(features, name)
        if value is None:
            continue
        scale = scale_of(name, vars(features), unclear=unclear)
        out[name] = Interval(
            low=max(0.0, value - rule.down * scale),
            high=min(most_of(name), value + rule.up * scale),
            level=level,
        )
    if wall := out.get("myocardium_volume_ml"):
        out["myocardium_mass_g"] = Interval(
            low=MYOCARDIUM_G_PER_ML * wall.low,
            high=MYOCARDIUM_G_PER_ML * wall.high,
            level=wall.level,
        )
    return out

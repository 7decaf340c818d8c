"""90 % intervals of volumes and burdens.

The spread of the samples is too narrow, because they share some errors. So an interval has the half
width factor x sqrt(spread^2 + (floor x size)^2), where spread is the standard deviation of the
samples, and factor and floor are conformal (Vovk et al., Algorithmic learning in a random world,
2005; scaled residuals after Lei et al., JASA 2018, doi:10.1080/01621459.2017.1307116): fitted so
that intervals hold the experts' values in 90 % of patients who were not trained on.
`benchmarks/uncertainty.py` fits and checks them; `calibration.json` beside this file has them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.quantify.features import Features
from acsnet.quantify.volumes import MYOCARDIUM_G_PER_ML

CALIBRATION = Path(__file__).resolve().parent / "calibration.json"
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
    """Width of the interval of a measure, as in the docstring of this module."""

    factor: float
    floor: float

    def half_width(
        self, spread: float | NDArray[np.float64], size: float | NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Half width of the interval, in the unit of the measure."""
        return np.asarray(self.factor * np.hypot(spread, self.floor * np.asarray(size)))


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Rules by measure; high_uncertainty: mean of the slices above which a scan is flagged."""

    level: float
    high_uncertainty: float
    rules: Mapping[str, Rule]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@cache
def read_calibration() -> Calibration:
    """The shipped calibration."""
    content = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return Calibration(
        level=content["level"],
        high_uncertainty=content["high_uncertainty"],
        rules={name: Rule(**rule) for name, rule in content["rules"].items()},
    )


def size_of(measure: str, features: Features) -> float:
    """The value that the floor of a measure is a share of."""
    feature = SIZES[measure]
    return PERCENT if feature is None else float(getattr(features, feature))


def spreads(samples: Sequence[Features]) -> dict[str, float]:
    """Standard deviation of each measure over the samples, if all samples have it."""
    by_name = {name: [getattr(sample, name) for sample in samples] for name in SIZES}
    return {name: float(np.std(v, ddof=1)) for name, v in by_name.items() if None not in v}


def intervals(
    features: Features, samples: Sequence[Features], calibration: Calibration
) -> dict[str, Interval]:
    """The interval of each measure that the scan has, within 0 and, for shares, 100."""
    out = {}
    for name, spread in spreads(samples).items():
        value = getattr(features, name)
        if value is None:
            continue
        half = float(calibration.rules[name].half_width(spread, size_of(name, features)))
        most = PERCENT if SIZES[name] is None else np.inf
        out[name] = Interval(
            low=max(0.0, value - half), high=min(most, value + half), level=calibration.level
        )
    if wall := out.get("myocardium_volume_ml"):
        out["myocardium_mass_g"] = Interval(
            low=MYOCARDIUM_G_PER_ML * wall.low,
            high=MYOCARDIUM_G_PER_ML * wall.high,
            level=wall.level,
        )
    return out

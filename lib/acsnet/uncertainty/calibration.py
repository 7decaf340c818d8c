"""The shipped constants of intervals, changes and doubts: `calibration.json` beside this file."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from acsnet.uncertainty.change import ChangeRule
from acsnet.uncertainty.intervals import Rule

FILE = Path(__file__).resolve().parent / "calibration.json"


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Constants that hold for one set of networks.

    level, rules: of the intervals of a scan; change_level, change_rules: of the change between two
    scans; high_uncertainty: percent unclear above which a scan is flagged
    (`acsnet.uncertainty.doubt`); networks: the first 12 digits of the SHA-256 of the myo network
    that they were fitted for; about: on what patients.
    """

    level: float
    rules: Mapping[str, Rule]
    change_level: float
    change_rules: Mapping[str, ChangeRule]
    high_uncertainty: float
    networks: str
    about: str

    def misfit(self, weights: Mapping[str, str]) -> str:
        """Why networks have no intervals, in words; empty where they are those of the fit.

        weights: name of each network -> SHA-256 of its weights.
        """
        drawn_by = weights.get("myo", "")[: len(self.networks)]
        if drawn_by == self.networks:
            return ""
        return f"they were fitted for the MYO network {self.networks}, not for {drawn_by or 'none'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@cache
def read_calibration() -> Calibration:
    """The shipped calibration."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    return Calibration(
        **{
            **content,
            "rules": {name: Rule(**rule) for name, rule in content["rules"].items()},
            "change_rules": {
                name: ChangeRule(**rule) for name, rule in content["change_rules"].items()
            },
        }
    )

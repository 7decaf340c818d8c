"""Drift: how incoming scans differ from those that the networks were trained on.

Five numbers a scan, and of the last scans for each number: the population stability index against
training (Siddiqi, Credit Risk Scorecards, 2006: above 0.1 look, above 0.25 it is another
population) and the share outside what 98 % of the training scans are. The reference holds
quantiles only; `benchmarks/drift_reference.py` makes it.
"""

import json
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from acsnet.errors import InputError
from acsnet.scan import ShortAxisScan
from acsnet.server.web import metrics
from acsnet.storage import DAMAGED

REFERENCE = Path(str(files("acsnet.server.web"))) / "drift_reference.json"
MEASURES = ("pixel_mm", "slice_mm", "median_intensity", "contrast", "burden_percent")
LAST = 200
"""Scans that drift is told from: a few weeks of a busy site. Ours."""

FEWEST = 20
"""Below this many scans an index over ten bins says nothing, and none is told. Ours."""

EMPTY_SHARE = 0.01
"""What a bin without a scan counts as, so that the index stays finite. Ours."""


def measures_of(scan: ShortAxisScan, burden_percent: float | None) -> dict[str, float]:
    """What is watched of a scan; without a burden, that is left out.

    median_intensity: where the median lies between the 1st and the 99th percentile of the pixels,
    0 to 1; contrast: the distance of the 10th and 90th percentile as a share of that range. Both
    are the same whatever units the scanner writes.
    """
    low, dark, middle, bright, high = np.percentile(scan.pixels, (1, 10, 50, 90, 99))
    span = max(float(high - low), float(np.finfo(np.float32).tiny))
    measures = {
        "pixel_mm": float(np.mean(scan.spacing_mm[1:])),
        "slice_mm": float(scan.spacing_mm[0]),
        "median_intensity": float(middle - low) / span,
        "contrast": float(bright - dark) / span,
    }
    if burden_percent is not None:
        measures["burden_percent"] = burden_percent
    return {name: round(value, 4) for name, value in measures.items()}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """One number in training: p1 to p99 is what 98 % are; edges: inner borders of the bins, rising;
    shares: of the training scans in each bin, one more than edges.
    """

    p1: float
    p99: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def psi(self, values: NDArray[np.float64]) -> float:
        """Population stability index of (n,) values."""
        bins = np.bincount(np.searchsorted(self.edges, values, "right"), minlength=len(self.shares))
        actual = np.maximum(bins / len(values), EMPTY_SHARE)
        expected = np.maximum(self.shares, EMPTY_SHARE)
        return float(((actual - expected) * np.log(actual / expected)).sum())

    def outside(self, values: NDArray[np.float64]) -> float:
        """Share of (n,) values that are not between p1 and p99."""
        return float(((values < self.p1) | (values > self.p99)).mean())


def read_reference(file: Path = REFERENCE) -> dict[str, Reference]:
    """The reference for each measure. Raises InputError where the file is broken."""
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["measures"]
        return {name: TypeAdapter(Reference).validate_python(content[name]) for name in MEASURES}
    except DAMAGED as error:
        msg = f"{file} is broken: make it again with benchmarks/drift_reference.py"
        raise InputError(msg) from error


class Drift:
    """Measures of the last scans, and their distance from the reference."""

    def __init__(self, reference: Mapping[str, Reference]) -> None:
        self._reference = reference
        self._last: dict[str, deque[float]] = {name: deque(maxlen=LAST) for name in reference}
        self._change = threading.Lock()

    def add(self, measures: Mapping[str, float]) -> None:
        """Add one scan and update the metrics."""
        with self._change:
            for name, value in measures.items():
                self._last[name].append(value)
            for name, reference in self._reference.items():
                self._tell(name, reference, np.array(self._last[name]))

    def _tell(self, name: str, reference: Reference, values: NDArray[np.float64]) -> None:
        metrics.DRIFT_SCANS.labels(name).set(len(values))
        if len(values):
            metrics.INPUT.labels(name).set(float(np.median(values)))
        if len(values) >= FEWEST:
            metrics.DRIFT_PSI.labels(name).set(reference.psi(values))
            metrics.DRIFT_OUTSIDE.labels(name).set(reference.outside(values))

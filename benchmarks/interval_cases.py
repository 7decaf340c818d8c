"""What the networks and the experts say of each patient, kept in a folder, for the intervals."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from acsnet.io import read_scan
from acsnet.labels import MYOCARDIUM
from acsnet.masks import slice_dice
from acsnet.measure import measure_label_file
from acsnet.pipeline import Pipeline
from acsnet.uncertainty.intervals import size_of, spreads

Row = dict[str, Any]
"""One patient: `measures` name -> value, expert, spread, size, low, high; `slices` -> pairs of
uncertainty and 1 - Dice."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Where data and results are."""

    data: Path
    work: Path

    def rows(
        self, names: list[str], kind: str, network: str, load: Callable[[], Pipeline]
    ) -> list[Row]:
        """One row a patient; `load` is asked for the pipeline only if one is missing."""
        folder = self.work / network
        folder.mkdir(parents=True, exist_ok=True)
        missing = [name for name in names if not (folder / f"{name}.json").exists()]
        pipeline = load() if missing else None
        for name in track(missing, description=network):
            text = json.dumps(self._row(name, kind, pipeline), indent=1)
            (folder / f"{name}.json").write_text(text)
        return [json.loads((folder / f"{name}.json").read_text()) for name in names]

    def _row(self, name: str, kind: str, pipeline: Pipeline) -> Row:
        image = self.data / kind / "images" / f"{name}.nii.gz"
        result = pipeline(read_scan(image))
        expert = measure_label_file(image, self.data / kind / "labels" / image.name, truth=kind)
        expert_labels = result.scan.grid.from_input(expert.label_map())
        predicted, uncertainty = result.features, result.uncertainty
        spread = spreads(uncertainty.samples)
        measures = {
            measure: {
                "value": getattr(predicted, measure),
                "expert": getattr(expert.features, measure),
                "spread": spread[measure],
                "size": size_of(measure, predicted),
            }
            for measure in spread
            if None not in (getattr(predicted, measure), getattr(expert.features, measure))
        }
        dice = slice_dice(np.isin(result.labels, MYOCARDIUM), np.isin(expert_labels, MYOCARDIUM))
        slices = [
            (float(u), 1.0 - float(d))
            for u, d in zip(uncertainty.slices, dice, strict=True)
            if not (np.isnan(u) or np.isnan(d))
        ]
        return {"case": name, "measures": measures, "slices": slices}


def shipped() -> Pipeline:
    """The shipped networks."""
    return Pipeline.load(uncertainty=True)


def shipped_name() -> str:
    """Changes with the weights."""
    return f"shipped-{Pipeline.load().weights['myo'][:12]}"


def errors(
    rows: list[Row], measure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(patient,) errors, spreads and sizes of a measure."""
    measured = [row["measures"][measure] for row in rows if measure in row["measures"]]
    table = np.array([(m["expert"] - m["value"], m["spread"], m["size"]) for m in measured])
    return table[:, 0], table[:, 1], table[:, 2]

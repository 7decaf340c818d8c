"""What comes out of the pipeline, and the one JSON form of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet import __version__
from acsnet.labels import LABEL_VALUES
from acsnet.quantify.features import Features
from acsnet.scan import ShortAxisScan

FEATURES_SCHEMA = 1
NOTICE = "Research use only. Not a medical device."


@dataclass(frozen=True, kw_only=True)
class Result:
    """One scan's segmentation and measures.

    scan: as finally ordered, apex first; labels: (slice, row, column) values of
    `acsnet.labels.Label`; weights: SHA-256 of each network; seconds: time of each stage.
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    features: Features
    warnings: tuple[str, ...]
    weights: dict[str, str]
    seconds: dict[str, float]

    def label_map(self) -> NDArray[np.uint8]:
        """The labels on the grid of the file that was read."""
        return self.scan.grid.to_input(self.labels)

    def features_dict(self) -> dict[str, Any]:
        """Plain values for `features.json`; None where a number cannot be told."""
        slice_mm, row_mm, column_mm = self.scan.spacing_mm
        return {
            **self.features.to_dict(),
            "warnings": list(self.warnings),
            "case": self.scan.name,
            "slices": len(self.labels),
            "spacing_mm": {
                "slice": round(slice_mm, 4),
                "row": round(row_mm, 4),
                "column": round(column_mm, 4),
            },
            "labels": LABEL_VALUES,
            "seconds": {stage: round(s, 3) for stage, s in self.seconds.items()},
            "schema": FEATURES_SCHEMA,
            "software": {"acsnet": __version__, "weights_sha256": self.weights},
            "notice": NOTICE,
        }

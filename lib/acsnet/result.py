"""What comes out of the pipeline, and the one JSON form of it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet import __version__
from acsnet.labels import LABEL_VALUES
from acsnet.quantify.features import Features
from acsnet.quantify.features_document import (
    DOCUMENT,
    FeaturesDocument,
    IntervalDoc,
    QualityDoc,
    measured_parts,
)
from acsnet.quantify.quantification import Quantification
from acsnet.scan import ShortAxisScan
from acsnet.stages.correction import StackCorrection
from acsnet.stages.quality_flags import Flag, is_far
from acsnet.uncertainty.mc_samples import Uncertainty

NOTICE = "Research use only. Not a medical device."


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One scan with a label map, whoever drew it, and its measures.

    scan: as finally ordered, apex first; labels: (slice, row, column) values of
    `acsnet.labels.Label`; weights: SHA-256 of all that was trained and took part; seconds: time of
    each stage; quality: doubts by name, whose messages `warnings` holds, too; uncertainty: None
    where it was not asked for, or there is no ventricle.
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    quantification: Quantification
    warnings: tuple[str, ...]
    weights: dict[str, str]
    seconds: dict[str, float]
    quality: tuple[Flag, ...] = ()
    uncertainty: Uncertainty | None = None

    @property
    def features(self) -> Features:
        """Volumes, mass and scar burden."""
        return self.quantification.features

    def label_map(self) -> NDArray[np.uint8]:
        """The labels on the grid of the file that was read."""
        return self.scan.grid.to_input(self.labels)

    def features_dict(self) -> dict[str, Any]:
        """Plain values for `features.json`; None where a number cannot be told."""
        document = FeaturesDocument(
            **{
                **measured_parts(self.scan, self.quantification),
                **self._uncertainty_parts(),
                "warnings": self.warnings,
                "quality": tuple(QualityDoc(**vars(flag)) for flag in self.quality),
                "anatomy": self.anatomy_dict(),
                "labels": LABEL_VALUES,
                "seconds": {stage: round(s, 3) for stage, s in self.seconds.items()},
                "software": {"acsnet": __version__, "weights_sha256": self.weights},
                "notice": NOTICE,
            }
        )
        plain: dict[str, Any] = DOCUMENT.dump_python(document, mode="json")
        return plain

    def _uncertainty_parts(self) -> dict[str, Any]:
        """Intervals, and the uncertainty of the slices in the order of the file."""
        if self.uncertainty is None:
            return {"intervals": None, "slice_uncertainty": None}
        slices = self.uncertainty.slices[self._file_order()].tolist()
        return {
            "intervals": {
                name: IntervalDoc(**vars(interval))
                for name, interval in self.uncertainty.intervals.items()
            },
            "slice_uncertainty": tuple(None if math.isnan(v) else round(v, 4) for v in slices),
        }

    def _file_order(self) -> list[int]:
        """The slices of the stack, as the file runs."""
        return sorted(range(len(self.labels)), key=self.scan.grid.slice_number)

    def anatomy_dict(self) -> dict[str, Any] | None:
        """What stage 3 found and did; None for labels that did not pass through it."""
        return None


@dataclass(frozen=True, kw_only=True)
class Result(Measured):
    """What the pipeline gives back.

    anatomy: what stage 3 changed and why; drawn_wall: (slice, row, column) wall as the network
    drew it; wall_probability: (slice, row, column) that each pixel is wall, the mean of the network
    over all turns and mirrors, or 0 and 1 for a wall that a person drew.
    """

    anatomy: StackCorrection
    drawn_wall: NDArray[np.bool_]
    wall_probability: NDArray[np.float32]

    def anatomy_dict(self) -> dict[str, Any]:
        """What stage 3 found and did, slice by slice in the order of the file, from 1."""
        reasons = {drop.index: drop.reason for drop in self.anatomy.dropped}
        slices = [
            {
                "slice": number,
                "form": self.anatomy.slices[k].verdict.form.value,
                "valid_before": not self.anatomy.slices[k].failed,
                "failed_checks": list(self.anatomy.slices[k].failed),
                "action": self.anatomy.slices[k].action.value,
                "latent_distance": round(self.anatomy.slices[k].distance, 3),
                "dice_before_after": round(self.anatomy.slices[k].dice, 4),
                "needs_a_look": is_far(self.anatomy.slices[k]),
                "dropped": reasons.get(k),
            }
            for number, k in enumerate(self._file_order(), start=1)
        ]
        return {"slices": slices, "dropped_slices": len(reasons)}

"""The result of the pipeline, and its JSON form."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet import NOTICE, __version__
from acsnet.labels import LABEL_VALUES
from acsnet.quantify.features import Features
from acsnet.quantify.features_document import (
    DOCUMENT,
    FeaturesDocument,
    Flag,
    measured_parts,
)
from acsnet.quantify.quantification import NOTHING, Given, Quantification
from acsnet.scan import ShortAxisScan
from acsnet.stages.correction import StackCorrection
from acsnet.stages.quality_flags import is_far
from acsnet.uncertainty.mc_samples import Uncertainty


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A scan with a label map, from the pipeline or a person, and its measures.

    Attributes:
        scan: the scan, from apex to base.
        labels: (slice, row, column) values of `acsnet.labels.Label`.
        quantification: all measures.
        warnings: what to know before using the numbers.
        weights: name of each network -> SHA-256 of its weights.
        seconds: computing time of each stage.
        quality: quality flags; their messages are also in `warnings`.
        uncertainty: None if it was not requested, or without a ventricle.
        given: what a reader entered for its case when it was measured (`measure_marked`).
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    quantification: Quantification
    warnings: tuple[str, ...]
    weights: dict[str, str]
    seconds: dict[str, float]
    quality: tuple[Flag, ...] = ()
    uncertainty: Uncertainty | None = None
    given: Given = NOTHING

    @property
    def features(self) -> Features:
        """Volumes, mass and scar burden."""
        return self.quantification.features

    def label_map(self) -> NDArray[np.uint8]:
        """The labels on the grid of the input file."""
        return self.scan.grid.to_input(self.labels)

    def features_dict(self) -> dict[str, Any]:
        """Plain values for `features.json`; None for unknown numbers."""
        document = FeaturesDocument(
            **{
                **measured_parts(self.scan, self.quantification),
                **self._uncertainty_parts(),
                "warnings": self.warnings,
                "quality": self.quality,
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
        """Intervals, and the uncertainty of the slices in file order."""
        if self.uncertainty is None:
            return {"intervals": None, "slice_uncertainty": None}
        slices = self.uncertainty.slices[self._file_order()].tolist()
        return {
            "intervals": self.uncertainty.intervals,
            "slice_uncertainty": tuple(None if math.isnan(v) else round(v, 4) for v in slices),
        }

    def _file_order(self) -> list[int]:
        """Indices of the slices in the order of the file."""
        return sorted(range(len(self.labels)), key=self.scan.grid.slice_number)

    def anatomy_dict(self) -> dict[str, Any] | None:
        """The anatomical correction; None for labels without it."""
        return None


@dataclass(frozen=True, kw_only=True)
class Result(Measured):
    """The result of the pipeline.

    Attributes:
        anatomy: changes by the anatomical correction.
        drawn_wall: (slice, row, column) wall before the correction.
        wall_probability: (slice, row, column) output of the network, averaged over test-time
            augmentation; 0 and 1 for labels that a person drew.
        enhancement_probability: the same for enhancement.
    """

    anatomy: StackCorrection
    drawn_wall: NDArray[np.bool_]
    wall_probability: NDArray[np.float32]
    enhancement_probability: NDArray[np.float32]

    def anatomy_dict(self) -> dict[str, Any]:
        """The anatomical correction, slice by slice in file order, from 1."""
        reasons = {drop.index: drop.reason for drop in self.anatomy.dropped}
        rows = [
            {
                "slice": self.scan.grid.slice_number(k),
                "form": slice_.verdict.form.value,
                "valid_before": not slice_.failed,
                "failed_checks": list(slice_.failed),
                "action": slice_.action.value,
                "latent_distance": round(slice_.distance, 3),
                "dice_before_after": round(slice_.dice, 4),
                "needs_a_look": is_far(slice_),
                "dropped": reasons.get(k),
            }
            for k, slice_ in ((k, self.anatomy.slices[k]) for k in self._file_order())
        ]
        return {"slices": rows, "dropped_slices": len(reasons)}

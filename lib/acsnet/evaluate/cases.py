"""One patient: a predicted label map against the expert's, region by region."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.errors import InputError
from acsnet.evaluate.case_files import LABEL_ENDINGS, SEG_SUFFIX, case_of, label_path
from acsnet.evaluate.metrics import slice_balanced_accuracy, slice_hausdorff_mm, thirds_of_heart
from acsnet.export import SEGMENTATION
from acsnet.io.containers import open_volume
from acsnet.io.label_map import read_label_file
from acsnet.io.volume import scan_of
from acsnet.label_conventions import CONVENTIONS, ENH, LV, MYO, OWN, region_masks, to_labels
from acsnet.masks import dice, slice_dice
from acsnet.quantify.volumes import burden_percent, volume_ml
from acsnet.scan import ShortAxisScan, apex_first_by_area, apex_first_by_position
from acsnet.stages.label_doubts import arrangement_doubts

MAX_NAMED = 3
"""So many cases without a prediction are named in the warning of them."""


@dataclass(frozen=True, kw_only=True)
class RegionScores:
    """One region of one patient; arrays are (slice,), apex first, NaN where not defined."""

    expert_drew: NDArray[np.bool_]
    predicted_drew: NDArray[np.bool_]
    dice: NDArray[np.float64]
    balanced_accuracy: NDArray[np.float64]
    hausdorff_mm: NDArray[np.float64]
    expert_ml: float
    predicted_ml: float
    volume_dice: float


@dataclass(frozen=True, kw_only=True)
class CaseScores:
    """One patient: the third of the heart of each slice, and the scores of each region.

    warnings: on how the expert's labels were read.
    """

    name: str
    spacing_mm: tuple[float, float, float]
    thirds: tuple[str, ...]
    regions: dict[str, RegionScores]
    warnings: tuple[str, ...] = ()

    @property
    def burden_percent(self) -> tuple[float | None, float | None]:
        """Expert's and predicted scar burden; None without enhancement truth or without wall."""
        if ENH not in self.regions:
            return None, None
        enhancement, myocardium = self.regions[ENH], self.regions[MYO]
        return (
            burden_percent(enhancement.expert_ml, myocardium.expert_ml),
            burden_percent(enhancement.predicted_ml, myocardium.predicted_ml),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is not defined is None."""
        expert, predicted = self.burden_percent
        return {
            "name": self.name,
            "spacing_mm": list(self.spacing_mm),
            "thirds": list(self.thirds),
            "expert_scar_burden_percent": expert,
            "predicted_scar_burden_percent": predicted,
            "regions": {
                region: {name: _plain(value) for name, value in vars(scores).items()}
                for region, scores in self.regions.items()
            },
        }


def find_pairs(predictions: Path, labels: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Cases with a prediction and a label, in order of name, and warnings of what is left out.

    predictions holds `<case>/segmentation.nii.gz`, labels holds `<case>.nii.gz`. Raises
    InputError for what is no folder, and where nothing is left.
    """
    for folder in (predictions, labels):
        if not folder.is_dir():
            msg = f"{folder} is not a folder"
            raise InputError(msg)
    pairs: dict[str, tuple[Path, Path]] = {}
    warnings = []
    for case in sorted(entry for entry in predictions.iterdir() if entry.is_dir()):
        predicted, expert = case / SEGMENTATION, label_path(labels, case.name)
        if not expert.is_file():
            warnings.append(f"{case.name} is left out: {labels} holds no {expert.name}")
        elif not predicted.is_file():
            warnings.append(f"{case.name} is left out: {case} holds no {SEGMENTATION}")
        else:
            pairs[case.name] = (predicted, expert)
    if not pairs:
        msg = (
            f"no case to evaluate: {predictions} must hold <case>/{SEGMENTATION} "
            f"and {labels} the <case>.nii.gz of the same name"
        )
        raise InputError(msg)
    return pairs, [*warnings, *_unpredicted(labels, pairs)]


def _unpredicted(labels: Path, pairs: Collection[str]) -> tuple[str, ...]:
    """A warning that some label maps of a folder are of cases without a prediction."""
    endings = (*LABEL_ENDINGS, SEG_SUFFIX)
    files = (path for path in labels.glob("[!.]*") if path.is_file())
    cases = {case for path in files if (case := case_of(path, endings))}
    missing = sorted(cases.difference(pairs))
    if not missing:
        return ()
    more = ", ..." if len(missing) > MAX_NAMED else ""
    return (
        f"{len(missing)} of {len(cases)} label maps have no prediction: "
        f"{', '.join(missing[:MAX_NAMED])}{more}",
    )


def score_case(name: str, *, predicted_path: Path, expert_path: Path, truth: str) -> CaseScores:
    """Score one patient in every region that the truth has, on the grid of the predicted file.

    expert_path: file of any format that `acsnet quantify` reads, also cut to its labels. Raises
    InputError where the grids differ, a value is unknown, or the expert drew no ventricle,
    GeometryError where the predicted file gives no true volumes; both name the file.
    """
    predicted = read_label_file(predicted_path).labels
    scan = _label_stack(predicted_path)
    expert = read_drawn_labels(expert_path, scan=scan, image=predicted_path, truth=truth)
    tissue = to_labels(expert.labels, expert.convention, source=str(expert_path))
    all_masks = region_masks(expert.labels, expert.convention, source=str(expert_path))
    masks = {name: all_masks[name] for name in CONVENTIONS[truth].regions}
    drawn = region_masks(predicted, OWN, source=str(predicted_path))
    if not masks[LV].any():
        msg = f"{expert_path} holds no left ventricle, so there is nothing to compare with"
        raise InputError(msg)
    scan = apex_first_by_area(scan, masks[LV])
    stack = scan.grid.from_input
    return CaseScores(
        name=name,
        spacing_mm=scan.spacing_mm,
        thirds=thirds_of_heart(stack(masks[LV])),
        regions={
            region: _score_region(
                stack(drawn[region]), stack(mask), scan.spacing_mm[1:], scan.voxel_ml
            )
            for region, mask in masks.items()
        },
        warnings=(*expert.warnings, *arrangement_doubts(stack(tissue))),
    )


def _label_stack(path: Path) -> ShortAxisScan:
    """The grid of a label file, apex first where its header tells.

    Pixels are numbered, for `scan_of` refuses those without contrast, and a map may be empty.
    """
    volume = open_volume(path, name=str(path))
    count = int(np.prod(volume.shape, dtype=object))
    volume = replace(volume, load=lambda: np.arange(count, dtype=np.float32))
    return apex_first_by_position(scan_of(volume, name=path.name))


def _score_region(
    predicted: NDArray[np.bool_],
    expert: NDArray[np.bool_],
    in_plane_mm: tuple[float, float],
    voxel_ml: float,
) -> RegionScores:
    return RegionScores(
        expert_drew=expert.any(axis=(1, 2)),
        predicted_drew=predicted.any(axis=(1, 2)),
        dice=slice_dice(predicted, expert),
        balanced_accuracy=slice_balanced_accuracy(predicted, expert),
        hausdorff_mm=slice_hausdorff_mm(predicted, expert, in_plane_mm),
        expert_ml=volume_ml(expert, voxel_ml),
        predicted_ml=volume_ml(predicted, voxel_ml),
        volume_dice=dice(predicted, expert),
    )


def _plain(value: Any) -> Any:
    """Arrays become lists, NaN becomes None."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == bool:
        return value.tolist()
    return [None if np.isnan(item) else float(item) for item in value]

"""How far two people, or a person and the model, agree on one scan."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from acsnet.label_conventions import region_masks
from acsnet.labels import ENHANCEMENT, LABEL_VALUES, MYOCARDIUM
from acsnet.masks import dice
from acsnet.quantify.volumes import burden_percent


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Two label maps of one scan side by side.

    label_dice: of each label by name, None where neither has it; region_dice: of left ventricle,
    whole wall, enhancement and core scar, likewise; burden_difference: scar burden of the first
    less that of the second, in percent of the myocardium (percentage points), None where either
    has no myocardium.
    """

    label_dice: dict[str, float | None]
    region_dice: dict[str, float | None]
    burden_difference: float | None

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, rounded to what is told of them."""
        return {
            "label_dice": _rounded(self.label_dice),
            "region_dice": _rounded(self.region_dice),
            "burden_difference": (
                None if self.burden_difference is None else round(self.burden_difference, 2)
            ),
        }


def compare(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Agreement:
    """Compare two label maps of one shape; values as `acsnet.labels.Label`.

    Raises ValueError for shapes that differ.
    """
    if one.shape != other.shape:
        msg = f"label maps must have one shape, got {one.shape} and {other.shape}"
        raise ValueError(msg)
    first = region_masks(one, "acsnet", source="the first label map")
    second = region_masks(other, "acsnet", source="the second label map")
    return Agreement(
        label_dice={
            name: _dice(one == value, other == value) for name, value in LABEL_VALUES.items()
        },
        region_dice={region: _dice(first[region], second[region]) for region in first},
        burden_difference=_difference(_burden(one), _burden(other)),
    )


def compare_all(drawn: dict[str, NDArray[np.uint8]]) -> list[tuple[str, str, Agreement]]:
    """Every two annotators of one scan, by name, and how far they agree."""
    return [
        (one, other, compare(drawn[one], drawn[other])) for one, other in combinations(drawn, 2)
    ]


def _dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float | None:
    return dice(one, other) if one.any() or other.any() else None


def _burden(labels: NDArray[np.uint8]) -> float | None:
    enhanced, wall = (np.isin(labels, parts).sum() for parts in (ENHANCEMENT, MYOCARDIUM))
    return burden_percent(float(enhanced), float(wall))


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}

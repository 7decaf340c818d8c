"""Agreement of two label maps of one scan: Dice of labels and regions, difference in burden."""

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
        """Plain values for JSON; Dice rounded to 4 decimals, the difference to 2."""
        return {
            "label_dice": _rounded(self.label_dice),
            "region_dice": _rounded(self.region_dice),
            "burden_difference": (
                None if self.burden_difference is None else round(self.burden_difference, 2)
            ),
        }


def compare(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Agreement:
    """Compare two label maps of one shape; values as `acsnet.labels.Label`.

    Raises ValueError for shapes that differ.
    """
    if first.shape != second.shape:
        msg = f"label maps must have one shape, got {first.shape} and {second.shape}"
        raise ValueError(msg)
    regions = region_masks(first, "acsnet", source="the first label map")
    others = region_masks(second, "acsnet", source="the second label map")
    return Agreement(
        label_dice={
            name: _dice(first == value, second == value) for name, value in LABEL_VALUES.items()
        },
        region_dice={region: _dice(regions[region], others[region]) for region in regions},
        burden_difference=_difference(_burden(first), _burden(second)),
    )


def compare_all(label_maps: dict[str, NDArray[np.uint8]]) -> list[tuple[str, str, Agreement]]:
    """Every two annotators of one scan, by name, and how far they agree."""
    return [
        (first, second, compare(label_maps[first], label_maps[second]))
        for first, second in combinations(label_maps, 2)
    ]


def _dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float | None:
    return dice(first, second) if first.any() or second.any() else None


def _burden(labels: NDArray[np.uint8]) -> float | None:
    enhanced, wall = (np.isin(labels, parts).sum() for parts in (ENHANCEMENT, MYOCARDIUM))
    return burden_percent(float(enhanced), float(wall))


def _difference(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}

"""The numbers of one scan, from its label map."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.quantify.scar import ScarThreshold
from acsnet.quantify.volumes import burden_percent, mass_g, slice_count, volume_ml


@dataclass(frozen=True, kw_only=True)
class Features:
    """Volumes, mass and scar burden; None (null in JSON) is a number that the scan cannot give.

    lv: blood pool and whole wall. enhancement = core scar + grey zone + microvascular obstruction.
    Burdens are percent of the whole myocardium. Slice counts are slices with any of the region.
    The scar fields hold the threshold between grey zone and core scar, in units of the image.
    """

    lv_volume_ml: float
    blood_pool_volume_ml: float
    myocardium_volume_ml: float
    enhancement_volume_ml: float
    core_scar_volume_ml: float | None
    grey_zone_volume_ml: float | None
    microvascular_obstruction_volume_ml: float
    scar_burden_percent: float | None
    core_scar_burden_percent: float | None
    myocardium_mass_g: float
    lv_slices: int
    enhancement_slices: int
    scar_method: str | None
    scar_threshold: float | None
    remote_intensity: float | None
    peak_intensity: float | None
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, in the order above."""
        return {**asdict(self), "warnings": list(self.warnings)}


def compute_features(
    labels: NDArray[np.uint8], voxel_ml: float, *, threshold: ScarThreshold | None = None
) -> Features:
    """Measure a (slice, row, column) label map; values as `acsnet.labels.Label`.

    threshold: the one that split grey zone and core scar. Without a value in it their volumes are
    unknown (None) wherever there is enhancement. Leave it out for labels that were drawn by hand:
    these are then taken at their word.

    Raises ValueError for a label that the table does not know and for a voxel without volume.
    """
    unknown = sorted(set(np.unique(labels).tolist()) - {int(label) for label in Label})
    if unknown:
        msg = f"labels must be values 0 to {max(Label):d}, got {unknown}"
        raise ValueError(msg)

    def volume(*parts: Label) -> float:
        return volume_ml(np.isin(labels, parts), voxel_ml)

    myocardium_ml = volume(*MYOCARDIUM)
    enhancement_ml = volume(*ENHANCEMENT)
    core_ml: float | None = volume(Label.CORE_SCAR)
    grey_ml: float | None = volume(Label.GREY_ZONE)
    if threshold is not None and threshold.value is None and enhancement_ml > 0:
        core_ml = grey_ml = None
    warnings = () if threshold is None else threshold.warnings
    if myocardium_ml == 0:
        warnings = (*warnings, "no myocardium was found: there is no scar burden")
    return Features(
        lv_volume_ml=volume(*LEFT_VENTRICLE),
        blood_pool_volume_ml=volume(Label.LV_BLOOD_POOL),
        myocardium_volume_ml=myocardium_ml,
        enhancement_volume_ml=enhancement_ml,
        core_scar_volume_ml=core_ml,
        grey_zone_volume_ml=grey_ml,
        microvascular_obstruction_volume_ml=volume(Label.MICROVASCULAR_OBSTRUCTION),
        scar_burden_percent=burden_percent(enhancement_ml, myocardium_ml),
        core_scar_burden_percent=(
            None if core_ml is None else burden_percent(core_ml, myocardium_ml)
        ),
        myocardium_mass_g=mass_g(myocardium_ml),
        lv_slices=slice_count(np.isin(labels, LEFT_VENTRICLE)),
        enhancement_slices=slice_count(np.isin(labels, ENHANCEMENT)),
        scar_method=None if threshold is None else threshold.method,
        scar_threshold=None if threshold is None else threshold.value,
        remote_intensity=None if threshold is None else threshold.remote,
        peak_intensity=None if threshold is None else threshold.peak,
        warnings=warnings,
    )

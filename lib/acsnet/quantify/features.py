"""Volumes, mass and scar burden of a label map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.quantify.field_metadata import described
from acsnet.quantify.scar import ScarThreshold
from acsnet.quantify.volumes import burden_percent, mass_g, slice_count, volume_ml

SCMR = "SCMR post-processing 2020, doi:10.1186/s12968-020-00610-6"
PAPER = "Popescu et al. 2022, doi:10.1016/j.cvdhj.2021.11.007"


@dataclass(frozen=True, kw_only=True)
class Features:
    """Volumes, mass and scar burden; None (null in JSON) where a number cannot be determined."""

    lv_volume_ml: Annotated[
        float | None,
        described("ml", "left ventricle: blood pool and wall; null if none was found", SCMR),
    ]
    blood_pool_volume_ml: Annotated[
        float | None, described("ml", "blood pool, papillary muscles included", SCMR)
    ]
    myocardium_volume_ml: Annotated[
        float | None,
        described("ml", "whole wall, enhancement included; null if none was found", SCMR),
    ]
    enhancement_volume_ml: Annotated[
        float | None,
        described(
            "ml",
            "core scar, grey zone and MVO; null if scar was not assessed, or without a wall",
            SCMR,
        ),
    ]
    core_scar_volume_ml: Annotated[
        float | None,
        described("ml", "enhancement at or above the threshold; null if it cannot be split", PAPER),
    ]
    grey_zone_volume_ml: Annotated[
        float | None, described("ml", "enhancement below the threshold", PAPER)
    ]
    microvascular_obstruction_volume_ml: Annotated[
        float | None, described("ml", "dark core inside enhancement", SCMR)
    ]
    scar_burden_percent: Annotated[
        float | None, described("%", "enhancement as a share of the whole myocardium", PAPER)
    ]
    core_scar_burden_percent: Annotated[
        float | None, described("%", "core scar as a share of the whole myocardium", PAPER)
    ]
    myocardium_mass_g: Annotated[
        float | None, described("g", "whole wall, density 1.05 g/ml", SCMR)
    ]
    lv_slices: Annotated[int, described("", "slices with any left ventricle")]
    enhancement_slices: Annotated[int | None, described("", "slices with any enhancement")]
    scar_method: Annotated[
        str | None,
        described(
            "",
            "kind of threshold: remote or half_max; null where core scar and grey zone are as a "
            "person drew them",
            PAPER,
        ),
    ]
    scar_threshold: Annotated[
        float | None, described("signal", "threshold between grey zone and core scar", PAPER)
    ]
    remote_intensity: Annotated[
        float | None,
        described(
            "signal",
            "median of the wall outside the enhancement, or of the remote region that a person "
            "gave",
            PAPER,
        ),
    ]
    peak_intensity: Annotated[
        float | None,
        described("signal", "97th percentile of the enhancement", "not from the paper"),
    ]
    warnings: Annotated[tuple[str, ...], described("", "what to know before using the numbers")]


def compute_features(
    labels: NDArray[np.uint8],
    voxel_ml: float,
    *,
    threshold: ScarThreshold | None = None,
    scar_known: bool = True,
) -> Features:
    """Measure a (slice, row, column) label map with the values of `acsnet.labels.Label`.

    Without a wall its volume and all scar numbers are None, without any label the volumes too: a
    heart that was not found is no heart without scar.

    Args:
        labels: (slice, row, column).
        voxel_ml: volume of a voxel, ml.
        threshold: what split grey zone and core scar; without a value in it both volumes are None
            wherever there is enhancement. None for labels drawn by hand.
        scar_known: False where scar was not assessed: all scar numbers are None, not 0.

    Raises:
        ValueError: for an unknown label value, and for a voxel without volume.
    """
    unknown = sorted(set(np.unique(labels).tolist()) - {int(label) for label in Label})
    if unknown:
        msg = f"labels must be values 0 to {max(Label):d}, got {unknown}"
        raise ValueError(msg)
    has_ventricle, has_wall = bool(labels.any()), bool(np.isin(labels, MYOCARDIUM).any())
    warnings = () if threshold is None else threshold.warnings
    if not has_wall:
        warnings = (*warnings, "no myocardium was found: there is no scar burden")
        threshold, scar_known = None, False

    def volume(*parts: Label) -> float | None:
        return volume_ml(np.isin(labels, parts), voxel_ml) if has_ventricle else None

    def scar(*parts: Label) -> float | None:
        return volume(*parts) if scar_known else None

    myocardium_ml = volume(*MYOCARDIUM) if has_wall else None
    enhancement_ml = scar(*ENHANCEMENT)
    core_ml, grey_ml = scar(Label.CORE_SCAR), scar(Label.GREY_ZONE)
    if threshold is not None and threshold.value is None and enhancement_ml:
        core_ml = grey_ml = None
    return Features(
        lv_volume_ml=volume(*LEFT_VENTRICLE),
        blood_pool_volume_ml=volume(Label.LV_BLOOD_POOL),
        myocardium_volume_ml=myocardium_ml,
        enhancement_volume_ml=enhancement_ml,
        core_scar_volume_ml=core_ml,
        grey_zone_volume_ml=grey_ml,
        microvascular_obstruction_volume_ml=scar(Label.MICROVASCULAR_OBSTRUCTION),
        scar_burden_percent=burden_percent(enhancement_ml, myocardium_ml),
        core_scar_burden_percent=burden_percent(core_ml, myocardium_ml),
        myocardium_mass_g=mass_g(myocardium_ml),
        lv_slices=slice_count(np.isin(labels, LEFT_VENTRICLE)),
        enhancement_slices=slice_count(np.isin(labels, ENHANCEMENT)) if scar_known else None,
        scar_method=None if threshold is None else threshold.method,
        scar_threshold=None if threshold is None else threshold.value,
        remote_intensity=None if threshold is None else threshold.remote,
        peak_intensity=None if threshold is None else threshold.peak,
        warnings=warnings,
    )


def split_words(features: Mapping[str, Any]) -> str:
    """By what core scar and grey zone were told apart, as a sentence; empty where there is neither.

    features: the values of `Features` by name, as in `features.json`.
    """
    if not (features["core_scar_volume_ml"] or features["grey_zone_volume_ml"]):
        return ""
    if features["scar_threshold"] is None:
        return "Core scar and grey zone are as drawn."
    peak = f"the peak ({features['peak_intensity']:g})"
    half = f"half of {peak}"
    if features["scar_method"] == "remote":
        half = f"half way from the remote wall ({features['remote_intensity']:g}) to {peak}"
    return f"Core scar as segmented: signal from {features['scar_threshold']:g}, {half}."

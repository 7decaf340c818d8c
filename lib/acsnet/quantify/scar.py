"""Core scar and grey zone: full width at half maximum (FWHM) inside the enhancement.

Popescu et al. 2022 (doi:10.1016/j.cvdhj.2021.11.007), "Training and evaluation": a modified FWHM
with the median outside the enhancement as remote intensity. The paper prints no formula, so
`ScarMethod` offers two readings by name. Voxels without signal (NaN, padding) move no threshold,
and are grey zone where they were drawn as scar: nothing shows that they are as bright as core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import AcsnetError
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.quantify.speckle import speckle

ScarMethod = Literal["remote", "half_max"]
"""remote: threshold = remote + (peak - remote) / 2. half_max: threshold = peak / 2.

"remote" is the default: it is independent of an offset of the signal, while half of the peak has no
meaning in a phase-sensitive image or where the remote wall is far from black. Where half of the
peak is not above the remote wall, "remote" takes its place, with a warning: it would make all scar
core.
"""

PEAK_PERCENTILE = 97.0
"""Percentile taken as the peak. Not from the paper: the maximum hangs on one voxel.

On expert masks of infarcts one bright voxel removed nearly all core scar at 100, and 2 % at 99.
Sampled anew in pixels 1 % larger or smaller, the core changes by more than a tenth in fewer of them
at 97 than at 99, and in no fewer at 95, which is further from the maximum.
Single bright points (`acsnet.quantify.speckle`) do not count: where 1.5 % of the wall are such, the
core is what it was without them (`benchmarks/robustness_of_measures.py`).
"""

NOT_TOLD_APART = "core scar and grey zone cannot be told apart"


@dataclass(frozen=True, kw_only=True)
class ScarThreshold:
    """The threshold of a scan between grey zone and core scar, in units of the image.

    value: None if it cannot be determined; remote: None where the whole wall is enhanced, or has no
    signal elsewhere; peak: None where none of it is; reason: why the method asked for gives none;
    instead: what comes of that.
    """

    method: ScarMethod
    value: float | None = None
    remote: float | None = None
    peak: float | None = None
    reason: str = ""
    instead: str = NOT_TOLD_APART

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence where the method asked for gives no threshold."""
        return (f"{self.reason}: {self.instead}",) if self.reason else ()


@dataclass(frozen=True, kw_only=True)
class ScarZones:
    """(slice, row, column) masks of core scar and grey zone, which make up the enhancement."""

    core: NDArray[np.bool_]
    grey_zone: NDArray[np.bool_]
    threshold: ScarThreshold


def classify_enhancement(
    intensity: NDArray[np.floating[Any]],
    myocardium: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
    *,
    method: ScarMethod = "remote",
    peak_percentile: float = PEAK_PERCENTILE,
    remote: NDArray[np.bool_] | None = None,
    measured: NDArray[np.bool_] | None = None,
) -> ScarZones:
    """Split the enhancement of a scan into core scar and grey zone.

    Not from the paper: one threshold for the whole scan. Where it cannot be determined, all
    enhancement is grey zone and the threshold has a warning.

    Args:
        intensity: (slice, row, column) signal, not windowed slice by slice.
        myocardium: (slice, row, column) mask of the whole wall, enhancement included.
        enhancement: (slice, row, column) mask.
        method: reading of the FWHM.
        peak_percentile: percentile of the enhancement taken as its peak.
        remote: mask of a drawn remote region; None for all wall outside the enhancement.
        measured: mask of what has signal; None for everything.

    Raises:
        AcsnetError: for values in the wall that are not finite, and for "half_max" with negative
            values in the wall.
        ValueError: for an unknown method, and for shapes that differ.
    """
    if not intensity.shape == myocardium.shape == enhancement.shape:
        shapes = (intensity.shape, myocardium.shape, enhancement.shape)
        msg = f"intensity, myocardium and enhancement must have one shape, got {shapes}"
        raise ValueError(msg)
    outside = myocardium & ~enhancement if remote is None else myocardium & remote
    lit, free = enhancement, outside
    if measured is not None:
        lit, free = lit & measured, free & measured
    threshold = scar_threshold(
        intensity[lit & ~speckle(intensity, lit)],
        intensity[free],
        method=method,
        peak_percentile=peak_percentile,
    )
    dark = ""
    if enhancement.any() and not lit.any():
        dark = "the enhancement"
    elif lit.any() and outside.any() and not free.any():
        dark = "the wall outside the scar"
    if dark:
        threshold = ScarThreshold(
            method=method,
            remote=threshold.remote,
            peak=threshold.peak,
            reason=f"{dark} has no signal",
        )
    core = lit & (intensity >= (np.inf if threshold.value is None else threshold.value))
    return ScarZones(core=core, grey_zone=enhancement & ~core, threshold=threshold)


def scar_threshold(
    enhanced: NDArray[np.floating[Any]],
    remote: NDArray[np.floating[Any]],
    *,
    method: ScarMethod = "remote",
    peak_percentile: float = PEAK_PERCENTILE,
) -> ScarThreshold:
    """Threshold from the values of the enhanced wall, (n,), and of the remote wall, (m,).

    Not from the paper: the peak is the percentile's lower neighbour among the values, so that below
    100 at least one value lies above it. Raises as `classify_enhancement` does.
    """
    if method not in get_args(ScarMethod):
        msg = f"scar method must be one of {', '.join(get_args(ScarMethod))}, got {method!r}"
        raise ValueError(msg)
    wall = np.concatenate([enhanced, remote])
    if lacking := int((~np.isfinite(wall)).sum()):
        values = f"{lacking} of the image's {wall.size} values in the myocardium"
        msg = f"{values} are not finite numbers"
        raise AcsnetError(msg)
    negative = bool((wall < 0).any())
    if method == "half_max" and negative:
        msg = (
            "half of the maximum has no meaning where the myocardium holds negative values "
            f"(lowest {wall.min():g}): use the 'remote' threshold"
        )
        raise AcsnetError(msg)

    remote_median = float(np.median(remote)) if remote.size else None
    if not enhanced.size:
        return ScarThreshold(method=method, remote=remote_median)
    peak = float(np.percentile(enhanced, peak_percentile, method="lower"))

    if remote_median is None:
        reason = "the whole myocardium is enhanced, so there is no remote intensity"
        if negative or peak <= 0:
            return ScarThreshold(method=method, peak=peak, reason=reason)
        return ScarThreshold(
            method="half_max",
            value=peak / 2,
            peak=peak,
            reason=reason if method == "remote" else "",
            instead="core scar was taken at half of the maximum",
        )
    if peak <= remote_median:
        reason = (
            f"the enhancement (peak {peak:g}) is not brighter than the remote myocardium "
            f"(median {remote_median:g})"
        )
        return ScarThreshold(method=method, remote=remote_median, peak=peak, reason=reason)
    reason = ""
    if method == "half_max" and peak / 2 <= remote_median:
        reason = f"half of the peak ({peak / 2:g}) is not above the remote wall ({remote_median:g})"
        method = "remote"
    base = remote_median if method == "remote" else 0.0
    return ScarThreshold(
        method=method,
        value=base + (peak - base) / 2,
        remote=remote_median,
        peak=peak,
        reason=reason,
        instead="core scar was taken half way between remote wall and peak",
    )


def grey_alone(labels: NDArray[np.uint8]) -> bool:
    """Whether a label map has grey zone and no core scar."""
    return bool((labels == Label.GREY_ZONE).any() and not (labels == Label.CORE_SCAR).any())


def threshold_of_drawn(
    intensity: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8],
    *,
    remote: NDArray[np.bool_] | None = None,
    measured: NDArray[np.bool_] | None = None,
) -> ScarThreshold | None:
    """The threshold of labels that nobody split: None where core and grey zone are as drawn.

    Grey zone alone is how `classify_enhancement` leaves enhancement that it cannot split, and a
    reader who corrects it. Where it still cannot be split, neither part has a volume: the threshold
    then has no value, and the reason.

    intensity, labels: (slice, row, column); remote, measured: as `classify_enhancement` takes
    them, whose errors it raises.
    """
    if not grey_alone(labels):
        return None
    wall, enhancement = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    threshold = classify_enhancement(
        intensity, wall, enhancement, remote=remote, measured=measured
    ).threshold
    return threshold if threshold.value is None else None


def gap_doubt(
    enhancement: NDArray[np.bool_], myocardium: NDArray[np.bool_], numbers: Sequence[int]
) -> tuple[str, ...]:
    """A warning where slices between others with enhancement have none.

    Of the 38 infarcts of the EMIDEC train list one has such a slice in the expert's mask; with the
    scar left out of every other slice all have one that had it in three slices or more.

    Args:
        enhancement: (slice, row, column) mask.
        myocardium: (slice, row, column) mask of the whole wall.
        numbers: (slice,) of the slices in the file, from 1.
    """
    scarred = np.flatnonzero(enhancement.any(axis=(1, 2)))
    if not len(scarred):
        return ()
    between = range(scarred[0], scarred[-1])
    gaps = sorted(numbers[k] for k in between if myocardium[k].any() and not enhancement[k].any())
    if not gaps:
        return ()
    plural = "s" if len(gaps) > 1 else ""
    verb = "have" if plural else "has"
    note = (
        f"slice{plural} {', '.join(map(str, gaps))} {verb} no scar, between slices that have some: "
        "it may be missing there, or what lies beside may be none"
    )
    return (note,)


def core_signal(
    intensity: NDArray[np.floating[Any]],
    myocardium: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
) -> float | None:
    """Signal from which drawn enhancement is core scar ("remote" reading); None if unknown."""
    try:
        return classify_enhancement(intensity, myocardium, enhancement).threshold.value
    except AcsnetError:  # values that are not finite: told where they are measured
        return None

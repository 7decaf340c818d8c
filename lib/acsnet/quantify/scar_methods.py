"""Established scar thresholds (FWHM, n-SD, Otsu), all applied to the same wall.

- `drawn`: the enhancement of the label map, with its core scar and grey zone.
- `fwhm_remote`, `fwhm_half_max`: full width at half maximum (Amado et al. 2004,
  doi:10.1016/j.jacc.2004.09.020), with the two definitions of `acsnet.quantify.scar`. All scar is
  core. The grey zone, 35 to 50 % of the peak, lies outside the scar (Roes et al. 2009,
  doi:10.1161/CIRCIMAGING.108.826529; measured from 0).
- `sd2_mean` to `sd6_mean`: mean + n SD of the remote region, as published (Kim et al. 1999,
  doi:10.1161/01.CIR.100.19.1992). For n = 2, core is 3 SD and more, and the grey zone is 2 to 3 SD
  (Yan et al. 2006, doi:10.1161/CIRCULATIONAHA.105.613414). For other n, no grey zone is published.
- `sd2` to `sd6`: the same with robust statistics of the remote region: median + n times its spread.
- `otsu`: the threshold that best separates the signal of the wall into two classes (Otsu 1979,
  doi:10.1109/TSMC.1979.4310076): the upper edge of the histogram bin in which it falls.

All are plain thresholds without clean-up, so noise, and blood at the border of the wall, count as
scar. Voxels without signal (NaN, padding) move no threshold, and are no scar by any. The peak of
FWHM and the threshold of Otsu ignore single bright points. FWHM and Otsu assume that there is scar,
so they are undefined where none was drawn. If the drawn scar is not brighter than the remote wall,
or is all microvascular obstruction, all thresholds are undefined. `fwhm_half_max` needs an image in
which the signal is 0 where there is no tissue. It is undefined if the remote wall is brighter than
half of the peak, as in most magnitude and phase-sensitive images. Every method counts microvascular
obstruction as scar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

from acsnet.errors import AcsnetError
from acsnet.quantify.field_metadata import described
from acsnet.quantify.remote_myocardium import RemoteRegion
from acsnet.quantify.scar import ScarMethod, classify_enhancement
from acsnet.quantify.speckle import speckle
from acsnet.quantify.volumes import burden_percent, mass_g, volume_ml

GREY_SHARE = 0.35  # lower bound of the FWHM grey zone (Roes et al. 2009)
SD_COUNTS = (2, 3, 4, 5, 6)
FWHM: Mapping[str, ScarMethod] = {"fwhm_remote": "remote", "fwhm_half_max": "half_max"}
METHODS = (
    "drawn",
    *FWHM,
    *(f"sd{n}" for n in SD_COUNTS),
    *(f"sd{n}_mean" for n in SD_COUNTS),
    "otsu",
)
OTSU_BINS = 256
STABLE_FROM_REMOTE = ("fwhm_remote", *(f"sd{n}" for n in SD_COUNTS))
FROM_REMOTE = (*STABLE_FROM_REMOTE, *(f"sd{n}_mean" for n in SD_COUNTS))
"""Methods that are measured from the remote region that a person gave."""
MOST_APART, LEAST_ML = 0.1, 0.1  # share of the larger volume; differences below this are none


@dataclass(frozen=True, kw_only=True)
class MethodRow:
    """Scar by one method; null where the method does not define a number on this scan."""

    method: Annotated[str, described("", f"one of {', '.join(METHODS)}")]
    threshold: Annotated[
        float | None, described("signal", "scar is at least as bright as this")
    ] = None
    scar_volume_ml: Annotated[
        float | None, described("ml", "scar, microvascular obstruction included")
    ] = None
    scar_mass_g: Annotated[float | None, described("g", "mass of the scar, density 1.05 g/ml")] = (
        None
    )
    scar_burden_percent: Annotated[
        float | None, described("%", "scar as a share of the whole myocardium")
    ] = None
    core_volume_ml: Annotated[float | None, described("ml", "core, if the method defines one")] = (
        None
    )
    grey_zone_volume_ml: Annotated[
        float | None,
        described("ml", "grey zone, if the method defines one; for fwhm it lies outside the scar"),
    ] = None
    note: Annotated[str | None, described("", "why there is no number")] = None


@dataclass(frozen=True, kw_only=True)
class Wall:
    """The input of every method; arrays are (slice, row, column).

    measured: what has signal.
    """

    intensity: NDArray[np.floating[Any]]
    myocardium: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]
    obstruction: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    voxel_ml: float

    @property
    def no_scar(self) -> str:
        """Why there is no signal of scar; empty if there is."""
        if not self.enhancement.any():
            return "no enhancement was drawn"
        lit = self.enhancement & self.measured
        return "" if lit.any() else "what was drawn as scar has no signal"

    def from_signal(self, threshold: float) -> NDArray[np.bool_]:
        """What is at least as bright as a threshold."""
        return self.measured & (self.intensity >= threshold)

    def row(
        self,
        method: str,
        scar: NDArray[np.bool_],
        *,
        threshold: float | None = None,
        core: NDArray[np.bool_] | None = None,
        grey: NDArray[np.bool_] | None = None,
    ) -> MethodRow:
        """The volumes of masks, cut to the wall; obstruction is scar, but neither core nor grey.

        scar, core, grey: of the shape of `intensity`; None of a method that has no such part.
        """
        scar_ml = volume_ml(scar & self.myocardium | self.obstruction, self.voxel_ml)
        core_ml, grey_ml = (
            None
            if part is None
            else volume_ml(part & self.myocardium & ~self.obstruction, self.voxel_ml)
            for part in (core, grey)
        )
        return MethodRow(
            method=method,
            threshold=threshold,
            scar_volume_ml=scar_ml,
            scar_mass_g=mass_g(scar_ml),
            scar_burden_percent=burden_percent(scar_ml, volume_ml(self.myocardium, self.voxel_ml)),
            core_volume_ml=core_ml,
            grey_zone_volume_ml=grey_ml,
        )


def compare_methods(
    wall: Wall, *, core: NDArray[np.bool_] | None, remote: RemoteRegion
) -> tuple[MethodRow, ...]:
    """A row for each of `METHODS`; core: (slice, row, column) mask, None where unknown."""
    grey = None if core is None else wall.enhancement & ~core
    return (
        wall.row("drawn", wall.enhancement, core=core, grey=grey),
        *(_fwhm(wall, name, remote) for name in FWHM),
        *(_deviations(wall, f"sd{n}", n, remote, remote.median, remote.spread) for n in SD_COUNTS),
        *(_deviations(wall, f"sd{n}_mean", n, remote, remote.mean, remote.sd) for n in SD_COUNTS),
        _otsu(wall, remote),
    )


def _fwhm(wall: Wall, name: str, remote: RemoteRegion) -> MethodRow:
    """The FWHM threshold of the label map, applied to the whole wall."""
    reading = FWHM[name]
    try:
        threshold = classify_enhancement(
            wall.intensity,
            wall.myocardium,
            wall.enhancement,
            method=reading,
            remote=remote.mask if remote.source == "given" else None,
            measured=wall.measured,
        ).threshold
    except AcsnetError as error:
        return MethodRow(method=name, note=str(error))
    if threshold.value is None or threshold.peak is None or threshold.method != reading:
        none = wall.no_scar
        note = f"{none}, so there is no peak" if none else threshold.reason
        return MethodRow(method=name, note=note)
    if note := _not_brighter(wall, remote.median):
        return MethodRow(method=name, note=note)
    begin = threshold.peak - (threshold.peak - threshold.value) * (1 - GREY_SHARE) / 0.5
    scar = wall.from_signal(threshold.value)
    grey = wall.from_signal(begin) & ~scar
    return wall.row(name, scar, threshold=threshold.value, core=scar, grey=grey)


def _deviations(
    wall: Wall,
    method: str,
    n: int,
    remote: RemoteRegion,
    middle: float | None,
    spread: float | None,
) -> MethodRow:
    """Middle of the remote signal and n times its spread."""
    if (note := remote.no_spread) or middle is None or spread is None:
        return MethodRow(method=method, note=note)
    if note := _not_brighter(wall, middle):
        return MethodRow(method=method, note=note)
    threshold = middle + n * spread
    scar = wall.from_signal(threshold)
    core = wall.from_signal(middle + 3 * spread) if n == 2 else None
    grey = None if core is None else scar & ~core
    return wall.row(method, scar, threshold=threshold, core=core, grey=grey)


def _otsu(wall: Wall, remote: RemoteRegion) -> MethodRow:
    if note := wall.no_scar:
        return MethodRow(method="otsu", note=f"{note}, so there are not two classes")
    if note := _not_brighter(wall, remote.median):
        return MethodRow(method="otsu", note=note)
    lit = wall.myocardium & wall.measured
    values = wall.intensity[lit & ~speckle(wall.intensity, lit)].astype(np.float64)
    low, span = float(values.min()), float(np.ptp(values))
    if span == 0.0:
        return MethodRow(method="otsu", note="the whole myocardium has one and the same signal")
    # On [0, 1]: squares of large values would overflow. The middle of a bin becomes its upper edge.
    middle = float(threshold_otsu((values - low) / span, nbins=OTSU_BINS))
    threshold = low + span * (middle + 0.5 / OTSU_BINS)
    return wall.row("otsu", wall.from_signal(threshold), threshold=threshold)


def _not_brighter(wall: Wall, remote: float | None) -> str:
    """Why no threshold can find scar that is not brighter than the remote wall; empty if it is."""
    drawn = wall.enhancement & wall.measured
    lit = drawn & ~wall.obstruction
    if drawn.any() and not lit.any():
        return "what was drawn as scar has signal in microvascular obstruction only, which is dark"
    if remote is None or not lit.any():
        return ""
    if (median := float(np.median(wall.intensity[lit]))) > remote:
        return ""
    return (
        f"what was drawn as scar (median {median:g}) is not brighter than the remote wall "
        f"({remote:g})"
    )


def region_doubt(rows: tuple[MethodRow, ...], automatic: tuple[MethodRow, ...]) -> tuple[str, ...]:
    """A warning where scar hangs on which remote region it is; rows: as measured."""
    others = {row.method: row.scar_volume_ml for row in automatic}
    for row in rows:
        own, other = row.scar_volume_ml, others.get(row.method)
        if row.method not in STABLE_FROM_REMOTE or own is None or other is None:
            continue
        if abs(own - other) > MOST_APART * max(own, other) and abs(own - other) > LEAST_ML:
            note = (
                "scar depends on the given remote region: "
                f"by {row.method} it is {own:.1f} ml with it, {other:.1f} ml without it"
            )
            return (note,)
    return ()

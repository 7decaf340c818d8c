"""Magnitude and phase-sensitive (PSIR) reconstructions of one scan: recognise, match, choose.

An inversion-recovery scan is often stored as both. Not from the paper: PSIR is preferred, because
its signal keeps its sign and the networks were trained on such images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from acsnet.io.dicom_files.dicom_file import DicomFile, quiet_pydicom
from acsnet.io.dicom_stack.image_kinds import Kind
from acsnet.io.dicom_stack.planes import planes_of
from acsnet.io.geometry import SAME_COSINE, SAME_POSITION_MM


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The choice between reconstructions, in words; preferred: False for the one not chosen."""

    statement: str
    preferred: bool


def choice_in_series(part: str | None) -> Choice | None:
    """Of the two scans of a series that holds both of each slice; part: as in `Series`."""
    words = (part or "").split(", ")
    kind = next((kind for kind in get_args(Kind) if kind in words), None)
    return None if kind is None else _choice(kind, of="series")


def _choice(kind: Kind, *, of: str, other: str = "") -> Choice:
    """For one of two reconstructions; of: what holds both; other: where the other one is."""
    if kind == "phase-sensitive":
        statement = f"phase-sensitive, preferred to the magnitude images of the same {of}{other}"
    else:
        statement = f"magnitude, the phase-sensitive images of the same {of} are preferred{other}"
    return Choice(statement=statement, preferred=kind == "phase-sensitive")


@dataclass(frozen=True, kw_only=True, eq=False)
class ScanKey:
    """What two reconstructions of one scan share: study, geometry and acquisition times.

    positions_mm: (slice, 3), ascending along the normal; cosines: (2, 3) of the first slice.
    """

    uids: tuple[str, ...]
    times: frozenset[str]
    positions_mm: NDArray[np.float64]
    cosines: NDArray[np.float64]

    def is_of(self, other: "ScanKey") -> bool:
        """Whether both are of one scan; positions are compared by distance, however rounded."""
        if (self.uids, self.times) != (other.uids, other.times):
            return False
        if self.positions_mm.shape != other.positions_mm.shape:
            return False
        apart_mm = np.linalg.norm(self.positions_mm - other.positions_mm, axis=1).max()
        turned = np.abs(self.cosines - other.cosines).max()
        return bool(apart_mm <= SAME_POSITION_MM and turned <= SAME_COSINE)


def scan_key(images: Sequence[DicomFile]) -> ScanKey:
    """The key of a stack by its images, one a slice; of enhanced objects, their frames."""
    planes = planes_of(images)
    normal = planes[0].normal
    positions_mm = np.array([plane.position_mm for plane in planes])
    with quiet_pydicom():
        return ScanKey(
            uids=tuple(map(images[0].text, ("StudyInstanceUID", "FrameOfReferenceUID"))),
            times=frozenset(image.text("AcquisitionTime").partition(".")[0] for image in images),
            positions_mm=positions_mm[np.argsort(positions_mm @ normal)],
            cosines=planes[0].cosines,
        )


def choose_among(
    kinds: Mapping[str, Kind | None], keys: Mapping[str, ScanKey]
) -> dict[str, Choice]:
    """SeriesInstanceUID -> choice, for the series that are two reconstructions of one scan.

    kinds, keys: of each series, as `kind_of` and `scan_key` give them.
    """
    scans: list[list[str]] = []
    for uid, key in keys.items():
        scan = next((uids for uids in scans if key.is_of(keys[uids[0]])), None)
        if scan is None:
            scans.append([uid])
        else:
            scan.append(uid)
    choices = {}
    for uids in scans:
        sensitive = [uid for uid in uids if kinds[uid] == "phase-sensitive"]
        magnitude = [uid for uid in uids if kinds[uid] == "magnitude"]
        if len(sensitive) == len(magnitude) == 1:
            by_sensitive, by_magnitude = f" (series {sensitive[0]})", f" (series {magnitude[0]})"
            choices[sensitive[0]] = _choice("phase-sensitive", of="scan", other=by_magnitude)
            choices[magnitude[0]] = _choice("magnitude", of="scan", other=by_sensitive)
    return choices

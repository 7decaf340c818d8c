"""Magnitude and phase-sensitive (PSIR) reconstructions of one scan: recognise, match, choose.

An inversion-recovery scan is often stored as both. Not from the paper: PSIR is preferred, because
its signal keeps its sign and the networks were trained on such images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.dicom_stack.image_kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The choice between reconstructions, in words; preferred: False for the one not chosen."""

    statement: str
    preferred: bool


IN_SERIES = {
    "phase-sensitive": Choice(
        statement="phase-sensitive, preferred to the magnitude images of the same series",
        preferred=True,
    ),
    "magnitude": Choice(
        statement="magnitude, the phase-sensitive images of the same series are preferred",
        preferred=False,
    ),
}


def choice_in_series(part: str | None) -> Choice | None:
    """Of the two scans of a series that holds both of each slice; part: as in `Series`."""
    words = (part or "").split(", ")
    return next((choice for kind, choice in IN_SERIES.items() if kind in words), None)


def scan_key(headers: Sequence[Dataset]) -> tuple[object, ...]:
    """What two reconstructions of one scan share: study, geometry and acquisition times."""
    shared = ("StudyInstanceUID", "FrameOfReferenceUID", "ImageOrientationPatient")
    with quiet_pydicom():
        times = {text_of(header, "AcquisitionTime").partition(".")[0] for header in headers}
        tags = (text_of(headers[0], tag) for tag in shared)
        return (*tags, _positions(headers), frozenset(times))


def choose_among(
    kinds: Mapping[str, Kind | None], keys: Mapping[str, tuple[object, ...]]
) -> dict[str, Choice]:
    """SeriesInstanceUID -> choice, for the series that are two reconstructions of one scan.

    kinds, keys: of each series, as `kind_of` and `scan_key` give them.
    """
    by_key: dict[tuple[object, ...], list[str]] = {}
    for uid, key in keys.items():
        by_key.setdefault(key, []).append(uid)
    choices = {}
    for uids in by_key.values():
        sensitive = [uid for uid in uids if kinds[uid] == "phase-sensitive"]
        magnitude = [uid for uid in uids if kinds[uid] == "magnitude"]
        if len(sensitive) == len(magnitude) == 1:
            for_sensitive = (
                "phase-sensitive, preferred to the magnitude images of the same scan "
                f"(series {magnitude[0]})"
            )
            for_magnitude = (
                "magnitude, the phase-sensitive images of the same scan are preferred "
                f"(series {sensitive[0]})"
            )
            choices[sensitive[0]] = Choice(statement=for_sensitive, preferred=True)
            choices[magnitude[0]] = Choice(statement=for_magnitude, preferred=False)
    return choices


def _positions(headers: Sequence[Dataset]) -> frozenset[tuple[float, ...]]:
    """Positions of the images in mm, to one decimal; invalid ones are NaN, equal to none."""
    places = set()
    for header in headers:
        text = text_of(header, "ImagePositionPatient")
        try:
            places.add(tuple(round(float(part), 1) for part in text.split("\\")))
        except ValueError:
            places.add((float("nan"),))
    return frozenset(places)

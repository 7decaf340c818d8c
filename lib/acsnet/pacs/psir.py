"""Magnitude and phase-sensitive (PSIR) reconstructions of one scan: recognise, match, choose.

An inversion-recovery scan is often stored as both. Not from the paper: PSIR is preferred, because
its signal keeps its sign and the networks were trained on such images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.dicom_stack.image_kinds import Kind, kind_of


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The choice between reconstructions, in words; preferred: False for the one not chosen."""

    statement: str
    preferred: bool


def chosen_in_series(headers: Sequence[Dataset]) -> tuple[list[Dataset], Choice | None]:
    """The phase-sensitive images of a series with both of each slice; else all images."""
    with quiet_pydicom():
        sensitive = [header for header in headers if kind_of(header) == "phase-sensitive"]
        magnitude = [header for header in headers if kind_of(header) == "magnitude"]
        paired = len(sensitive) == len(magnitude) == len(headers) / 2 > 0
        if not paired or _positions(sensitive) != _positions(magnitude):
            return list(headers), None
    statement = (
        "the series holds each slice as magnitude and as phase-sensitive image: "
        "the phase-sensitive ones are used"
    )
    return sensitive, Choice(statement=statement, preferred=True)


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

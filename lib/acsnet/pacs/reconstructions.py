"""Magnitude and phase-sensitive images of one scan: told apart, matched, and one of them chosen.

An inversion-recovery scan is often stored twice, as magnitude and as phase-sensitive (PSIR)
images of the same slices. The phase-sensitive ones are preferred: signal keeps its sign in them,
and the networks were trained on such images. Ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.image_kinds import Kind, kind_of


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What was chosen and why, for the reader; preferred: False for the image not chosen."""

    statement: str
    preferred: bool


def chosen_in_series(headers: Sequence[Dataset]) -> tuple[list[Dataset], Choice | None]:
    """The phase-sensitive images of a series that holds each slice in both ways; else all."""
    with quiet_pydicom():
        sensitive = [one for one in headers if kind_of(one) == "phase-sensitive"]
        magnitude = [one for one in headers if kind_of(one) == "magnitude"]
        twice = len(sensitive) == len(magnitude) == len(headers) / 2 > 0
        if not twice or _positions(sensitive) != _positions(magnitude):
            return list(headers), None
    statement = (
        "the series holds each slice as magnitude and as phase-sensitive image: "
        "the phase-sensitive ones are used"
    )
    return sensitive, Choice(statement=statement, preferred=True)


def scan_key(headers: Sequence[Dataset]) -> tuple[object, ...]:
    """What two reconstructions of one scan share: frame of reference, places and times."""
    with quiet_pydicom():
        first = headers[0]
        times = {text_of(one, "AcquisitionTime").partition(".")[0] for one in headers}
        return (
            text_of(first, "StudyInstanceUID"),
            text_of(first, "FrameOfReferenceUID"),
            text_of(first, "ImageOrientationPatient"),
            _positions(headers),
            frozenset(times),
        )


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
            choices[sensitive[0]] = Choice(
                statement=f"phase-sensitive, preferred to the magnitude images of the same scan "
                f"(series {magnitude[0]})",
                preferred=True,
            )
            choices[magnitude[0]] = Choice(
                statement=f"magnitude, the phase-sensitive images of the same scan are preferred "
                f"(series {sensitive[0]})",
                preferred=False,
            )
    return choices


def _positions(headers: Sequence[Dataset]) -> frozenset[tuple[float, ...]]:
    """Places of the images in mm, to one decimal; text that is no number makes none alike."""
    places = set()
    for header in headers:
        text = text_of(header, "ImagePositionPatient")
        try:
            places.add(tuple(round(float(part), 1) for part in text.split("\\")))
        except ValueError:
            places.add((float("nan"),))
    return frozenset(places)

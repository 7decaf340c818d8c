"""Several images at one slice position: which tag tells them apart, and picking one."""

import re
from collections.abc import Sequence

from acsnet.errors import GeometryError
from acsnet.io.dicom_files import DicomFile

SEPARATING_TAGS: dict[str, str] = {
    "TriggerTime": "cardiac phases",
    "NominalCardiacTriggerDelayTime": "cardiac phases",
    "CardiacCyclePosition": "cardiac phases",
    "TemporalPositionIdentifier": "time points",
    "TemporalPositionIndex": "time points",
    "EchoTime": "echoes",
    "InversionTime": "inversion times",
    "ImageType": "image types",
    "AcquisitionTime": "acquisitions",
    "AcquisitionNumber": "acquisitions",
    "ContentTime": "images",
    "InstanceNumber": "images",
}
"""What the images at one position may be, by the tag that tells them apart; tried in order."""

Value = float | str


def choose_phase(
    groups: Sequence[Sequence[DicomFile]], *, phase: int | None
) -> tuple[DicomFile, ...]:
    """One image at each position: the only one, or the `phase`-th (from 1) by separating tag.

    groups: the images of each position. Raises GeometryError when there are several and no phase
    is given, when the phase is out of range, when positions hold different numbers of images,
    or when the choice would mix image types (magnitude and phase-sensitive).
    """
    counts = [len(group) for group in groups]
    most = max(counts)
    if min(counts) != most:
        pair = groups[counts.index(most)]
        msg = (
            f"every slice position must hold the same number of images, got {min(counts)} to "
            f"{most}: {pair[0].name} and {pair[1].name} lie at one position, "
            f"{groups[counts.index(min(counts))][0].name} at one with {min(counts)}"
        )
        raise GeometryError(msg)
    if most == 1:
        if phase not in (None, 1):
            msg = f"phase must be 1, got {phase}: there is one image at each slice position"
            raise GeometryError(msg)
        return tuple(group[0] for group in groups)
    tag = _separating_tag(groups)
    if tag is None:
        msg = (
            f"{most} images at each slice position and no tag tells them apart: "
            f"{groups[0][0].name} and {groups[0][1].name}"
        )
        raise GeometryError(msg)
    ordered = _ordered(groups, tag)
    if phase is None or not 1 <= phase <= most:
        msg = _offer(ordered, tag=tag, phase=phase)
        raise GeometryError(msg)
    return _chosen(ordered, tag=tag, phase=phase)


def phases_of(groups: Sequence[Sequence[DicomFile]], *, count: int) -> list[tuple[int, str]]:
    """What there is to choose from: numbers of the images of a position, and which in words.

    groups: the images of each position; count: how many numbers at most, spread evenly. Empty
    where there is no choice, or no plain one.
    """
    most = max(map(len, groups))
    if most < 2 or {len(group) for group in groups} != {most}:
        return []
    if (tag := _separating_tag(groups)) is None:
        return []
    ordered = _ordered(groups, tag)
    phases = []
    for number in dict.fromkeys(1 + k * most // min(count, most) for k in range(min(count, most))):
        try:
            chosen = _chosen(ordered, tag=tag, phase=number)
        except GeometryError:
            return []
        words = f"{number} of {most} {SEPARATING_TAGS[tag]}, {tag} {_value(chosen[0], tag)}"
        phases.append((number, words))
    return phases


def _ordered(groups: Sequence[Sequence[DicomFile]], tag: str) -> list[list[DicomFile]]:
    return [sorted(group, key=lambda file: _sort_key(file, tag)) for group in groups]


def _chosen(
    ordered: Sequence[Sequence[DicomFile]], *, tag: str, phase: int
) -> tuple[DicomFile, ...]:
    """An image at each position. Raises GeometryError where it would mix image types."""
    chosen = tuple(group[phase - 1] for group in ordered)
    types = {_value(file, "ImageType") for file in chosen}
    if len(types) > 1 and any(len(_values(group, "ImageType")) > 1 for group in ordered):
        msg = f"phase {phase} by {tag} would mix image types over the slices: " + ", ".join(
            sorted(map(str, types))
        )
        raise GeometryError(msg)
    return chosen


def without_options(reason: str, *, in_pacs: bool = False) -> str:
    """Why a scan is refused, for whoever has no command line with its options.

    in_pacs: where a case of its own is the only way to one of several images.
    """
    others = r", by the option phase of the model (1 to \1), or by a folder with its images alone"
    reason = re.sub(
        r"choose one with --phase N, N from 1 to (\d+)",
        "choose one as a case of its own" + ("" if in_pacs else others),
        reason,
    )
    return reason.replace(
        "choose one with --series UID (or its number)", "put one of them into a folder of its own"
    )


def _separating_tag(groups: Sequence[Sequence[DicomFile]]) -> str | None:
    """A tag with one value an image; at best with the same values at every position."""
    separating = [
        tag
        for tag in SEPARATING_TAGS
        if all(len(_values(group, tag)) == len(group) for group in groups)
    ]
    alike = [
        tag
        for tag in separating
        if all(_values(group, tag) == _values(groups[0], tag) for group in groups)
    ]
    return next(iter(alike + separating), None)


def _offer(ordered: Sequence[Sequence[DicomFile]], *, tag: str, phase: int | None) -> str:
    group = ordered[0]
    values = [f"{_value(file, tag)}" for file in group]
    shown = ", ".join(values) if len(values) <= 4 else f"{values[0]} to {values[-1]}"
    asked = "" if phase is None else f"; got phase {phase}"
    return (
        f"{len(group)} images at each of {len(ordered)} slice positions "
        f"({group[0].name} and {group[1].name} lie at one): {len(group)} "
        f"{SEPARATING_TAGS[tag]}, told apart by {tag} ({shown}); "
        f"choose one with --phase N, N from 1 to {len(group)}{asked}"
    )


def _values(group: Sequence[DicomFile], tag: str) -> set[Value]:
    return {value for file in group if (value := _value(file, tag)) is not None}


def _value(file: DicomFile, tag: str) -> Value | None:
    text = file.text(tag)
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _sort_key(file: DicomFile, tag: str) -> tuple[float, str]:
    value = _value(file, tag)
    return (value, "") if isinstance(value, float) else (0.0, str(value))

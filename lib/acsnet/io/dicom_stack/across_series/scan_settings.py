"""Whether two series were taken with the same settings, as far as both tell. Ours."""

from collections.abc import Sequence

from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.dicom_stack.repeats import seconds

SAME_TAGS = ("FrameOfReferenceUID", "PatientPosition", "ScanOptions")
"""Whose values are the same, in any order."""

NEAR_TAGS = {
    "SliceThickness": (0.01, 0.0),
    "FlipAngle": (0.01, 0.0),
    "RepetitionTime": (0.1, 0.0),
    "TriggerTime": (0.0, 100.0),
}
"""Numbers, and by how much they may differ: as a share, and in their unit (mm, degrees, ms).

RepetitionTime and TriggerTime follow the heart.
"""

CONTRAST_AGENT = "ContrastBolusAgent"
TIME_TAGS = ("AcquisitionTime", "SeriesTime")

MAX_APART_S = 300.0
"""From the end of one part to the beginning of the next: breath-holds are less far apart."""

COMPARED_TAGS = (*SAME_TAGS, *NEAR_TAGS, CONTRAST_AGENT, *TIME_TAGS)


def settings_agree(files: Sequence[DicomFile], others: Sequence[DicomFile]) -> bool:
    """Whether nothing that the headers of two series of one study both tell contradicts one scan.

    The contrast agent is told by both, or by none.
    """
    for tag in SAME_TAGS:
        values, of_others = (set(map(_values, _told(some, tag))) for some in (files, others))
        if values and of_others and values != of_others:
            return False
    for tag, (share, unit) in NEAR_TAGS.items():
        numbers, near = (_numbers(some, tag) for some in (files, others))
        both = ((numbers, near), (near, numbers)) if numbers and near else ()
        if not all(_are_near(some, of, share, unit) for some, of in both):
            return False
    agents = [{bool(file.text(CONTRAST_AGENT)) for file in some} for some in (files, others)]
    return agents[0] == agents[1] and _are_soon_after(files, others)


def _told(files: Sequence[DicomFile], tag: str) -> set[str]:
    return {file.text(tag) for file in files} - {""}


def _numbers(files: Sequence[DicomFile], tag: str) -> set[float]:
    numbers = map(number_of, _told(files, tag))
    return {number for number in numbers if number is not None}


def _values(text: str) -> tuple[str, ...]:
    return tuple(sorted(text.upper().split("\\")))


def _are_near(numbers: set[float], others: set[float], share: float, unit: float) -> bool:
    """Whether each number is near one of others."""
    return all(
        any(abs(number - other) <= unit + share * max(abs(number), abs(other)) for other in others)
        for number in numbers
    )


def _are_soon_after(files: Sequence[DicomFile], others: Sequence[DicomFile]) -> bool:
    """Whether little time lies between two series, by the first tag that both tell."""
    for tag in TIME_TAGS:
        if all(file.text(tag) for file in (*files, *others)):
            times, of_others = ([seconds(f, tag) for f in some] for some in (files, others))
            apart_s = max(min(of_others) - max(times), min(times) - max(of_others))
            return apart_s <= MAX_APART_S
    return True

"""Whether the slices of a stack show one kind of image: LGE or another, of one reconstruction."""

from collections import Counter
from collections.abc import Sequence

from pydicom.dataset import Dataset

from acsnet.errors import GeometryError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.contrast import (
    cine_reason,
    is_called_lge,
    other_reason,
    phase_reason,
    sure_reason,
)
from acsnet.io.dicom_stack.image_kinds import kind_by_tags, kind_of
from acsnet.io.dicom_stack.selection import named


def check_one_kind(chosen: Sequence[DicomFile]) -> None:
    """Raise GeometryError for magnitude and phase-sensitive images, or LGE and others, in a stack.

    A phase image, a map or a cine at a single position would be measured as its signal. A name
    that all share tells no kinds apart.
    """
    others = {_unlike_lge(file.header): file.name for file in reversed(chosen)}
    lge, reason = others.pop(None, None), next(iter(others), None)
    if lge is not None and reason is not None:
        msg = (
            f"the slices mix images that may be LGE ({lge}) and others ({others[reason]}: "
            f"{reason}): export the series again with images of one kind at all positions"
        )
        raise GeometryError(msg)
    names = {file.text("SeriesDescription") for file in chosen}
    kind = kind_by_tags if len(names) == 1 else kind_of
    kinds = {kind(file.header): file.name for file in reversed(chosen)}
    if "magnitude" in kinds and "phase-sensitive" in kinds:
        msg = (
            f"the slices mix magnitude ({kinds['magnitude']}) and phase-sensitive images "
            f"({kinds['phase-sensitive']}), of which some are missing: export the series again"
        )
        raise GeometryError(msg)


def _unlike_lge(header: Dataset) -> str | None:
    """Why an image is surely of another scan than LGE, or None."""
    if (reason := sure_reason(header) or phase_reason(header)) is not None or is_called_lge(header):
        return reason
    return cine_reason(header, images_each=1)


def typical_of(chosen: Sequence[DicomFile]) -> tuple[DicomFile, list[str]]:
    """An image that tells what most slices of a stack show, and what to tell of the others.

    Those that are called otherwise by chance (a weak word, a type) are measured with the stack.
    """
    reasons = {file: other_reason(file.header) for file in chosen}
    is_other = Counter(reason is not None for reason in reasons.values()).most_common(1)[0][0]
    usual = next(file for file in chosen if (reasons[file] is not None) == is_other)
    odd = [file for file in chosen if (reasons[file] is not None) != is_other]
    if not odd:
        return usual, []
    reason = reasons[usual if is_other else odd[0]]
    doubt = "may be LGE, unlike the other slices" if is_other else "may be of another contrast"
    return usual, [f"{named(odd)} {doubt} ({reason}): check whether the slices are of one scan"]

"""Which series of a PACS may be late gadolinium enhancement (LGE) stacks, by what a search tells.

LGE is recognised by name. Not from the paper: names differ between sites, and `ACSNET_PACS_LGE`
replaces the pattern. Some store each breath-hold as a series: a search tells names and numbers of
images only, and whether such parts make a stack is seen from their headers, see
`acsnet.pacs.preflight`.
"""

import re
from collections.abc import Sequence

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.dicom_stack.contrast import LGE, NAME_TAGS, NO_LGE
from acsnet.io.dicom_stack.series_choice import (
    MAX_SLICES_OF_PART,
    MAX_SLICES_OF_SLAB,
    MIN_PARTS,
    name_stem,
)

MAX_IMAGES_OF_SLAB = 2 * MAX_SLICES_OF_SLAB
"""Of a part of a stack: each slice may be there in magnitude and phase-sensitive."""


def lge_name(header: Dataset, pattern: re.Pattern[str] = LGE) -> str | None:
    """The tag and value that match, such as "SeriesDescription 'SA PSIR'"; None if none does."""
    names = {tag: text_of(header, tag) for tag in NAME_TAGS}
    if any(NO_LGE.search(name) for name in names.values()):
        return None
    return next((f"{tag} {name!r}" for tag, name in names.items() if pattern.search(name)), None)


def possible_stacks(headers: Sequence[Dataset]) -> list[list[Dataset]]:
    """Series from a search, in its order; those that may be parts of one stack as one group.

    Such are at least three of one study and patient with a few images each, or two with as many as
    half a stack has, called alike but for numbers; they are ordered by SeriesNumber. The latter may
    as well be whole stacks.
    """
    groups: dict[tuple[str, ...], list[Dataset]] = {}
    with quiet_pydicom():
        for header in headers:
            groups.setdefault(_key(header), []).append(header)
    stacks: list[list[Dataset]] = []
    for parts in groups.values():
        if len(parts) < MIN_PARTS and not are_slabs(parts):
            stacks += [[part] for part in parts]
        else:
            stacks.append(sorted(parts, key=_number))
    return stacks


def are_slabs(parts: Sequence[Dataset]) -> bool:
    """Whether some of several series have more images than a breath-hold has."""
    return len(parts) > 1 and max(map(_images, parts)) > MAX_SLICES_OF_PART


def _images(header: Dataset) -> int:
    images = text_of(header, "NumberOfSeriesRelatedInstances")
    return int(images) if images.isdecimal() else 0


def _key(header: Dataset) -> tuple[str, ...]:
    uid = text_of(header, "SeriesInstanceUID")
    if not 0 < _images(header) <= MAX_IMAGES_OF_SLAB:
        return (uid,)
    tags = ("StudyInstanceUID", "PatientID", "Modality")
    name = text_of(header, "SeriesDescription") or text_of(header, "ProtocolName")
    return (*(text_of(header, tag) for tag in tags), name_stem(name))


def _number(header: Dataset) -> tuple[float, str]:
    text = text_of(header, "SeriesNumber")
    return (float(text) if text.isdecimal() else 0.0), text_of(header, "SeriesInstanceUID")

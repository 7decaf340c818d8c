"""Which series of a PACS may be late gadolinium enhancement (LGE) stacks, by what a search tells.

LGE is recognised by name. Not from the paper: names differ between sites, and `ACSNET_PACS_LGE`
replaces the pattern. Some store each breath-hold as a series: a search tells names and numbers of
images only, and whether such parts make a stack is seen from their headers, see
`acsnet.pacs.preflight`.
"""

import re
from collections.abc import Sequence

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.io.dicom_stack.contrast import lge_names, never_lge_name
from acsnet.io.dicom_stack.series_names import name_stem
from acsnet.io.series_words import LGE
from acsnet.pacs.dicomweb import is_uid

UID_TAGS = ("StudyInstanceUID", "SeriesInstanceUID")


def lge_name(header: Dataset, pattern: re.Pattern[str] = LGE) -> str | None:
    """The tag and value that match, such as "SeriesDescription 'SA PSIR'"; None if none does."""
    if never_lge_name(header, pattern) is not None:
        return None
    return next((f"{tag} {name!r}" for tag, name in lge_names(header, pattern).items()), None)


def lge_series(
    headers: Sequence[Dataset], pattern: re.Pattern[str] = LGE
) -> tuple[list[Dataset], list[str]]:
    """Series from a search that are called LGE, each SeriesInstanceUID once; what is told of those
    that cannot be listed.
    """
    with quiet_pydicom():
        named = [header for header in headers if lge_name(header, pattern)]
        usable = [header for header in named if _has_uids(header)]
        listed: dict[str, Dataset] = {}
        for header in usable:
            listed.setdefault(text_of(header, "SeriesInstanceUID"), header)
    left_out = []
    if count := len(named) - len(usable):
        left_out.append(f"{count} LGE series have no valid {' or '.join(UID_TAGS)}")
    if count := len(usable) - len(listed):
        left_out.append(f"{count} LGE series have the SeriesInstanceUID of one in another study")
    return list(listed.values()), left_out


def _has_uids(header: Dataset) -> bool:
    return all(is_uid(text_of(header, tag)) for tag in UID_TAGS)


def possible_stacks(headers: Sequence[Dataset]) -> list[list[Dataset]]:
    """Series from a search, in its order; those that may be parts of one stack as one group.

    Such are series of one study and patient that are called alike by `name_stem`, ordered by
    SeriesNumber; they may as well be whole stacks. How many images they hold does not matter: one
    object may hold half a stack, and a slice many images.
    """
    groups: dict[tuple[str, ...], list[Dataset]] = {}
    with quiet_pydicom():
        for header in headers:
            groups.setdefault(_key(header), []).append(header)
        return [sorted(parts, key=_number) for parts in groups.values()]


def _key(header: Dataset) -> tuple[str, ...]:
    tags = ("StudyInstanceUID", "PatientID", "Modality")
    name = text_of(header, "SeriesDescription") or text_of(header, "ProtocolName")
    return (*(text_of(header, tag) for tag in tags), name_stem(name))


def _number(header: Dataset) -> tuple[float, str]:
    text = text_of(header, "SeriesNumber")
    return (float(text) if text.isdecimal() else 0.0), text_of(header, "SeriesInstanceUID")

"""What the name of a volume file tells of its contrast: of the series, and by its ending.

Files are called after patients, too: what an ending alone would tell is told as a doubt, and counts
only where a file beside it bears it out. Ours.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import quiet_pydicom
from acsnet.io.dicom_stack.contrast import PHASE_TYPES, Content, content_of
from acsnet.io.dicom_stack.image_kinds import PHASE_SENSITIVE
from acsnet.io.series_words import (
    CINE,
    LGE,
    LONG_AXIS,
    NO_LGE,
    OTHER_CONTRAST,
    SHORT_AXIS,
)
from acsnet.io.volume import SUFFIXES
from acsnet.scan import UNFIT, Contrast, InputGrid, ShortAxisScan

COMPONENT = re.compile(
    r"_imaginary (?: _[et]\d+ )? [a-z]? $ | part-(?: phase | imag (?: inary )? ) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""How dcm2niix ends the names of imaginary images, and BIDS marks these and phase images."""

PHASE_ENDING = re.compile(
    r"_ (?: ph | phase ) (?P<echo> (?: _[et]\d+ )? ) (?P<letter> [a-z]? ) $",
    re.IGNORECASE | re.VERBOSE,
)
"""How dcm2niix ends the names of phase images."""

OTHER_PHASE = re.compile(
    r"""
    (?: late | delayed | early | arterial | venous | equilibrium
        | (?: dia | sy ) stol (?: e | ic ) | (?<![a-z]) e[ds] )
    [\s_-]* phase [a-z]? $
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Phases after contrast, and of the heart."""

NAME_OR_CODE = re.compile(
    r"(?<![a-z]) (?: adc | cor | dixon | dti | dwi | ege | flow | fse | fun[ck] | haste | hla"
    r" | kino | lax | mra | retro | sag | scout | tra | tse | vla ) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""Words for other scans that are names of people, or their initials, too."""

OF_SERIES = (LGE, SHORT_AXIS, LONG_AXIS, CINE, OTHER_CONTRAST, NO_LGE)
"""What tells in the name of a file, or of one beside it, that files are called after series."""

CINE_ENDING = re.compile(r"_c0$", re.IGNORECASE)
"""How MS-CMRSeg and MyoPS end the names of their balanced cine, beside `_DE` and `_T2`."""


def content_of_volume(path: Path, scan: ShortAxisScan) -> Content:
    """As `content_of`, for a file that tells no more than its name: converters put the series'."""
    content = _content_of_name(scan.name, scan.grid)
    if _may_be_a_person(path):
        sure = _content_of_name(NAME_OR_CODE.sub("", scan.name), scan.grid)
        if (sure.contrast, sure.view) != (content.contrast, content.view):
            remark = f"its name is {scan.name!r}, as of another scan: make sure that it is LGE"
            content = replace(sure, remarks=(remark, *sure.remarks))
    if content.contrast != "lge":
        return content
    stem = _stem(path.name)
    if COMPONENT.search(stem):
        return _unfit(content, "other", f"another sequence, not LGE (its name is {stem!r})")
    if (ending := PHASE_ENDING.search(stem)) and not OTHER_PHASE.search(stem):
        what = "phase images, not LGE"
        types = _types_beside(path)
        if types & PHASE_TYPES and not types & PHASE_SENSITIVE:
            return _unfit(content, "other", f"{what} (ImageType in {stem}.json)")
        if types:
            return content
        return _by_siblings(content, path, "other", what, _siblings_of_phase(stem, ending))
    if (ending := CINE_ENDING.search(stem)) and not LGE.search(stem):
        base = stem[: ending.start()]
        return _by_siblings(content, path, "cine", "cine, not LGE", {f"{base}_de", f"{base}_t2"})
    return content


def _may_be_a_person(path: Path) -> bool:
    """Whether a word for another scan may be a name or a code: no file tells of a series.

    Nor do files that differ by such a word alone, as those of one patient do.
    """
    stem = _stem(path.name)
    rest, count = NAME_OR_CODE.subn("", stem)
    others = [NAME_OR_CODE.sub("", name) for name in _volumes_beside(path) if name != stem]
    if any(word.search(name) for word in OF_SERIES for name in (rest, *others)):
        return False
    return count == 1 and _bare(rest) not in map(_bare, others)


def _bare(name: str) -> str:
    return name.strip("_-. ").casefold()


def _content_of_name(name: str, grid: InputGrid) -> Content:
    header = Dataset()
    with quiet_pydicom():  # the name of a file may be longer than that of a series
        header.SeriesDescription = name
        return content_of(header, grid, images_each=1)


def _siblings_of_phase(stem: str, ending: re.Match[str]) -> set[str]:
    """What the other components of the same series are called."""
    base, echo, letter = stem[: ending.start()], ending["echo"], ending["letter"]
    tails = {"", echo, letter, echo + letter}
    return {base + part + tail for part in ("", "_real", "_imaginary") for tail in tails}


def _by_siblings(
    content: Content, path: Path, contrast: Contrast, what: str, siblings: set[str]
) -> Content:
    """Of that contrast if one of the siblings lies beside the file; else with a doubt."""
    stem = _stem(path.name)
    wanted = {name.casefold() for name in siblings}
    beside = next((name for name in _volumes_beside(path) if name.casefold() in wanted), None)
    if beside is not None:
        return _unfit(content, contrast, f"{what} (its name is {stem!r}, beside {beside!r})")
    remark = f"its name is {stem!r}, as of {what}: make sure that it is LGE"
    return replace(content, remarks=(remark, *content.remarks))


def _unfit(content: Content, contrast: Contrast, what: str) -> Content:
    remark = f"{UNFIT} {what}: scar cannot be measured on it"
    return replace(content, contrast=contrast, remarks=(remark, *content.remarks))


def _volumes_beside(path: Path) -> list[str]:
    """Names of the volumes in the folder of a file, without suffix."""
    try:
        names = sorted(other.name for other in path.parent.iterdir())
    except OSError:
        return []
    return [_stem(name) for name in names if name.lower().endswith(SUFFIXES)]


def _types_beside(path: Path) -> set[str]:
    """The values of ImageType, from the third, that dcm2niix writes beside a volume."""
    try:
        side_file = json.loads(path.with_name(f"{_stem(path.name)}.json").read_text())
    except (OSError, ValueError, RecursionError):
        return set()
    types = side_file.get("ImageType") if isinstance(side_file, dict) else None
    return {str(value).upper() for value in types[2:]} if isinstance(types, list) else set()


def _stem(name: str) -> str:
    suffix = next((end for end in SUFFIXES if name.lower().endswith(end)), "")
    return name[: len(name) - len(suffix)]

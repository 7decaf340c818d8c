"""What the name of a volume file, and the JSON file beside it, tell of its contrast.

The JSON file holds tags of the series: the name counts where these do not say LGE, and against
ProtocolName. Files are called after patients, too: what an ending alone would tell is told as a
doubt, and counts only where a file beside it bears it out. Ours.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.io.content.side_file import header_beside, side_file
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.io.dicom_stack.contrast import (
    Content,
    content_of,
    has_inversion_time,
    is_called_lge,
    phase_reason,
)
from acsnet.io.series_words import (
    BODY_PLANE,
    CINE,
    LGE,
    LONG_AXIS,
    NO_LGE,
    OTHER_CONTRAST,
    SHORT_AXIS,
)
from acsnet.io.volume import SUFFIXES, stem_of
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
    r"(?<![a-z]) (?: adc | bold | cor | dixon | dti | dwi | ege | flow | fse | fun[ck] | haste"
    r" | hla | kine | kino | lax | mra | retro | sag | scout | tra | tse | vla ) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""Words for other scans that are names of people, or their initials, too."""

OF_SERIES = (LGE, SHORT_AXIS, LONG_AXIS, CINE, OTHER_CONTRAST, NO_LGE)
"""What tells in the name of a file, or of one beside it, that files are called after series."""

Endings = tuple[re.Pattern[str], re.Pattern[str]]
"""Of a name, and of those of the files beside it that bear out what it tells."""

CINE_ENDINGS: tuple[Endings, ...] = (
    (re.compile(r"_c0$", re.IGNORECASE), re.compile(r"_(?:de|t2)$", re.IGNORECASE)),
    (re.compile(r"_frame\d+$", re.IGNORECASE), re.compile(r"_(?:frame\d+|4d)$", re.IGNORECASE)),
)
"""How data sets end the names of their cine: MS-CMRSeg and MyoPS, and ACDC."""

HEART_PHASES = (
    re.compile(r"_e[ds]$", re.IGNORECASE),
    re.compile(r"_(?:e[ds]|cine)$", re.IGNORECASE),
)
"""As M&Ms, M&Ms-2 and others end them; the initials of people, too."""

OF_CINE = (SHORT_AXIS, LONG_AXIS, CINE)
"""What such names hold beside: one with none of it may be a person's."""

FAT_ENDING = (
    re.compile(r"[\s_-](?:fat|f)$", re.IGNORECASE),
    re.compile(r"[\s_-](?:water|w)$", re.IGNORECASE),
)
"""How the names of fat images of Dixon scans end, and of those of water beside them."""

SURE_FAT = re.compile(r"fat$|dixon", re.IGNORECASE)
"""Without it an F is a sex or an initial, too."""


def content_of_volume(path: Path, scan: ShortAxisScan) -> Content:
    """As `content_of`, for a file that tells no more than its name and the JSON file beside it.

    Raises InputError for a modality other than MR.
    """
    header = _without_overruled(header_beside(path), scan.name)
    content = _content_of_header(header, path, scan) if header else Content()
    if (content.contrast, content.view) == ("lge", "short axis") and not is_called_lge(header):
        named = _content_by_name(path, scan, header)
        remarks = dict.fromkeys((*content.remarks, *named.remarks))
        content = replace(named, remarks=tuple(remarks))
    if content.contrast != "lge":
        return content
    stem = stem_of(path)
    if COMPONENT.search(stem):
        return _unfit(content, "other", f"another sequence, not LGE (its name is {stem!r})")
    if (ending := PHASE_ENDING.search(stem)) and not OTHER_PHASE.search(stem):
        what = "phase images, not LGE"
        if phase_reason(header) is not None:
            return _unfit(content, "other", f"{what} (ImageType in {stem}.json)")
        if text_of(header, "ImageType").count("\\") > 1:
            return content
        return _by_siblings(content, stem, "other", what, _beside_phase(path, ending))
    if fat := _beside_ending(path, FAT_ENDING):
        sure = fat if SURE_FAT.search(stem) else []
        if sure or any(word.search(stem) for word in OF_SERIES):
            return _by_siblings(content, stem, "other", "fat images, not LGE", sure)
    if LGE.search(stem) or is_called_lge(header) or has_inversion_time(header):
        return content
    if (cine := _beside_cine(path)) is not None:
        return _by_siblings(content, stem, "cine", "cine, not LGE", cine)
    return content


def _without_overruled(header: Dataset, name: str) -> Dataset:
    """The tags, of ProtocolName only what the name of the file leaves open.

    A protocol is called after all that an examination holds: where the name says LGE, it is no sign
    of another contrast, and where it says short axis, none of another view.
    """
    protocol = text_of(header, "ProtocolName")
    if LGE.search(name):
        views = (SHORT_AXIS, LONG_AXIS, BODY_PLANE)
        protocol = " ".join(match.group() for view in views for match in view.finditer(protocol))
    if SHORT_AXIS.search(name):
        protocol = LONG_AXIS.sub(" ", BODY_PLANE.sub(" ", protocol))
    if protocol != text_of(header, "ProtocolName"):
        with quiet_pydicom():
            header.ProtocolName = protocol
    return header


def _content_of_header(header: Dataset, path: Path, scan: ShortAxisScan) -> Content:
    with quiet_pydicom():
        content = content_of(header, scan.grid, images_each=1)
    if not content.remarks or (file := side_file(path)) is None:
        return content
    remark = f"name and type of the series are taken from {file.name}"
    return replace(content, remarks=(*content.remarks, remark))


def _content_by_name(path: Path, scan: ShortAxisScan, header: Dataset) -> Content:
    """As `content_of`, for the name of the file: converters put the series'."""
    content = _content_of_name(scan.name, scan.grid, header)
    if _may_be_a_person(path):
        sure = _content_of_name(NAME_OR_CODE.sub("", scan.name), scan.grid, header)
        if (sure.contrast, sure.view) != (content.contrast, content.view):
            remark = f"its name is {scan.name!r}, as of another scan: make sure that it is LGE"
            content = replace(sure, remarks=(remark, *sure.remarks))
    return content


def _may_be_a_person(path: Path) -> bool:
    """Whether a word for another scan may be a name or a code: no file tells of a series.

    Nor do files that differ by such a word alone, as those of one patient do.
    """
    stem = stem_of(path)
    rest, count = NAME_OR_CODE.subn("", stem)
    others = [NAME_OR_CODE.sub("", name) for name in _volumes_beside(path) if name != stem]
    if any(word.search(name) for word in OF_SERIES for name in (rest, *others)):
        return False
    return count == 1 and _bare(rest) not in map(_bare, others)


def _bare(name: str) -> str:
    return name.strip("_-. ").casefold()


def _content_of_name(name: str, grid: InputGrid, beside: Dataset) -> Content:
    """beside: what the JSON file tells, of which the inversion time counts."""
    header = Dataset()
    with quiet_pydicom():  # the name of a file may be longer than that of a series
        header.SeriesDescription = name
        header.InversionTime = beside.get("InversionTime")
        return content_of(header, grid, images_each=1)


def _beside_phase(path: Path, ending: re.Match[str]) -> list[str]:
    """The other components of the same series beside a phase image."""
    base, echo, letter = stem_of(path)[: ending.start()], ending["echo"], ending["letter"]
    tails = {"", echo, letter, echo + letter}
    parts = {base + part + tail for part in ("", "_real", "_imaginary") for tail in tails}
    wanted = {name.casefold() for name in parts}
    return [name for name in _volumes_beside(path) if name.casefold() in wanted]


def _beside_cine(path: Path) -> list[str] | None:
    """As `_beside_ending`, for cine."""
    for endings in CINE_ENDINGS:
        if (siblings := _beside_ending(path, endings)) is not None:
            return siblings
    siblings = _beside_ending(path, HEART_PHASES)
    names = (stem_of(path), *(siblings or ()))
    is_sure = any(word.search(name) for word in OF_CINE for name in names)
    return siblings if siblings is None or is_sure else []


def _beside_ending(path: Path, endings: Endings) -> list[str] | None:
    """The files beside one that bear its ending out; None where its name ends otherwise."""
    stem = stem_of(path)
    own, sibling = endings
    if (ending := own.search(stem)) is None:
        return None
    base = stem[: ending.start()].casefold()
    return [
        name
        for name in _volumes_beside(path)
        if name != stem and (tail := sibling.search(name))
        if name[: tail.start()].casefold() == base
    ]


def _by_siblings(
    content: Content, stem: str, contrast: Contrast, what: str, siblings: Sequence[str]
) -> Content:
    """Of that contrast where siblings beside the file bear it out; else with a doubt."""
    if siblings:
        return _unfit(content, contrast, f"{what} (its name is {stem!r}, beside {siblings[0]!r})")
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
    return [stem_of(Path(name)) for name in names if name.lower().endswith(SUFFIXES)]

"""The scans below a folder, the same for the command line, the server and a cohort.

Volumes are files; DICOM series are put together from wherever their files lie. What looks like a
scan and is none is named.
"""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import combinations, starmap
from pathlib import Path

from acsnet.errors import GeometryError, InputError
from acsnet.io.content.label_values import may_be_label_map
from acsnet.io.content.side_file import INTERPOLATED, is_of_dcm2niix
from acsnet.io.dicom_files.dicom_file import DicomFile, is_volume, read_header, why_unread
from acsnet.io.dicom_files.walk import Walk, files_below
from acsnet.io.dicom_stack.across_series.end_to_end import adjoining_remarks
from acsnet.io.dicom_stack.across_series.parts import joined
from acsnet.io.dicom_stack.frames import GROUPS, frames_of
from acsnet.io.dicom_stack.image_kinds import kind_of
from acsnet.io.dicom_stack.phases import phases_of
from acsnet.io.dicom_stack.planes import are_pieces, places_of, planes_in, planes_of, stacked
from acsnet.io.dicom_stack.repeats import without_repeats
from acsnet.io.dicom_stack.selection import MIN_STACK
from acsnet.io.dicom_stack.twins import twin_remarks
from acsnet.io.series import Series
from acsnet.io.volume import DATA_SUFFIXES, LABEL_SUFFIXES, stem_of
from acsnet.storage import readable_name, shortened

MAX_CHOICES = 6
"""Images at a position that are scans of their own: echoes, inversion times. Of a cine, which has
more, they are spread evenly over the cycle.
"""

Choices = list[tuple[int, str]]
"""Number of a phase from 1, and which it is in words."""

LABEL_NAME = re.compile(
    r"(?<![a-z])(d?seg|segs|probseg|segmentations?|labels?|label.?maps?|masks?|gt"
    r"|(ground.?)?truth|contours?|roi)(?![a-z])",
    re.IGNORECASE,
)
"""What people call the label map of an image."""

LABEL_FOLDER = re.compile(
    r"(?<![a-z])(segmentations?|labels?(tr|ts|va)?|label.?maps?|masks?|(ground.?)?truths?"
    r"|contours?|annotations?|predictions?)(?![a-z])|^(segs?|(lge|c0|t2|de)?gt|rois?|preds?)$",
    re.IGNORECASE,
)
"""And a folder of them; nnU-Net's and MS-CMRSeg's among others."""

GOLD, LGE_OF_GOLD = "_gd", "_de"
"""How MyoPS ends the names of its label maps, and of the image of each that is LGE."""

CHANNEL = "_0000"
"""What nnU-Net puts behind the name of an image and not behind that of its label map."""

RESULTS = {"segmentation": "features.json", "uncertainty": "features.json"}
"""Volumes that ACSNet writes, and what lies beside them then."""

PART_NAME = re.compile(
    r"(?<![a-z])(lv|rv|myo|endo|epi|scar|infarct|pred|prediction|annotations?|manual)(?![a-z])",
    re.IGNORECASE,
)
"""What people add to the name of an image for a map of one part; alone it may be a scan."""


def volume_files(folder: Path) -> tuple[list[Path], list[str]]:
    """Files with a volume below a folder, in the order of their names, and what is passed over.

    Passed over are segmentations, label maps whose image is there, what dcm2niix interpolated,
    results, archives, volumes of other formats, and folders that cannot be opened.
    """
    walk = Walk()
    scans, remarks = scan_files(list(files_below(folder, walk=walk)), root=folder)
    return scans, [*remarks, *walk.remarks(folder)]


def image_stems(files: Iterable[Path], *, root: Path) -> set[str]:
    """Names of files with a volume in other folders than those of label maps, in small letters."""
    return {stem_of(path).lower() for path in files if not _in_label_folder(path, root)}


def _in_label_folder(path: Path, root: Path) -> bool:
    return any(map(LABEL_FOLDER.search, path.relative_to(root).parts[:-1]))


def scan_files(
    paths: Sequence[Path], *, root: Path, images: Collection[str] = ()
) -> tuple[list[Path], list[str]]:
    """As `volume_files`, of the files that were found below `root`.

    images: `image_stems` of files that were found before.
    """
    files = [path for path in paths if is_volume(path)]
    stems: dict[Path, set[str]] = {}
    for path in files:
        stems.setdefault(path.parent, set()).add(stem_of(path).lower())
    headers = {
        path.with_name(stem_of(path)) for path in files if path.name.lower().endswith(".hdr")
    }
    with_image = {
        folder for folder, names in stems.items() if not all(map(LABEL_NAME.search, names))
    }
    there = image_stems(files, root=root).union(images)
    scans, remarks = [], []
    for path in files:
        lowered = path.name.lower()
        if lowered.endswith(LABEL_SUFFIXES):
            remarks.append(_skipped(path, root, "it is a segmentation"))
        elif lowered.endswith(DATA_SUFFIXES) and path.with_name(stem_of(path)) in headers:
            continue  # the pixels of the .hdr file beside it
        elif _is_interpolated(path, stems[path.parent]):
            remarks.append(_skipped(path, root, "dcm2niix interpolated it from the volume beside"))
        elif _is_result(path):
            remarks.append(_skipped(path, root, "it is a result of ACSNet"))
        elif _is_label_map(
            path,
            stems[path.parent],
            there,
            in_label_folder=_in_label_folder(path, root),
            beside_image=path.parent in with_image,
        ):
            remarks.append(_skipped(path, root, "it is the label map of an image"))
        else:
            scans.append(path)
    remarks += [_skipped(path, root, f"it is {why}") for path in paths if (why := why_unread(path))]
    return scans, remarks


def _skipped(path: Path, root: Path, reason: str) -> str:
    return f"{path.relative_to(root).as_posix()} was skipped: {reason}"


def called_by_path(path: Path, root: Path) -> str:
    """What a scan below a folder is called: its path with "_" between the parts, `shortened`.

    The folder itself is called by its name; parts that are not UTF-8 by `readable_name`.
    """
    if path == root:
        return shortened(readable_name(path.resolve().name))
    last = path.name if path.is_dir() else stem_of(path)
    return shortened("_".join(map(readable_name, (*path.relative_to(root).parts[:-1], last))))


def scans_of(all_series: Iterable[Series]) -> list[Series]:
    """Series with images -> scans: parts of one stack joined, two reconstructions split.

    A split series keeps its UID for the phase-sensitive images, which are preferred. Of a few
    phases, echoes or inversion times each is a scan beside the whole, which asks for one.
    """
    series = [item for item in all_series if item.has_images]
    with_uid = [item for item in series if item.uid]
    of_file = {file: item for item in with_uid for file in item.files}
    scans = [item for item in series if not item.uid]
    groups = joined([list(item.files) for item in with_uid])
    adjoining, twins = adjoining_remarks(groups), twin_remarks(groups)
    for number, group in enumerate(groups):
        parts = list(dict.fromkeys(of_file[file] for file in group))
        damaged = tuple(dict.fromkeys(path for part in parts for path in part.damaged))
        whole = replace(parts[0], files=tuple(group), damaged=damaged)
        remarks = (*adjoining.get(number, ()), *twins.get(number, ()))
        scans += scans_in(replace(whole, remarks=remarks))
    return scans


def scans_in(series: Series) -> list[Series]:
    """The scans of one series, as `scans_of` takes it apart; the first keeps its UID."""
    parts = [part for stack in _stacks(series) for part in _split(stack)]
    return [scan for part in parts for scan in (part, *_phases(part))]


def _stacks(series: Series) -> list[Series]:
    """Stacks of other orientations or matrices in one series as scans of their own.

    The largest keeps the UID. Fewer than `MIN_STACK` images of one kind, and pieces of one
    ventricle, are left to the reader.
    """
    stacks = stacked(series.files)
    if len(stacks) < 2 or min(map(len, stacks)) < MIN_STACK:
        return [series]
    if any(starmap(are_pieces, combinations(map(planes_of, stacks), 2))):
        return [series]
    ordered = sorted(stacks, key=len, reverse=True)
    return [
        replace(
            series,
            uid=series.uid if number == 1 else f"{series.uid}-stack-{number}",
            files=tuple(files),
            kind=f"stack {number} of {len(ordered)}",
        )
        for number, files in enumerate(ordered, start=1)
    ]


def is_single_slice(series: Series) -> bool:
    """Whether a series holds one slice position, and so may be a part of a stack."""
    if planes := planes_in(series.files):
        return len(places_of(planes)) == 1
    return bool(series.files) and not _is_framed(series)


def common_folder(series: Series) -> Path:
    """The deepest folder that holds all files of a series."""
    folders = {path.parent for path in series.paths}
    return Path(os.path.commonpath(folders))


def _split(series: Series) -> list[Series]:
    """Magnitude and phase-sensitive images of the same places as scans of their own."""
    kinds = {file: kind_of(file.header) for file in series.files if file.is_image}
    sensitive = [file for file, kind in kinds.items() if kind == "phase-sensitive"]
    magnitude = [file for file, kind in kinds.items() if kind == "magnitude"]
    if len(kinds) != len(sensitive) + len(magnitude) or not sensitive or not magnitude:
        return [series]
    planes, others = planes_in(sensitive), planes_in(magnitude)
    count = len(planes)
    if any(min(at) >= count or max(at) < count for at in places_of([*planes, *others])):
        return [series]
    return [
        replace(series, files=tuple(sensitive), kind="phase-sensitive"),
        replace(series, uid=f"{series.uid}-magnitude", files=tuple(magnitude), kind="magnitude"),
    ]


def _phases(series: Series) -> list[Series]:
    """Each of a few images at every slice position as a scan of its own.

    All have all files: one phase alone does not show that it is of a cine.
    """
    framed = _is_framed(series)
    phases = _phases_of_frames(series.files) if framed else _choices(series.files)
    kind = "" if series.kind is None else f"{series.kind}, "
    return [
        replace(series, uid=f"{series.uid}-phase-{number}", kind=f"{kind}{words}", phase=number)
        for number, words in phases
    ]


def _is_framed(series: Series) -> bool:
    """Whether it holds objects of several frames."""
    return any(file.text("NumberOfFrames") not in ("", "1") for file in series.files)


@lru_cache(maxsize=1000)
def _choices(images: tuple[DicomFile, ...]) -> Choices:
    """As `phases_of`, at most `MAX_CHOICES` of the images at each position of a stack.

    Repeated slices are left out first, as the reader does, which numbers the others.
    """
    planes = planes_of(images)
    if len(planes) < len(images):
        return []
    groups = [[images[i] for i in place] for place in places_of(planes)]
    if len(groups) < MIN_STACK:
        return []
    try:
        groups, _ = without_repeats(groups)
    except GeometryError:  # the reader tells
        return []
    return phases_of(groups, count=MAX_CHOICES)


def _phases_of_frames(files: Sequence[DicomFile]) -> Choices:
    """What there is to choose from in enhanced objects."""
    try:
        if all(GROUPS[1] in file.header for file in files):
            return _choices(tuple(frame for file in files for frame in frames_of(file)))
        return _phases_in_files(tuple((file.path, file.path.stat().st_mtime_ns) for file in files))
    except (OSError, InputError):
        return []


@lru_cache(maxsize=1000)
def _phases_in_files(states: tuple[tuple[Path, int], ...]) -> Choices:
    """As `_phases_of_frames`, of files whose headers were not kept.

    states: the files and when they were changed: they are read only once.
    """
    frames: list[DicomFile] = []
    try:
        for path, _ in states:
            file, _ = read_header(path, path.name)
            frames += [] if file is None else frames_of(file)
    except (OSError, InputError):
        return []
    return _choices(tuple(frames))


def _is_interpolated(path: Path, stems: set[str]) -> bool:
    """Whether dcm2niix made it from a volume of its folder; stems: of all files there."""
    plain, count = INTERPOLATED.subn("", stem_of(path))
    return bool(count) and plain.lower() in stems and is_of_dcm2niix(path)


def _is_result(path: Path) -> bool:
    beside = RESULTS.get(stem_of(path).lower())
    return beside is not None and path.with_name(beside).is_file()


def _is_label_map(
    path: Path, stems: set[str], images: set[str], *, in_label_folder: bool, beside_image: bool
) -> bool:
    """By its name, or that of a folder that it lies in, where its image is there, too.

    stems: of all files of its folder; images: as `image_stems`; beside_image: whether one of its
    folder is called as no label map is. Patients may be called as label maps are: where
    more follows (`GT_1953`), the values decide.
    """
    stem = stem_of(path).lower()
    of_parts = {_image_name(stem, match) for match in PART_NAME.finditer(stem)}
    match = LABEL_NAME.search(stem)
    of_image = None if match is None else _image_name(stem, match)
    if in_label_folder and {stem, stem + CHANNEL, of_image, *of_parts} & images:
        return True
    gold = stem.removesuffix(GOLD) + LGE_OF_GOLD if stem.endswith(GOLD) else None
    if of_parts & stems or gold in images:
        return True
    if of_image is None:
        return False
    if of_image:
        return of_image in stems or of_image in images
    bare = match is not None and match.group() == stem.strip("_-. ")
    return beside_image and (bare or may_be_label_map(path))


def _image_name(stem: str, match: re.Match[str]) -> str:
    """What stands before a word of a file's name."""
    return stem[: match.start()].rstrip("_-. ")

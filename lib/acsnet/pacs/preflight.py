"""Preflight check of a series in a PACS, by its headers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydicom.dataset import Dataset

from acsnet.dicom.dicom_json import as_files
from acsnet.errors import IN_PACS, AcsnetError, InputError, worded
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files.dicom_file import DicomFile, quiet_pydicom, text_of
from acsnet.io.dicom_stack.across_series.parts import MIN_PARTS, joined
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.image_kinds import Kind, kind_of
from acsnet.io.dicom_stack.planes import places_of, planes_in
from acsnet.io.dicom_stack.series_names import join_remarks
from acsnet.io.finder import scans_in
from acsnet.io.series import Series, series_in
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.psir import Choice, ScanKey, choice_in_series, scan_key

SUBJECT_TAGS = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "AccessionNumber",
    "ReferringPhysicianName",
)
"""What a search tells, and the headers where it does not: whose a scan is, and of when."""

Image = tuple[str, int]
"""SOPInstanceUID and number of a frame, 0 where the object is one image."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Outcome of the preflight check of one scan.

    reason: why it is refused, or None; instances: SOPInstanceUIDs of the stack's objects;
    in_series: the SeriesInstanceUID of each; images: of the stack; part: which of several scans of
    its series it is; phase: as `read_scan` takes it, where these objects hold other scans, too;
    kind, key: to match it with the other reconstruction of its scan; subject: tag -> value in its
    headers, of `SUBJECT_TAGS`.
    """

    reason: str | None
    subject: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    in_series: tuple[str, ...] = ()
    images: frozenset[Image] = frozenset()
    part: str | None = None
    phase: int | None = None
    choice: Choice | None = None
    kind: Kind | None = None
    key: ScanKey | None = None

    def completed(self, header: Dataset) -> Dataset:
        """What a search tells of a series, with `subject` where it is silent."""
        missing = {tag: text for tag, text in self.subject.items() if text_of(header, tag) == ""}
        if not any(missing.values()):
            return header
        completed = Dataset()
        completed.update(header)
        for tag, text in missing.items():
            setattr(completed, tag, text)
        return completed


def examine(pacs: DicomWeb, *, study: str, parts: Sequence[str]) -> dict[str, Examination]:
    """Check the scans of series with the rules of the reader; by the ids a folder gives them.

    parts: a series, and others that may be parts of one stack with it, or stacks of their own. The
    scan of the first series is called as it is, or the largest where it is left out of all. Raises
    PacsError where the service fails.
    """
    series = parts[0]
    all_headers = [pacs.headers(study, part) for part in parts]
    with quiet_pydicom():
        of_parts = list(map(_each_once, all_headers))
        all_series = [
            item
            for part, headers in zip(parts, of_parts, strict=True)
            if headers
            for item in series_in(part, list(map(_flat, as_files(headers))), ())
        ]
        groups = joined([list(item.files) for item in all_series])
        stacks, remarks = _stacks_among(groups or [[]])
    if copies := sum(map(len, all_headers)) - sum(map(len, of_parts)):
        remarks.append(f"left out: copies of images that the PACS tells more than once ({copies})")
    if not stacks:
        name = groups[0][0].text("SeriesDescription")
        reason = (
            f"{len(groups)} series of one image or a few each ({name!r}) do not form a stack: they "
            "differ in orientation, matrix or spacing, or have images at the same positions"
        )
        return {series: Examination(reason=reason, subject=_subject(groups[0]))}
    of_header = {id(file.header): item for item in all_series for file in item.files}
    in_stacks = [[of_header[id(file.header)] for file in files] for files in stacks]
    called = next((of for of in in_stacks if series in {item.uid for item in of}), in_stacks[0])
    examined = {}
    for files, of in zip(stacks, in_stacks, strict=True):
        first = Series(series, (), ()) if of is called else of[0]
        of_stack = (*join_remarks(files), *(remarks if files is stacks[0] else ()))
        for name, scan in _scans_in(replace(first, files=tuple(files))).items():
            examined[name] = replace(
                scan, warnings=(*of_stack, *scan.warnings), subject=_subject(files)
            )
    return examined


def _subject(files: Sequence[DicomFile]) -> dict[str, str]:
    with quiet_pydicom():
        return {tag: files[0].text(tag) for tag in SUBJECT_TAGS} if files else {}


def _each_once(headers: Sequence[Dataset]) -> list[Dataset]:
    """Headers without those that are told once more as they are, as of two copies in an archive."""
    by_uid: dict[str, list[Dataset]] = {}
    for header in headers:
        uid = text_of(header, "SOPInstanceUID")
        same = by_uid.setdefault(uid, [])
        if not uid or header not in same:
            same.append(header)
    return [header for same in by_uid.values() for header in same]


def _flat(file: DicomFile) -> DicomFile:
    """As the search of a folder keeps a file; one whose frames are not described as it is."""
    try:
        return DicomFile(file.path, file.name, flat(file).header)
    except InputError:  # the reader tells
        return file


def _stacks_among(
    groups: Sequence[list[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """Series, joined where they make one stack, that are a scan each; what is told of the others.

    Single slices that are no part of a joined stack are left out and told with the first of these;
    three or more of nothing but single slices are none at all.
    """
    single = [group for group in groups if len(places_of(planes_in(group))) == 1]
    whole = [group for group in groups if group not in single]
    if not any(map(join_remarks, whole)):
        return ([] if len(single) == len(groups) >= MIN_PARTS else list(groups)), []
    whole = [_named_apart(group) if join_remarks(group) else group for group in whole]
    whole.sort(key=len, reverse=True)
    if not single:
        return whole, []
    return whole, [f"left out: {len(single)} series of the same name that are not part of it"]


def _named_apart(group: Sequence[DicomFile]) -> list[DicomFile]:
    """Images of several series under names that tell them apart."""
    return as_files([file.header for file in group])


def _scans_in(series: Series) -> dict[str, Examination]:
    with quiet_pydicom():
        scans = scans_in(series)
    examined = {}
    for scan in scans:
        try:
            examined[scan.uid] = _examined(scan)
        except AcsnetError as error:
            examined[scan.uid] = Examination(reason=worded(error, IN_PACS), part=scan.kind)
    return examined


def _examined(scan: Series) -> Examination:
    if not scan.files:
        msg = f"series {scan.uid} holds no images"
        raise InputError(msg)
    with quiet_pydicom():
        uids = [file.text("SOPInstanceUID") for file in scan.files]
    unusable = [uid for uid in uids if not is_uid(uid)]
    if unusable or len(set(uids)) != len(uids):
        twice = next((uid for uid in uids if uids.count(uid) > 1), "")
        msg = f"SOPInstanceUID must be a UID of one image only, got {(unusable or [twice])[0]!r}"
        raise InputError(msg)
    stack = check_headers(scan.files, name=scan.uid, phase=scan.phase)
    objects, phase = _to_fetch(scan, stack.files)
    in_series = {file.text("SOPInstanceUID"): file.text("SeriesInstanceUID") for file in objects}
    return Examination(
        reason=None,
        warnings=stack.warnings,
        instances=tuple(in_series),
        in_series=tuple(in_series.values()),
        images=frozenset(
            (file.text("SOPInstanceUID"), 0 if file.frame is None else file.frame + 1)
            for file in stack.files
        ),
        part=scan.kind,
        phase=phase,
        choice=choice_in_series(scan.kind),
        kind=kind_of(stack.files[0].header),
        key=scan_key(stack.files),
    )


def _to_fetch(scan: Series, chosen: Sequence[DicomFile]) -> tuple[Sequence[DicomFile], int | None]:
    """The objects of which a stack is read, and the phase that is chosen of their images.

    chosen: the images of the stack. Where their objects hold no other image there is no choice to
    make; else the number of the phase counts the images of all objects.
    """
    uids = {file.text("SOPInstanceUID") for file in chosen}
    objects = [file for file in scan.files if file.text("SOPInstanceUID") in uids]
    images = sum(int(file.text("NumberOfFrames") or 1) for file in objects)
    if scan.phase is None or images == len(chosen):
        return chosen, None
    return scan.files, scan.phase

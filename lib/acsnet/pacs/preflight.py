"""Preflight check of a series in a PACS: by its headers, and by its pixels once fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.dicom.dicom_json import as_files
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files import DicomFile, quiet_pydicom
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.image_kinds import Kind, kind_of
from acsnet.io.dicom_stack.phases import without_options
from acsnet.io.dicom_stack.series_choice import MAX_SLICES_OF_PART, join_remarks, joined
from acsnet.io.finder import scans_in
from acsnet.io.series import Series
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.download import is_complete
from acsnet.pacs.psir import Choice, choice_in_series, scan_key

Image = tuple[str, int]
"""SOPInstanceUID and number of a frame, 0 where the object is one image."""


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Outcome of the preflight check of one scan.

    reason: why it is refused, or None; instances: SOPInstanceUIDs of the stack's objects;
    in_series: the SeriesInstanceUID of each; images: of the stack; part: which of several scans of
    its series it is; phase: as `read_scan` takes it, where these objects hold other scans, too;
    kind, key: to match it with the other reconstruction of its scan.
    """

    reason: str | None
    warnings: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    in_series: tuple[str, ...] = ()
    images: frozenset[Image] = frozenset()
    part: str | None = None
    phase: int | None = None
    choice: Choice | None = None
    kind: Kind | None = None
    key: tuple[object, ...] = ()


def examine(
    pacs: DicomWeb, *, study: str, series: str, cache: Path, parts: Sequence[str] = ()
) -> dict[str, Examination]:
    """Check the scans of a series with the rules of the reader; by the ids a folder gives them.

    cache: folder of fetched images, in `cache/<id>`, which are read too if all are there; parts:
    the series, its own among them, that may be parts of one stack, or stacks of their own. The
    first scan is called as the series. Raises PacsError where the service fails.
    """
    if parts:
        of_parts = [pacs.headers(study, part) for part in parts]
        if max(map(len, of_parts)) > MAX_SLICES_OF_PART:
            return _of_slabs(of_parts, series=series, cache=cache)
        try:
            files, remarks = _joined(of_parts)
            examination = _examined(Series(series, tuple(files), ()), cache=cache)
        except AcsnetError as error:
            return {series: Examination(reason=without_options(str(error), in_pacs=True))}
        return {series: replace(examination, warnings=(*remarks, *examination.warnings))}
    files = as_files(pacs.headers(study, series))
    return _scans_in(Series(series, tuple(files), ()), cache=cache)


def _of_slabs(
    of_parts: Sequence[Sequence[Dataset]], *, series: str, cache: Path
) -> dict[str, Examination]:
    """The scans of series of several images each: joined where they make one stack, as in a folder.

    of_parts: headers by series; series: of them that after which a stack is called if it is in it.
    """
    examined = {}
    with quiet_pydicom():
        groups = joined([list(map(flat, as_files(headers))) for headers in of_parts if headers])
    for group in groups:
        uids = [file.text("SeriesInstanceUID") for file in group]
        uid = series if series in uids else uids[0]
        files = as_files([file.header for file in group])
        for name, scan in _scans_in(Series(uid, tuple(files), ()), cache=cache).items():
            examined[name] = replace(scan, warnings=(*join_remarks(group), *scan.warnings))
    return examined


def _scans_in(series: Series, *, cache: Path) -> dict[str, Examination]:
    with quiet_pydicom():
        scans = scans_in(series)
    examined = {}
    for scan in scans:
        try:
            examined[scan.uid] = _examined(scan, cache=cache)
        except AcsnetError as error:
            reason = without_options(str(error), in_pacs=True)
            examined[scan.uid] = Examination(reason=reason, part=scan.kind)
    return examined


def _joined(of_parts: Sequence[Sequence[Dataset]]) -> tuple[list[DicomFile], list[str]]:
    """The images of the largest stack that series of a few images make, and what to tell of it."""
    with quiet_pydicom():
        groups = joined([list(map(flat, as_files(headers))) for headers in of_parts if headers])
        stack = max(groups, key=len, default=[])
        remarks = join_remarks(stack)
        if not remarks:
            name = stack[0].text("SeriesDescription") if stack else ""
            msg = (
                f"{len(of_parts)} series of one image or a few each ({name!r}) do not form a "
                "stack: they differ in orientation, matrix or spacing, or have images at the same "
                "positions"
            )
            raise InputError(msg)
        others = [file for group in groups if group is not stack for file in group]
    if others:
        count = len({file.text("SeriesInstanceUID") for file in others})
        remarks.append(f"left out: {count} series of the same name that are not part of it")
    return as_files([file.header for file in stack]), remarks


def _examined(scan: Series, *, cache: Path) -> Examination:
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
    in_series = {
        file.text("SOPInstanceUID"): file.text("SeriesInstanceUID") for file in stack.files
    }
    if is_complete(in_series, cache / scan.uid):
        read_scan(cache / scan.uid)
    headers = [file.header for file in scan.files]
    framed = any(file.frame is not None for file in stack.files)
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
        phase=scan.phase if framed else None,
        choice=choice_in_series(scan.kind),
        kind=kind_of(headers[0]),
        key=scan_key(headers),
    )

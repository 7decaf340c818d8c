"""Preflight check of a series in a PACS: by its headers, and by its pixels once fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.dicom.dicom_json import as_files
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.image_kinds import Kind, kind_of
from acsnet.io.dicom_stack.series_choice import join_remarks, joined
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.download import is_complete
from acsnet.pacs.psir import Choice, chosen_in_series, scan_key


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Outcome of the preflight check of a series.

    reason: why it is refused, or None; instances: SOPInstanceUIDs of the stack's objects;
    in_series: the SeriesInstanceUID of each; kind, key: to match it with the other reconstruction
    of its scan.
    """

    reason: str | None
    warnings: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    in_series: tuple[str, ...] = ()
    choice: Choice | None = None
    kind: Kind | None = None
    key: tuple[object, ...] = ()


def examine(
    pacs: DicomWeb, *, study: str, series: str, folder: Path, parts: Sequence[str] = ()
) -> Examination:
    """Check a series with the rules of the reader.

    folder: of its fetched images, which are read too if all are there; parts: the series, its own
    among them, that may be parts of one stack. Raises PacsError where the service fails.
    """
    if parts:
        of_parts = [pacs.headers(study, part) for part in parts]
        try:
            headers, remarks = _joined(of_parts)
            examination = _examined(headers, name=series, folder=folder)
        except AcsnetError as error:
            return Examination(reason=str(error))
        return replace(examination, warnings=(*remarks, *examination.warnings))
    headers = pacs.headers(study, series)
    try:
        return _examined(headers, name=series, folder=folder)
    except AcsnetError as error:
        return Examination(reason=str(error))


def _joined(of_parts: Sequence[Sequence[Dataset]]) -> tuple[list[Dataset], list[str]]:
    """The headers of the largest stack that series of a few images make, and what to tell of it."""
    with quiet_pydicom():
        groups = joined([list(map(flat, as_files(headers))) for headers in of_parts if headers])
        stack = max(groups, key=len, default=[])
        remarks = join_remarks(stack)
        if not remarks:
            name = stack[0].text("SeriesDescription") if stack else ""
            msg = (
                f"{len(of_parts)} series of one image or a few each ({name!r}) make no stack: they "
                "differ in orientation, matrix or spacing, or hold the same places"
            )
            raise InputError(msg)
        others = [file for group in groups if group is not stack for file in group]
    if others:
        count = len({file.text("SeriesInstanceUID") for file in others})
        remarks.append(f"left out: {count} series that are called alike and are no part of it")
    return [file.header for file in stack], remarks


def _examined(headers: Sequence[Dataset], *, name: str, folder: Path) -> Examination:
    if not headers:
        msg = f"series {name} holds no images"
        raise InputError(msg)
    chosen, choice = chosen_in_series(headers)
    with quiet_pydicom():
        uids = tuple(text_of(header, "SOPInstanceUID") for header in chosen)
    unusable = [uid for uid in uids if not is_uid(uid)]
    if unusable or len(set(uids)) != len(uids):
        twice = next((uid for uid in uids if uids.count(uid) > 1), "")
        msg = f"SOPInstanceUID must be a UID of one image only, got {(unusable or [twice])[0]!r}"
        raise InputError(msg)
    stack = check_headers(as_files(chosen), name=name)
    in_series = {
        file.text("SOPInstanceUID"): file.text("SeriesInstanceUID") for file in stack.files
    }
    uids = tuple(in_series)
    if is_complete(uids, folder):
        read_scan(folder)
    return Examination(
        reason=None,
        warnings=stack.warnings,
        instances=uids,
        in_series=tuple(in_series.values()),
        choice=choice,
        kind=kind_of(chosen[0]),
        key=scan_key(chosen),
    )

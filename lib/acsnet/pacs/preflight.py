"""Preflight check of a series in a PACS: by its headers, and by its pixels once fetched."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from acsnet.dicom.dicom_json import as_files
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.dicom_stack.image_kinds import Kind, kind_of
from acsnet.pacs.dicomweb import DicomWeb, is_uid
from acsnet.pacs.download import is_complete
from acsnet.pacs.psir import Choice, chosen_in_series, scan_key


@dataclass(frozen=True, kw_only=True)
class Examination:
    """Outcome of the preflight check of a series.

    reason: why it is refused, or None; instances: SOPInstanceUIDs of the stack; kind, key: to match
    it with the other reconstruction of its scan.
    """

    reason: str | None
    warnings: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    choice: Choice | None = None
    kind: Kind | None = None
    key: tuple[object, ...] = ()


def examine(pacs: DicomWeb, *, study: str, series: str, folder: Path) -> Examination:
    """Check a series with the rules of the reader.

    folder: of its fetched images, which are read too if all are there. Raises PacsError where the
    service fails.
    """
    headers = pacs.headers(study, series)
    try:
        return _examined(headers, name=series, folder=folder)
    except AcsnetError as error:
        return Examination(reason=str(error))


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
    if any(file.frame is not None for file in stack.files):
        msg = (
            f"series {name} is enhanced MR, to whose frames no result can be stored: pull it with "
            "`acsnet pull` and serve the folder"
        )
        raise InputError(msg)
    uids = tuple(file.text("SOPInstanceUID") for file in stack.files)
    if is_complete(uids, folder):
        read_scan(folder)
    return Examination(
        reason=None,
        warnings=stack.warnings,
        instances=uids,
        choice=choice,
        kind=kind_of(chosen[0]),
        key=scan_key(chosen),
    )

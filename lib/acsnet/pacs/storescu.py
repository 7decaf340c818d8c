"""Find DICOM files and send them by C-STORE (storage SCU, DICOM PS3.7), which has no login."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.events import EVT_CONN_OPEN, Event
from pynetdicom.presentation import build_context

from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files.dicom_file import (
    DAMAGED,
    DICOM_SUFFIXES,
    damage_as,
    has_mark,
    head_of,
    quiet_pydicom,
    text_of,
)

OWN_AE_TITLE = "ACSNET"
TIMEOUT_SECONDS = 30
VERIFICATION = "1.2.840.10008.1.1"
MAX_CONTEXTS = 128  # presentation contexts of one association (PS3.8)
SUCCESS = 0x0000
UNDEFINED_LENGTH = 0xFFFFFFFF
WARNINGS = range(0xB000, 0xC000)  # stored with changes (PS3.4 annex B.2.3)

_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A DICOM application entity and its address."""

    title: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"dicom://{self.title}@{self.host}:{self.port}"


def is_ae_title(text: str) -> bool:
    """Whether `text` is a valid application entity title: 1 to 16 characters of ASCII."""
    return bool(_AE_TITLE.fullmatch(text))


def peer(address: str) -> Peer:
    """dicom://AETITLE@HOST:PORT -> peer. Raises InputError for anything else."""
    try:
        parts = urlsplit(address)
        title, _, _ = parts.netloc.rpartition("@")
        host, port = parts.hostname, parts.port
    except ValueError:
        title, host, port = "", None, None
    if not (is_ae_title(title) and host and port) or parts.path.strip("/"):
        msg = f"address must be dicom://AETITLE@HOST:PORT, got {address!r}"
        raise InputError(msg)
    return Peer(title=title, host=host, port=port)


def store_files(files: Sequence[Path], to: Peer) -> Iterator[tuple[Path, str | None]]:
    """Send files one after another; yields each with the reason why it was not stored, or None.

    Raises PacsError where the peer cannot be reached or breaks off.
    """
    kinds = {file: _kind(file) for file in files}
    wanted = sorted({kind for kind in kinds.values() if kind})
    for file in (file for file, kind in kinds.items() if kind is None):
        yield file, "it is not a DICOM file"
    if wanted:
        with _association(to, wanted) as association:
            for file in (file for file, kind in kinds.items() if kind is not None):
                yield file, _sent(file, association, to)


def _kind(file: Path) -> tuple[str, str] | None:
    """SOP class and transfer syntax of a file; None if it is not DICOM."""
    try:
        meta = pydicom.filereader.read_file_meta_info(file)
        return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
    except DAMAGED:
        return None


@contextmanager
def _association(to: Peer, kinds: Sequence[tuple[str, str]]) -> Iterator[Association]:
    entity = ApplicationEntity(ae_title=OWN_AE_TITLE)
    entity.acse_timeout = entity.dimse_timeout = TIMEOUT_SECONDS
    entity.network_timeout = entity.connection_timeout = TIMEOUT_SECONDS
    plain = str(ExplicitVRLittleEndian)
    # Implicit VR as an alternative, for peers that accept nothing else.
    spare = [(kind, str(ImplicitVRLittleEndian)) for kind, syntax in kinds if syntax == plain]
    offered = dict.fromkeys([(VERIFICATION, plain), *kinds, *spare])
    if len(offered) > MAX_CONTEXTS:
        msg = f"files are of too many kinds: {len(offered)}, at most {MAX_CONTEXTS}: send fewer"
        raise InputError(msg)
    contexts = [build_context(kind, syntax) for kind, syntax in offered]
    opened: list[Event] = []
    association = entity.associate(
        to.host,
        to.port,
        contexts=contexts,
        ae_title=to.title,
        evt_handlers=[(EVT_CONN_OPEN, opened.append)],
    )
    if not association.is_established:
        reason = "no answer"
        if association.is_rejected:
            reason = "it refused: are both AE titles known to it?"
        elif opened:  # some peers hang up instead, or do so before their refusal is read
            reason = "it hung up or said nothing: are both AE titles known to it?"
        msg = f"{to} cannot be reached as {to.title} by {OWN_AE_TITLE}: {reason}"
        raise PacsError(msg)
    try:
        yield association
    finally:
        association.release()


def _sent(file: Path, association: Association, to: Peer) -> str | None:
    try:
        dataset = read_whole(file)
    except InputError as error:
        return str(error)
    try:
        with quiet_pydicom():
            answer = association.send_c_store(dataset)
    except (AttributeError, ValueError):
        return "its kind or transfer syntax is not accepted"
    except RuntimeError as error:
        msg = f"{to}: the connection was broken off"
        raise PacsError(msg) from error
    status = answer.get("Status")
    if status is None:
        msg = f"{to}: no answer in time, or the connection was broken off"
        raise PacsError(msg)
    return None if status == SUCCESS or status in WARNINGS else f"status {status:#06x}"


def files_to_send(paths: Iterable[Path]) -> list[Path]:
    """The given files, and all DICOM files in the given folders, without DICOMDIR.

    Raises InputError for a missing path, and if there is no file at all.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file() and file.name != "DICOMDIR" and _claims(file)
            ]
        elif path.is_file():
            files.append(path)
        else:
            msg = f"{path} does not exist"
            raise InputError(msg)
    if not files:
        msg = "there are no DICOM files to send"
        raise InputError(msg)
    return files


def _claims(file: Path) -> bool:
    """Whether a file in a folder claims to be DICOM, by its preamble or its suffix."""
    return has_mark(head_of(file)) or file.suffix.lower() in DICOM_SUFFIXES


def read_whole(file: Path) -> Dataset:
    """Read a DICOM file to send it. Raises InputError if it is not DICOM, damaged or cut short."""
    with damage_as("it is not a DICOM file, or damaged"), quiet_pydicom():
        dataset = pydicom.dcmread(file)
        short = cut_element(dataset)
        named = all(text_of(dataset, tag) for tag in ("SOPClassUID", "SOPInstanceUID"))
    if not named:
        msg = "it has no SOPClassUID or SOPInstanceUID (damaged or cut short?)"
        raise InputError(msg)
    if short is not None:
        msg = f"it is cut short: element {short} is not whole"
        raise InputError(msg)
    return dataset


def cut_element(dataset: Dataset) -> BaseTag | None:
    """The element of a dataset, as it was read, that is cut short; None for none.

    pydicom accepts a last value that ends with the file.
    """
    elements = (value for value in dataset.values() if isinstance(value, RawDataElement))
    for element in elements:
        whole = element.length in (UNDEFINED_LENGTH, len(element.value or b""))
        if not whole:
            return element.tag
    return None

"""C-STORE service (storage SCP, DICOM PS3.7) that writes received objects to a folder.

DICOM itself has no login: whoever knows address and AE title can send, unless senders are named. So
each object is bounded in size, all that come in at once are, too, the disk is never filled, names
of files come from UIDs that were checked, and what is stored stays as it is.
"""

import filecmp
import hashlib
import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import AllStoragePresentationContexts

from acsnet.errors import AcsnetError, InputError
from acsnet.files.reasons import port_refusal
from acsnet.files.temporary import TEMPORARY, discard, is_left_behind
from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile, quiet_pydicom, read_header
from acsnet.io.dicom_stack.file_checks import PIXEL_TAGS
from acsnet.pacs.download import archive_path
from acsnet.pacs.storescp_limits import (
    MAX_ASSOCIATIONS,
    PDU_S,
    LimitedEntity,
    LimitedServer,
    networks_of,
)
from acsnet.pacs.storescu import VERIFICATION, is_ae_title
from acsnet.storage import make_folder, write_bytes

MAX_OBJECT_BYTES = 256 * 1024 * 1024
MAX_PENDING_BYTES = 512 * 1024 * 1024
"""Of all objects that are coming in: they are in memory until they are whole."""
MIN_FREE_BYTES = 1024 * 1024 * 1024
POLL_S = 0.05
"""How soon it stops once it is asked to."""

SYNTAXES = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
"""Of plain pixels, which every archive can send. Never the deflated one, which unpacks whole."""

INCOMING = "object.dcm"
"""The name of an object while it is received, in a temporary folder of its own."""

PIXELS = sorted(Tag(name) for name in PIXEL_TAGS)

SUCCESS = 0x0000
DUPLICATE = 0x0111
OUT_OF_RESOURCES = 0xA700
NOT_AS_ANNOUNCED = 0xA900
NOT_UNDERSTOOD = 0xC000


class Receiver:
    """A running C-STORE service; files go to OUTPUT/<study>/<series>/<instance>.dcm.

    Args:
        output: the folder, which is made.
        host: address to listen on.
        port: 0 takes any free one.
        title: the AE title that senders must call.
        on_file: is told of each new file.
        calling: AE titles by which senders may call themselves; any, if empty.
        senders: addresses and networks that may send; any, if empty.
        max_bytes: of one object.

    Raises:
        InputError: an invalid title or sender, an address of IPv6, or a port that cannot be opened.
    """

    def __init__(
        self,
        output: Path,
        *,
        host: str,
        port: int,
        title: str,
        on_file: Callable[[Path], None],
        calling: Sequence[str] = (),
        senders: Sequence[str] = (),
        max_bytes: int = MAX_OBJECT_BYTES,
        min_free_bytes: int = MIN_FREE_BYTES,
        max_pending_bytes: int = MAX_PENDING_BYTES,
        max_associations: int = MAX_ASSOCIATIONS,
        pdu_s: float = PDU_S,
    ) -> None:
        for name in (title, *calling):
            if not is_ae_title(name):
                msg = f"AE title must be 1 to 16 characters of ASCII without \\, got {name!r}"
                raise InputError(msg)
        if ":" in host:
            msg = f"objects are received over IPv4 only: give an address of it, got {host}"
            raise InputError(msg)
        networks = networks_of(senders)
        # What strangers send must not fill the screen or the journal.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        self._output = output
        self._on_file = on_file
        self._max_bytes, self._min_free_bytes = max_bytes, min_free_bytes
        self._max_pending_bytes = max_pending_bytes
        self._pending: dict[object, int] = {}
        self._change = threading.Lock()
        self._storing = threading.Lock()
        entity = LimitedEntity(title, max_associations=max_associations)
        entity.require_called_aet = True
        entity.require_calling_aet = list(calling)
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
        entity.add_supported_context(VERIFICATION)
        make_folder(output)
        _remove_left_behind(output)
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_PDU_RECV, self._count),
            (evt.EVT_CONN_CLOSE, self._forget),
        ]
        try:
            self._server = entity.make_server(
                (host, port),
                evt_handlers=handlers,
                server_class=LimitedServer,
                senders=networks,
                pdu_s=pdu_s,
            )
        except (OSError, OverflowError) as error:
            raise InputError(port_refusal(error, host=host, port=port)) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_S,), daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Abort associations and stop."""
        self._server.shutdown()
        self._thread.join()

    def _count(self, event: Event) -> None:
        """Abort a sender whose object grows too large, while it is still arriving."""
        with self._change:
            received = self._pending.get(event.assoc, 0) + len(event.pdu)
            self._pending[event.assoc] = received
            pending = sum(self._pending.values())
        if received > self._max_bytes or pending > self._max_pending_bytes:
            threading.Thread(target=event.assoc.abort, daemon=True).start()

    def _forget(self, event: Event) -> None:
        with self._change:
            self._pending.pop(event.assoc, None)

    def _store(self, event: Event) -> int:
        """Write one object; returns the status for the sender."""
        try:
            with self._storing:  # each holds an object twice
                return self._write(event)
        finally:
            self._forget(event)

    def _write(self, event: Event) -> int:
        if shutil.disk_usage(self._output).free < self._min_free_bytes:
            return OUT_OF_RESOURCES
        announced = cast("C_STORE", event.request).AffectedSOPInstanceUID
        content = event.encoded_dataset()
        with TemporaryDirectory(dir=self._output, prefix=".") as folder:
            incoming = Path(folder) / INCOMING
            try:
                incoming.write_bytes(content)
                file = _checked(incoming)
                path = None if file is None else archive_path(self._output, file.header)
                if file is None or path is None:
                    return NOT_UNDERSTOOD
                if file.text("SOPInstanceUID") != str(announced):
                    return NOT_AS_ANNOUNCED
                if path.exists():
                    return SUCCESS if _is_same(path, file) else DUPLICATE
                make_folder(path.parent)
                write_bytes(path, content, private=True)
            except OSError:
                return OUT_OF_RESOURCES
        self._on_file(path)
        return SUCCESS


def _remove_left_behind(output: Path) -> None:
    """Remove what receivers that were killed left: objects half received, and files half written.

    Other programs keep hidden folders of such names, too, but not with our file alone in them.
    """
    folders = [path.parent for path in output.glob(f".*/{INCOMING}")]
    alone = [path for path in folders if not path.is_symlink() and len(list(path.iterdir())) == 1]
    files = [path for path in output.glob("*/*/.*") if path.is_file()]
    for path in (*alone, *files):
        if TEMPORARY.fullmatch(path.name) and is_left_behind(path):
            discard(path)


def _checked(path: Path) -> DicomFile | None:
    """The header of an object, which is bounded; None where it is none."""
    with quiet_pydicom():
        try:
            file, _ = read_header(path, path.name)
        except AcsnetError:
            return None
    return file


def _is_same(path: Path, file: DicomFile) -> bool:
    """Whether two files hold one object, whoever wrote them, in implicit or explicit little endian.

    By the values before the pixels, and the pixels; not by group 2, which tells of the writer, nor
    by what may follow the pixels to fill up the file.
    """
    if filecmp.cmp(path, file.path, shallow=False):
        return True
    if (stored := _checked(path)) is None:
        return False
    with quiet_pydicom():
        try:
            return _values(stored) == _values(file) and _pixels(path) == _pixels(file.path)
        except DAMAGED:
            return False


def _values(file: DicomFile) -> dict[BaseTag, object]:
    return {element.tag: element.value for element in file.header}


def _pixels(path: Path) -> list[bytes]:
    """SHA-256 of each element of pixels; what follows them is not read."""
    with path.open("rb") as stream:
        dataset = read_partial(
            stream, stop_when=lambda tag, _vr, _length: tag > PIXELS[-1], specific_tags=PIXELS
        )
    return [hashlib.sha256(dataset[tag].value).digest() for tag in PIXELS if tag in dataset]

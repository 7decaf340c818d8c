"""C-STORE service (storage SCP, DICOM PS3.7) that writes received objects to a folder.

DICOM has no login: whoever knows address and AE title can send. So objects are limited in size,
disk space is reserved, and file names are checked UIDs.
"""

import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import cast

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import AllStoragePresentationContexts
from pynetdicom.transport import ThreadedAssociationServer

from acsnet.errors import InputError
from acsnet.io.dicom_files import DAMAGED, quiet_pydicom, text_of
from acsnet.pacs.download import archive_path
from acsnet.pacs.storescu import VERIFICATION, is_ae_title
from acsnet.storage import write_bytes

MAX_OBJECT_BYTES = 512 * 1024 * 1024
MIN_FREE_BYTES = 1024 * 1024 * 1024
MAX_ASSOCIATIONS = 4

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
NOT_AS_ANNOUNCED = 0xA900
NOT_UNDERSTOOD = 0xC000


class Receiver:
    """A running C-STORE service; files go to OUTPUT/<study>/<series>/<instance>.dcm.

    title: the AE title that senders must call; port: 0 for any free one; on_file: called with each
    file; max_bytes: of one object. Only uncompressed pixels are negotiated, which every archive can
    send. Raises InputError for an invalid title and a port that cannot be opened.
    """

    def __init__(
        self,
        output: Path,
        *,
        host: str,
        port: int,
        title: str,
        on_file: Callable[[Path], None],
        max_bytes: int = MAX_OBJECT_BYTES,
        min_free_bytes: int = MIN_FREE_BYTES,
    ) -> None:
        if not is_ae_title(title):
            msg = f"AE title must be 1 to 16 characters of ASCII without \\, got {title!r}"
            raise InputError(msg)
        self._output = output
        self._on_file = on_file
        self._max_bytes, self._min_free_bytes = max_bytes, min_free_bytes
        self._pending: dict[object, int] = {}
        entity = ApplicationEntity(ae_title=title)
        entity.require_called_aet = True
        entity.maximum_associations = MAX_ASSOCIATIONS
        for context in AllStoragePresentationContexts:
            entity.add_supported_context(str(context.abstract_syntax))
        entity.add_supported_context(VERIFICATION)
        output.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handlers: list[evt.EventHandlerType] = [
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_PDU_RECV, self._count),
                (evt.EVT_CONN_CLOSE, self._forget),
            ]
            server = entity.start_server((host, port), block=False, evt_handlers=handlers)
        except (OSError, OverflowError) as error:
            msg = f"port {port} on {host} cannot be opened: choose another with --port"
            raise InputError(msg) from error

        self._server = cast("ThreadedAssociationServer", server)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Abort associations and stop."""
        self._server.shutdown()

    def _count(self, event: Event) -> None:
        """Abort a sender whose object grows too large, while it is still arriving."""
        received = self._pending.get(event.assoc, 0) + len(event.pdu)
        self._pending[event.assoc] = received
        if received > self._max_bytes:
            threading.Thread(target=event.assoc.abort, daemon=True).start()

    def _forget(self, event: Event) -> None:
        self._pending.pop(event.assoc, None)

    def _store(self, event: Event) -> int:
        """Write one object; returns the status for the sender."""
        self._pending.pop(event.assoc, None)
        if shutil.disk_usage(self._output).free < self._min_free_bytes:
            return OUT_OF_RESOURCES
        content = event.encoded_dataset()
        header = _header(content)
        path = None if header is None else archive_path(self._output, header)
        if header is None or path is None:
            return NOT_UNDERSTOOD
        announced = cast("C_STORE", event.request).AffectedSOPInstanceUID
        if text_of(header, "SOPInstanceUID") != str(announced):
            return NOT_AS_ANNOUNCED
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_bytes(path, content, private=True)
        except OSError:
            return OUT_OF_RESOURCES
        self._on_file(path)
        return SUCCESS


def _header(content: bytes) -> Dataset | None:
    with suppress(*DAMAGED), quiet_pydicom():
        header = pydicom.dcmread(BytesIO(content), stop_before_pixels=True)
        return header if text_of(header, "SOPClassUID") else None
    return None

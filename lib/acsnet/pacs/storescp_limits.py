"""Limits on who may connect to the C-STORE service, and on what a connection may make it keep.

DICOM has no login, and before an association there is not even an AE title: so a connection is
bounded by the address that it comes from, by the size of a PDU (PS3.8 9.3) and by its pace.
"""

import math
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from socketserver import TCPServer
from typing import Any
from weakref import WeakSet

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from acsnet.errors import InputError

MAX_ASSOCIATIONS = 8
"""Established ones; connections that have not said anything are none of them."""
MAX_CONNECTIONS = 64
MAX_CONNECTIONS_OF_ONE = 8
"""From one address; the oldest that was silent so far makes room for a new one."""

MAX_PDU_BYTES = 2**20
"""Sixty times what we say that we take; a request for all kinds of objects has a fiftieth."""
HEAD_BYTES = 6
"""Of a PDU: its type, and the length of its body."""
PDU_S = 30.0
"""For a PDU to come in, from its first byte."""
SILENCE_S = 15.0
"""For the request of an association to come; pynetdicom calls it the ACSE timeout."""
IDLE_S = 60.0
"""Between two messages of an association."""

Network = IPv4Network | IPv6Network


def networks_of(senders: Sequence[str]) -> tuple[Network, ...]:
    """Addresses and networks from their text, such as `192.0.2.7` and `192.0.2.0/24`.

    Raises:
        InputError: one of them is neither.
    """
    try:
        return tuple(ip_network(sender) for sender in senders)
    except ValueError as error:
        msg = f"a sender must be an address or a network such as 192.0.2.0/24: {error}"
        raise InputError(msg) from error


class MeteredSocket(socket.socket):
    """A connection that breaks off where a PDU is too large or comes in too slowly.

    address: of the sender; opened: monotonic seconds; heard: whether a whole PDU has come in.
    """

    def __init__(self, fileno: int, *, address: str, pdu_s: float = PDU_S) -> None:
        super().__init__(fileno=fileno)
        self._pdu_s = pdu_s
        self.address, self.opened = address, time.monotonic()
        self.settimeout(pdu_s)
        self.heard = False
        self._head = bytearray()
        self._left = 0
        self._end = math.inf

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As of a socket; pynetdicom reads a PDU's head of six bytes, then its body.

        Raises:
            OSError: the PDU is too large or too slow; what came of it is not kept.
        """
        left_s = min(self._end - time.monotonic(), self._pdu_s)
        try:
            if left_s <= 0:
                msg = f"a PDU must come within {self._pdu_s:g} s"
                raise TimeoutError(msg)
            self.settimeout(left_s)
            content = super().recv(size, flags)
            self._count(content)
        except OSError:
            self.close()  # pynetdicom takes it for closed
            raise
        return content

    def _count(self, content: bytes) -> None:
        if not (self._head or self._left):
            self._end = time.monotonic() + self._pdu_s
        if self._left:
            self._left -= len(content)
        else:
            self._head += content
            if len(self._head) < HEAD_BYTES:
                return
            _, _, self._left = struct.unpack(">BBL", self._head)
            self._head.clear()
        if self._left > MAX_PDU_BYTES:
            msg = f"a PDU may have at most {MAX_PDU_BYTES} bytes, got {self._left}"
            raise ConnectionAbortedError(msg)
        if self._left == 0:
            self.heard, self._end = True, math.inf


class LimitedEntity(ApplicationEntity):
    """An application entity of which only established associations count for the maximum."""

    def __init__(self, ae_title: str, *, max_associations: int = MAX_ASSOCIATIONS) -> None:
        super().__init__(ae_title=ae_title)
        self.maximum_associations = max_associations
        self.acse_timeout = SILENCE_S
        self.network_timeout = IDLE_S

    @property
    def active_associations(self) -> list[Association]:
        """Those established, and the one that is asked for now."""
        asking = threading.current_thread()
        return [
            association
            for association in super().active_associations
            if association.is_established or association is asking
        ]


class LimitedServer(ThreadedAssociationServer):
    """Accepts connections of allowed addresses, so many of each, and meters what they send."""

    def __init__(
        self, *arguments: Any, senders: tuple[Network, ...], pdu_s: float, **options: Any
    ) -> None:
        self._senders, self._pdu_s = senders, pdu_s
        self._lines: WeakSet[MeteredSocket] = WeakSet()
        super().__init__(*arguments, **options)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """A connection that is metered."""
        accepted, address = super().get_request()
        return MeteredSocket(accepted.detach(), address=address[0], pdu_s=self._pdu_s), address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether a connection may stay; one that was silent so far may have to go for it."""
        sender = ip_address(client_address[0])
        if self._senders and not any(sender in network for network in self._senders):
            return False
        lines = [line for line in self._lines if line.fileno() >= 0]
        own = [line for line in lines if line.address == client_address[0]]
        if len(own) >= MAX_CONNECTIONS_OF_ONE and not _end_oldest_silent(own):
            return False
        if len(lines) >= MAX_CONNECTIONS and not _end_oldest_silent(lines):
            return False
        self._lines.add(request)
        return True

    def shutdown(self) -> None:
        """Take no more connections, and close the socket."""
        TCPServer.shutdown(self)  # pynetdicom's own knows only servers that it has started itself
        self.server_close()


def _end_oldest_silent(lines: Sequence[MeteredSocket]) -> bool:
    """End the oldest connection on which nothing has come; False where all have spoken."""
    silent = [line for line in lines if not line.heard]
    if not silent:
        return False
    with suppress(OSError):  # its sender was faster
        min(silent, key=lambda line: line.opened).shutdown(socket.SHUT_RDWR)
    return True

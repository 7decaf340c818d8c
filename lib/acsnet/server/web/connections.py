"""Limits on connections: so many in all and of one address, and none on which no request comes.

The proxy of `deploy/` has such limits of its own. They hold without it, too.
"""

import asyncio
import ssl
from collections import Counter
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from acsnet.files.hosts import is_loopback
from acsnet.server.web.access_policy import address_group

HEAD_S = 15.0
"""For the head of a request to come, the first one and each after it."""
MAX_CONNECTIONS, MAX_OF_ONE = 512, 64
"""In all, and of one address: browsers keep six. This machine and the proxy are many people."""
HANDSHAKE_S = 10.0
"""For a TLS handshake, of which there may be as many under way."""


class LimitedHttp(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP, which ends connections that are too many or stay silent.

    proxies: networks of the reverse proxy, whose connections are those of many.
    """

    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    head_s, max_of_one = HEAD_S, MAX_OF_ONE

    def connection_made(self, transport: Any) -> None:
        """Count a new connection, and watch it."""
        super().connection_made(transport)
        own = [connection for connection in self.connections if connection.client and self.client]
        group = address_group(self.client[0]) if self.client else ""
        own = [connection for connection in own if address_group(connection.client[0]) == group]
        if len(self.connections) > MAX_CONNECTIONS or (
            len(own) > self.max_of_one and not self._stands_for_many()
        ):
            transport.abort()
            return
        self._since = self._now()
        self._watch()

    def _stands_for_many(self) -> bool:
        return self.is_many(self.client[0])

    @classmethod
    def is_many(cls, host: str) -> bool:
        """Whether an address stands for many people: this machine, or the proxy."""
        return is_loopback(host) or any(ip_address(host) in network for network in cls.proxies)

    def _watch(self) -> None:
        """End the connection where no request is under way and none has come for long."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            self._since = self._now()
        elif self._now() - self._since > self.head_s:
            self.transport.abort()
            return
        asyncio.get_running_loop().call_later(self.head_s / 5, self._watch)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class TlsDoor(asyncio.Protocol):
    """Does the TLS handshake of a connection and hands it to `http` then.

    uvicorn's own waits a minute for a handshake and counts none: silent connections could use up
    all that the system has. context: of the server's certificate.
    """

    context: ssl.SSLContext
    http: type[LimitedHttp] = LimitedHttp
    handshake_s, max_of_one = HANDSHAKE_S, MAX_OF_ONE
    _under_way: ClassVar[Counter[str]] = Counter()

    def __init__(self, **options: Any) -> None:
        """options: what uvicorn gives to `http`."""
        self._options = options
        self._early = b""
        self._is_lost = False

    def connection_made(self, transport: Any) -> None:
        """Begin the handshake, unless there are too many."""
        host = str((transport.get_extra_info("peername") or ("",))[0])
        group = address_group(host)
        of_one = self._under_way[group] >= self.max_of_one and not self.http.is_many(host)
        if of_one or self._under_way.total() >= MAX_CONNECTIONS:
            transport.abort()
            return
        transport.pause_reading()
        self._under_way[group] += 1
        self._handshake = asyncio.ensure_future(self._secure(transport, group))

    def data_received(self, data: bytes) -> None:
        """Keep what comes with the end of the handshake."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember it: there is nobody to hand over."""
        self._is_lost = True

    async def _secure(self, transport: Any, group: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            secured: Any = await loop.start_tls(
                transport,
                self,
                self.context,
                server_side=True,
                ssl_handshake_timeout=self.handshake_s,
            )
        except OSError:  # no TLS, too slow, or gone
            transport.abort()
            return
        finally:
            self._under_way[group] -= 1
            if not self._under_way[group]:
                del self._under_way[group]
        if secured is None or self._is_lost:
            return
        http = self.http(**self._options)
        secured.set_protocol(http)
        http.connection_made(secured)
        if self._early:
            http.data_received(self._early)

"""Limits on connections: so many in all and of one address, and none on which no request comes.

The proxy of `deploy/` has such limits of its own. They hold without it, too.
"""

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from acsnet.server.web.access_policy import is_loopback

HEAD_S = 15.0
"""For the head of a request to come, the first one and each after it."""
MAX_CONNECTIONS, MAX_OF_ONE = 512, 64
"""In all, and of one address: browsers keep six. This machine and the proxy are many people."""


class LimitedHttp(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """uvicorn's HTTP, which ends connections that are too many or stay silent.

    proxies: networks of the reverse proxy, whose connections are those of many.
    """

    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    head_s, max_of_one = HEAD_S, MAX_OF_ONE

    def connection_made(self, transport: Any) -> None:
        """Count a new connection, and watch it."""
        super().connection_made(transport)
        own = [one for one in self.connections if one.client and self.client]
        own = [one for one in own if one.client[0] == self.client[0]]
        if len(self.connections) > MAX_CONNECTIONS or (
            len(own) > self.max_of_one and not self._stands_for_many()
        ):
            transport.abort()
            return
        self._since = self._now()
        self._watch()

    def _stands_for_many(self) -> bool:
        host = self.client[0]
        if is_loopback(host):
            return True
        return any(ip_address(host) in network for network in self.proxies)

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

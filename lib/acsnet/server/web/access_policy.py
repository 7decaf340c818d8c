"""Access policy: which machines and web pages may send requests, and what they may name.

As long as nobody has to log in, it lets this machine alone pass, whatever address the server is
bound to. The host and origin checks keep a web page in the user's browser from reaching it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from acsnet.errors import InputError
from acsnet.files.hosts import is_loopback, origin_of
from acsnet.server.web.request_checks import name_fault, path_fault
from acsnet.settings import Settings

PROBES = ("/healthz", "/readyz")
"""What load balancers and orchestrators ask by address, without TLS. They name no scan."""

OF_THE_PROXY = (
    "this server answers over https only: the reverse proxy must pass on Host and send "
    "X-Forwarded-Proto: https, and server.proxies must name its address"
)

IPV6_PREFIX = 64
"""Bits of a network that one subscriber has (RFC 6177)."""


def address_of(scope: Scope) -> str:
    """The address that a request comes from; empty where that is not known."""
    client = scope.get("client")
    return client[0] if client else ""


def address_group(address: str) -> str:
    """What counts as one address: of IPv6 its network, in which a host has as many as it likes."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Whom the server answers.

    to_others: other machines, too; plain: these without TLS; behind_proxy: they come by a reverse
    proxy that does TLS; names: hosts that its name is by, besides those of this machine; origins:
    other sites whose pages may ask.
    """

    to_others: bool = False
    plain: bool = False
    behind_proxy: bool = False
    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()


def policy_of(settings: Settings) -> Policy:
    """What the settings allow.

    Raises InputError for an address that others can reach where nobody has to log in, or without
    TLS, unless the settings say so in so many words.
    """
    server, login = settings.server, settings.login.required
    if settings.oidc.issuer and not login:
        msg = "oidc.issuer is set, but nobody has to log in: set login.required, too"
        raise InputError(msg)
    if (server.tls_cert is None) != (server.tls_key is None):
        msg = "server.tls_cert and server.tls_key belong together: set both"
        raise InputError(msg)
    if not is_loopback(server.host) or server.behind_tls_proxy:
        _check_open(settings)
    bound = set() if _is_any(server.host) else {server.host}
    return Policy(
        to_others=login or server.insecure_without_login,
        plain=server.insecure_without_tls,
        behind_proxy=server.behind_tls_proxy,
        names=frozenset({*server.names, *bound}),
        origins=frozenset(server.origins),
    )


def _check_open(settings: Settings) -> None:
    server = settings.server
    where = f"others can reach {server.host}"
    if not settings.login.required and not server.insecure_without_login:
        msg = f"{where}: add --login, or use --insecure-without-login"
        raise InputError(msg)
    tls = server.tls_cert is not None or server.behind_tls_proxy
    if not tls and not server.insecure_without_tls:
        msg = (
            f"{where}: add --tls-cert and --tls-key, or --behind-tls-proxy, or say "
            "--insecure-without-tls"
        )
        raise InputError(msg)
    if not server.names and (_is_any(server.host) or server.behind_tls_proxy):
        msg = f"{where}: add --name with the host name under which they do"
        raise InputError(msg)


def _is_any(host: str) -> bool:
    """Whether an address stands for all interfaces."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def refusal(
    policy: Policy,
    *,
    client: str,
    scheme: str,
    headers: Headers,
    method: str,
    path: str,
    query: str,
) -> tuple[int, str] | None:
    """HTTP status and reason for a request that must not go further, or None."""
    is_probe = policy.to_others and method in ("GET", "HEAD") and path in PROBES
    reason = _stranger(policy, client=client, scheme=scheme, headers=headers)
    if reason is not None and not is_probe:
        return 403, reason
    if method != "OPTIONS" and _is_of_another_page(policy, headers, method=method):
        return 403, "this server answers its own pages only: see the setting server.origins"
    faults = [path_fault(path)]
    faults += [name_fault(key, value) for key, value in parse_qsl(query, keep_blank_values=True)]
    fault = next(filter(None, faults), None)
    return None if fault is None else (400, fault)


def _stranger(policy: Policy, *, client: str, scheme: str, headers: Headers) -> str | None:
    """Reason to refuse the machine or page that asks; None to accept."""
    lacks_tls = scheme != "https" and not policy.plain
    if not is_loopback(client):
        if not policy.to_others:
            return "this server answers its own machine only, as nobody has to log in"
        if lacks_tls and not policy.behind_proxy:
            return "this server answers other machines over https only"
    own = origin_of(f"{scheme}://{headers.get('host', '')}")
    origin = headers.get("origin")
    if policy.behind_proxy and lacks_tls:
        is_local = is_loopback(client) and own is not None and is_loopback(own[1])
        if not is_local or _is_own_page(policy, origin):  # a proxy here may send a Host of here
            return OF_THE_PROXY
    if own is None or not (is_loopback(own[1]) or own[1] in policy.names):
        also = ", and let the reverse proxy pass on Host" if policy.behind_proxy else ""
        return f"this server does not answer under this host name: see server.names{also}"
    if origin is not None and origin not in policy.origins and origin_of(origin) != own:
        return "this server answers its own pages only: see the setting server.origins"
    return None


def _is_own_page(policy: Policy, origin: str | None) -> bool:
    """Whether a page asks that people have from this server, over TLS."""
    page = origin_of(origin or "")
    return page is not None and page[0] == "https" and page[1] in policy.names


def _is_of_another_page(policy: Policy, headers: Headers, *, method: str) -> bool:
    """Whether a page of another site asks, without saying so by an origin: for an image, a script.

    Whether it loads would tell that page which patients there are. Browsers say it by fetch
    metadata (W3C); a person who follows a link to one of our pages is let through.
    """
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    follows = headers.get("sec-fetch-mode") == "navigate" and method in ("GET", "HEAD")
    if follows and headers.get("sec-fetch-dest") == "document":
        return False
    return headers.get("origin") not in policy.origins


class AccessPolicyMiddleware:
    """ASGI middleware that answers refused requests itself and passes the others on."""

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self.app = app
        self.policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one HTTP request."""
        if scope["type"] == "http":
            refused = refusal(
                self.policy,
                client=address_of(scope),
                scheme=scope["scheme"],
                headers=Headers(scope=scope),
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
            )
            if refused is not None:
                status, detail = refused
                await JSONResponse({"detail": detail}, status)(scope, receive, send)
                return
        await self.app(scope, receive, send)

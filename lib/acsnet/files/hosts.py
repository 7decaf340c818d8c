"""Host names and addresses: how browsers send them, and which can only mean this machine."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def host_name(text: str) -> str:
    """A host name or address in the form in which browsers send it.

    An address of IPv6 may stand in brackets, as it does in a URL, and a name may end in a dot.
    Raises ValueError for what is more than a host, such as a URL, and for umlauts, which browsers
    send as `xn--...` by rules that have changed.
    """
    host = text.strip("[]").lower()
    try:
        return str(ip_address(host))
    except ValueError:
        name = host.removesuffix(".")
    if not _NAME.fullmatch(name):
        msg = (
            "must be a host name alone, such as acsnet.example.org (with umlauts xn--...), or an "
            "address"
        )
        raise ValueError(msg)
    return name


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def origin_of(text: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin; None where it is none."""
    try:
        parts = urlsplit(text.lower())
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    host = (parts.hostname or "").removesuffix(".")
    return (parts.scheme, host, port) if host and bare else None


def origin_text(text: str) -> str:
    """An origin in the form in which browsers send it: small letters, without the usual port.

    Raises ValueError for anything else, such as the address of a page.
    """
    if (origin := origin_of(text.removesuffix("/"))) is None:
        msg = "must be http(s)://HOST[:PORT]"
        raise ValueError(msg)
    scheme, host, port = origin
    name = host_name(host)
    at = "" if port == DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://[{name}]{at}" if ":" in name else f"{scheme}://{name}{at}"

"""Host names and addresses: how browsers send them, and which can only mean this machine."""

import re
from ipaddress import ip_address

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

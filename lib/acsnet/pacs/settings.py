"""Where a PACS is, how to log in to it, and what to look for: the address and the environment.

| variable | is |
|---|---|
| `ACSNET_PACS_USER`, `ACSNET_PACS_PASSWORD` | login by name and password |
| `ACSNET_PACS_TOKEN` | login by bearer token, instead |
| `ACSNET_PACS_SEARCH` | further search keys, such as `StudyDate=20260101-&InstitutionName=North` |
| `ACSNET_PACS_LGE` | regular expression in place of `series_filter.LGE` |
| `ACSNET_PACS_CACHE_SECONDS` | how long a list is kept, 10 by default |
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from acsnet.errors import InputError
from acsnet.pacs.series_filter import LGE

CACHE_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class PacsSettings:
    """One DICOMweb service; secrets do not show when this is printed.

    url: of the service, such as https://pacs.example.org/dicom-web; search: further QIDO keys.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    search: tuple[tuple[str, str], ...] = ()
    lge: re.Pattern[str] = LGE
    cache_seconds: float = CACHE_SECONDS


def is_dicomweb(address: str) -> bool:
    """Whether an address is that of a DICOMweb service, right or not."""
    return address.lower().startswith(("http://", "https://"))


def pacs_settings(url: str, environment: Mapping[str, str] | None = None) -> PacsSettings:
    """Settings for the service at `url`, the rest from the environment.

    Raises InputError for an address with a password in it, which would be seen in lists of
    processes and in logs, and for a value that cannot be used.
    """
    values = os.environ if environment is None else environment
    pattern = values.get("ACSNET_PACS_LGE")
    try:
        lge = re.compile(pattern, re.IGNORECASE) if pattern else LGE
    except re.error as error:
        msg = f"ACSNET_PACS_LGE must be a regular expression, got {pattern!r}: {error}"
        raise InputError(msg) from error
    return PacsSettings(
        url=_checked(url),
        user=values.get("ACSNET_PACS_USER", ""),
        password=values.get("ACSNET_PACS_PASSWORD", ""),
        token=values.get("ACSNET_PACS_TOKEN", ""),
        search=tuple(parse_qsl(values.get("ACSNET_PACS_SEARCH", ""))),
        lge=lge,
        cache_seconds=_seconds(values.get("ACSNET_PACS_CACHE_SECONDS")),
    )


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        msg = "address of a PACS must be http(s)://HOST[:PORT]/PATH of its DICOMweb service"
        raise InputError(msg)
    if "@" in parts.netloc or parts.query or parts.fragment:
        msg = (
            f"address of the PACS {parts.hostname} must not hold a login or a query: set "
            "ACSNET_PACS_USER and ACSNET_PACS_PASSWORD, or ACSNET_PACS_TOKEN"
        )
        raise InputError(msg)
    return url.rstrip("/")


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text) if text else CACHE_SECONDS
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        msg = f"ACSNET_PACS_CACHE_SECONDS must be a number of seconds, got {text!r}"
        raise InputError(msg)
    return seconds

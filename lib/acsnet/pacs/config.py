"""Settings of a DICOMweb service: address, login, search filter."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from pydicom.datadict import tag_for_keyword

from acsnet.errors import InputError
from acsnet.io.series_words import LGE
from acsnet.settings import Pacs, read_settings

STUDY_KEYWORDS = (
    "AccessionNumber",
    "IssuerOfPatientID",
    "ModalitiesInStudy",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyDescription",
    "StudyID",
    "StudyInstanceUID",
    "StudyTime",
)
STUDY_KEYS = {
    "fuzzymatching",
    *STUDY_KEYWORDS,
    *(f"{tag_for_keyword(keyword):08X}" for keyword in STUDY_KEYWORDS),
}
"""Search keys that all series of a study answer to alike: keywords, and tags as in `0020000D`."""


@dataclass(frozen=True, kw_only=True)
class PacsSettings:
    """Settings of one DICOMweb service; secrets are not printed.

    url: such as https://pacs.example.org/dicom-web; search: further QIDO keys.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    search: tuple[tuple[str, str], ...] = ()
    lge: re.Pattern[str] = LGE
    cache_seconds: float = Pacs().cache_seconds

    def search_for(self, modality: str) -> dict[str, str]:
        """The keys of a search for series; a SEG has not the station, say, of its images."""
        of_study = {key: value for key, value in self.search if {key, key.upper()} & STUDY_KEYS}
        return {**(of_study if modality == "SEG" else dict(self.search)), "Modality": modality}


def is_dicomweb(address: str) -> bool:
    """Whether an address is meant as that of a DICOMweb service."""
    return address.lower().startswith(("http://", "https://"))


def pacs_settings(url: str) -> PacsSettings:
    """Settings of the service at `url`, the rest from `acsnet.settings`.

    Raises InputError for an unusable address, and for one with a password in it, which process
    lists and logs would show.
    """
    site = read_settings().pacs
    return PacsSettings(
        url=_checked(url),
        user=site.user,
        password=site.password.get_secret_value(),
        token=site.token.get_secret_value(),
        search=tuple(parse_qsl(site.search)),
        lge=LGE if site.lge is None else re.compile(site.lge.pattern, re.IGNORECASE),
        cache_seconds=site.cache_seconds,
    )


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        msg = (
            "address of a PACS must be http(s)://HOST[:PORT]/PATH of its DICOMweb service, got "
            f"{_without_secrets(url)}"
        )
        raise InputError(msg)
    if "@" in parts.netloc or parts.query or parts.fragment:
        msg = (
            f"address of the PACS {parts.hostname} must not hold a login or a query: set "
            "ACSNET_PACS_USER and ACSNET_PACS_PASSWORD, or ACSNET_PACS_TOKEN"
        )
        raise InputError(msg)
    return url.rstrip("/")


def _without_secrets(url: str) -> str:
    """An address of any form for a message: without its query, and not at all with a login."""
    return "one with a login" if "@" in url else repr(re.split("[?#]", url)[0])

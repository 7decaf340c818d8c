"""A DICOMweb service (PS3.18), such as Orthanc, dcm4chee or Google: search, fetch and store.

Thin over dicomweb-client: with time-outs, with answers turned into headers, and with every
failure as one sentence that names the service and no login. Certificates are always checked;
`REQUESTS_CA_BUNDLE` names the file of a hospital's own authority.
"""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from acsnet.dicom import dicom_json
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files import DAMAGED, quiet_pydicom, text_of
from acsnet.pacs.config import PacsSettings

TIMEOUT_SECONDS = (5.0, 60.0)
"""To connect, and between two pieces of an answer. Ours."""

PAGE = 500
MAX_SERIES = 10_000
"""Series a search may find: more would never be read through. Ours."""

SERIES_FIELDS = (
    "SeriesDescription",
    "ProtocolName",
    "SequenceName",
    "SeriesNumber",
    "StudyDate",
    "StudyDescription",
    "PatientID",
    "PatientName",
    "NumberOfSeriesRelatedInstances",
)

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_NOT_DECODED = (400, 406, 415, 500, 501)
"""What services answer where they cannot turn compressed pixels into plain ones."""

_NOT_TAKEN = (400, 409, 413, 415, 422)
"""What services answer to an instance that they will not have."""


class NotStoredError(PacsError):
    """An instance that the service refused; it may take others."""


def is_uid(text: str) -> bool:
    """Whether `text` is made as a UID, hence safe in an address and as the name of a file.

    Components with leading zeros, which the standard forbids, are in use and let through.
    """
    return bool(_UID.fullmatch(text))


class DicomWeb:
    """The DICOMweb service of one PACS. All methods raise PacsError where it does not do its part.

    A UID that is none raises InputError before anything is asked.
    """

    def __init__(self, settings: PacsSettings) -> None:
        self.address = settings.url
        self._session = session = requests.Session()
        if settings.token:
            session.auth = _Login(f"Bearer {settings.token}")
        elif settings.user:
            pair = f"{settings.user}:{settings.password}".encode()
            session.auth = _Login(f"Basic {b64encode(pair).decode()}")
        for scheme in ("http://", "https://"):
            session.mount(scheme, _TimedAdapter())
        self._client = DICOMwebClient(self.address, session=session, permissive_uid=True)
        self._client.set_http_retry_params(retry=False)

    def search_series(self, keys: Mapping[str, str]) -> list[Dataset]:
        """The series that match `keys` (QIDO-RS), page by page, each once."""
        found: dict[str, Dataset] = {}
        while True:
            with self._asked("search for series"):
                page = self._client.search_for_series(
                    fields=list(SERIES_FIELDS),
                    search_filters=dict(keys),
                    limit=PAGE,
                    offset=len(found),
                )
                headers = [dicom_json.header(answer) for answer in page]
            before = len(found)
            found |= {text_of(one, "SeriesInstanceUID"): one for one in headers}
            if len(headers) < PAGE or len(found) == before:
                return list(found.values())
            if len(found) > MAX_SERIES:
                msg = (
                    f"{self.address} has more than {MAX_SERIES} series that match {dict(keys)}: "
                    "narrow the search with ACSNET_PACS_SEARCH"
                )
                raise PacsError(msg)

    def headers(self, study: str, series: str) -> list[Dataset]:
        """The headers of all instances of a series, without pixels."""
        _check_uids(study, series)
        with self._asked(f"headers of series {series}"):
            answers = self._client.retrieve_series_metadata(study, series)
            return [dicom_json.header(answer) for answer in answers]

    def instance(self, study: str, series: str, instance: str) -> Dataset:
        """One whole instance, uncompressed where the service can do that, else as it is stored."""
        _check_uids(study, series, instance)
        try:
            with self._asked(f"image {instance}"):
                return self._retrieve(study, series, instance, str(ExplicitVRLittleEndian))
        except PacsError as error:
            if _status(error.__cause__) not in _NOT_DECODED:
                raise
        with self._asked(f"image {instance}"):
            return self._retrieve(study, series, instance, "*")

    def store(self, dataset: Dataset) -> None:
        """Store one instance (STOW-RS). Raises NotStoredError where only this one is refused."""
        with quiet_pydicom():
            uid = text_of(dataset, "SOPInstanceUID")
        try:
            with self._asked(f"storage of {uid}"), quiet_pydicom():
                answer = self._client.store_instances([dataset])
        except PacsError as error:
            if _status(error.__cause__) in _NOT_TAKEN:
                raise NotStoredError(str(error)) from error
            raise
        if failed := answer.get("FailedSOPSequence"):
            code = int(failed[0].get("FailureReason", 0))
            msg = f"{self.address}: storage of {uid} failed, reason {code:#06x}"
            raise NotStoredError(msg)

    def forward(
        self, method: str, path: str, *, query: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, str, bytes]:
        """Pass a request on as it is; gives status, content type and content of the answer."""
        address = f"{self.address}/{quote(path)}"
        with self._asked(f"{method} {path}"):
            answer = self._session.request(
                method, f"{address}?{query}" if query else address, headers=headers, data=body
            )
        kind = answer.headers.get("Content-Type", "application/octet-stream")
        return answer.status_code, kind, answer.content

    def _retrieve(self, study: str, series: str, instance: str, syntax: str) -> Dataset:
        with quiet_pydicom():
            dataset = self._client.retrieve_instance(
                study, series, instance, media_types=(("application/dicom", syntax),)
            )
            got = text_of(dataset, "SOPInstanceUID")
        if got != instance:
            msg = f"another instance came, {got}"
            raise ValueError(msg)
        return dataset

    @contextmanager
    def _asked(self, what: str) -> Iterator[None]:
        """Turn what can go wrong with a request into one sentence."""
        try:
            yield
        except requests.RequestException as error:
            msg = f"{self.address}: {what} failed, {_reason(error)}"
            raise PacsError(msg) from error
        except DAMAGED as error:
            msg = f"{self.address}: {what} failed, its answer cannot be understood"
            raise PacsError(msg) from error


class _TimedAdapter(HTTPAdapter):
    """Nothing waits for ever: requests itself has no time-out."""

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        return super().send(request, stream, timeout or TIMEOUT_SECONDS, verify, cert, proxies)


class _Login(AuthBase):
    """As `auth`, not as a header of the session, which a `.netrc` file would replace.

    requests leaves it out where a service sends the request on to another host.
    """

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request


def _reason(error: requests.RequestException) -> str:
    status = _status(error)
    if status in (401, 403):
        return f"the login was refused (HTTP {status}): see ACSNET_PACS_USER, ACSNET_PACS_TOKEN"
    if status is not None:
        return f"it answered HTTP {status}"
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return "its answer cannot be understood"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted: REQUESTS_CA_BUNDLE names the file of its authority"
    if isinstance(error, requests.ReadTimeout):
        return f"it did not answer within {TIMEOUT_SECONDS[1]:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "its answer was cut short"
    return "it cannot be reached"


def _status(error: BaseException | None) -> int | None:
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def _check_uids(*uids: str) -> None:
    for uid in uids:
        if not is_uid(uid):
            msg = f"a UID must be digits and dots, at most 64, got {uid!r}"
            raise InputError(msg)

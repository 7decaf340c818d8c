"""Client of a DICOMweb service (PS3.18: QIDO-RS, WADO-RS, STOW-RS), on dicomweb-client.

Adds time-outs, and errors that name the service and no login. Certificates are always checked;
`REQUESTS_CA_BUNDLE` names the file of a hospital's own authority.
"""

import json
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ProtocolError

from acsnet.dicom import dicom_json
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files import DAMAGED, quiet_pydicom, text_of
from acsnet.pacs.config import PacsSettings

TIMEOUT_SECONDS = (5.0, 60.0)  # to connect, and between two parts of an answer
MAX_ANSWER_BYTES = 256 * 2**20  # an image or a segmentation has a tenth of that
MAX_JSON_BYTES = 64 * 2**20
PIECE_BYTES = 2**16
PLACES, PLACE_S = 16, 2.0
"""Requests at once, and how long one more waits: a service that hangs must not hold all threads."""

PAGE = 500
MAX_SERIES = 10_000  # results of a search

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
_NOT_DECODED = (400, 406, 415, 500, 501)  # answers of services that cannot decompress pixels
_NOT_TAKEN = (400, 409, 413, 415, 422)  # answers of services that refuse an instance


class NotStoredError(PacsError):
    """An instance that the service refused; it may accept others."""


def is_uid(text: str) -> bool:
    """Whether `text` has the form of a UID, and so is safe in an address and as a file name.

    Components with leading zeros, which the standard forbids but which occur, are accepted.
    """
    return bool(_UID.fullmatch(text))


class DicomWeb:
    """Client of one DICOMweb service. Methods raise PacsError where the service fails.

    An invalid UID raises InputError before any request.

    Args:
        settings: address and login of the service.
        max_bytes: of an answer; a longer one is broken off.
        max_json_bytes: of an answer of `fetch` that is read as JSON.
    """

    def __init__(
        self,
        settings: PacsSettings,
        *,
        max_bytes: int = MAX_ANSWER_BYTES,
        max_json_bytes: int = MAX_JSON_BYTES,
    ) -> None:
        self.address = settings.url
        self._max_json_bytes = max_json_bytes
        self._places = threading.BoundedSemaphore(PLACES)
        self._session = session = _OneHostSession()
        session.hooks["response"].append(partial(_bounded, max_bytes=max_bytes))
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
        """The series that match `keys` (QIDO-RS), all pages, each series once."""
        series_by_uid: dict[str, Dataset] = {}
        while True:
            with self._request("search for series"):
                page = self._client.search_for_series(
                    fields=list(SERIES_FIELDS),
                    search_filters=dict(keys),
                    limit=PAGE,
                    offset=len(series_by_uid),
                )
                headers = [dicom_json.header(answer) for answer in page]
            before = len(series_by_uid)
            series_by_uid |= {text_of(header, "SeriesInstanceUID"): header for header in headers}
            if len(headers) < PAGE or len(series_by_uid) == before:
                return list(series_by_uid.values())
            if len(series_by_uid) > MAX_SERIES:
                msg = (
                    f"{self.address} has more than {MAX_SERIES} series that match {dict(keys)}: "
                    "narrow the search with ACSNET_PACS_SEARCH"
                )
                raise PacsError(msg)

    def headers(self, study: str, series: str) -> list[Dataset]:
        """Headers of all instances of a series, without pixels (WADO-RS)."""
        _check_uids(study, series)
        with self._request(f"headers of series {series}"):
            answers = self._client.retrieve_series_metadata(study, series)
            return [dicom_json.header(answer) for answer in answers]

    def instance(self, study: str, series: str, instance: str) -> Dataset:
        """One instance with pixels (WADO-RS), uncompressed if the service can do that."""
        _check_uids(study, series, instance)
        try:
            with self._request(f"image {instance}"):
                return self._retrieve(study, series, instance, str(ExplicitVRLittleEndian))
        except PacsError as error:
            if _status(error.__cause__) not in _NOT_DECODED:
                raise
        with self._request(f"image {instance}"):
            return self._retrieve(study, series, instance, "*")

    def store(self, dataset: Dataset) -> None:
        """Store one instance (STOW-RS). Raises NotStoredError if only this instance is refused."""
        with quiet_pydicom():
            uid = text_of(dataset, "SOPInstanceUID")
        try:
            with self._request(f"storage of {uid}"), quiet_pydicom():
                answer = self._client.store_instances([dataset])
        except PacsError as error:
            if _status(error.__cause__) in _NOT_TAKEN:
                raise NotStoredError(str(error)) from error
            raise
        if failed := answer.get("FailedSOPSequence"):
            code = int(failed[0].get("FailureReason", 0))
            msg = f"{self.address}: storage of {uid} failed, reason {code:#06x}"
            raise NotStoredError(msg)

    def has_instance(self, instance: str) -> bool:
        """Whether the service holds an instance of this SOPInstanceUID."""
        _check_uids(instance)
        with self._request("search for an instance"):
            keys = {"SOPInstanceUID": instance}
            return bool(self._client.search_for_instances(search_filters=keys, limit=1))

    def fetch(self, path: str, *, query: str = "", accept: str = "*/*") -> "Answer":
        """GET below the address of the service, as it is; a redirect is an answer, too."""
        address = f"{self.address}/{quote(path)}"
        with self._request(f"GET {path}"):
            answer = self._session.get(
                f"{address}?{query}" if query else address,
                headers={"Accept": accept},
                stream=True,
                allow_redirects=False,
            )
        return Answer(answer, max_json_bytes=self._max_json_bytes)

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
    def _request(self, what: str) -> Iterator[None]:
        """Raise PacsError for a failed request, and where too many have no answer yet."""
        if not self._places.acquire(timeout=PLACE_S):
            msg = f"{self.address}: {what} failed, {PLACES} requests have no answer yet"
            raise PacsError(msg)
        try:
            yield
        except requests.RequestException as error:
            msg = f"{self.address}: {what} failed, {_reason(error)}"
            raise PacsError(msg) from error
        except DAMAGED as error:
            msg = f"{self.address}: {what} failed, its answer cannot be understood"
            raise PacsError(msg) from error
        finally:
            self._places.release()


class Answer:
    """An answer of which only the head has come in; what follows is bounded."""

    def __init__(
        self, response: requests.Response, *, max_json_bytes: int = MAX_JSON_BYTES
    ) -> None:
        self._response = response
        self._max_json_bytes = max_json_bytes
        self.status = response.status_code
        self.kind = response.headers.get("Content-Type", "")

    def pieces(self) -> Iterator[bytes]:
        """The content as it comes in. Raises PacsError where it is too long or cut short."""
        try:
            yield from self._response.iter_content(PIECE_BYTES)
        except requests.RequestException as error:
            msg = f"an answer of the PACS cannot be passed on, {_reason(error)}"
            raise PacsError(msg) from error
        finally:
            self._response.close()

    def json(self) -> Any:
        """The content as JSON. Raises PacsError for what is no JSON, or too long."""
        content = bytearray()
        for piece in self.pieces():
            content += piece
            if len(content) > self._max_json_bytes:
                self.close()
                msg = f"an answer of the PACS is longer than {self._max_json_bytes} bytes"
                raise PacsError(msg)
        try:
            return json.loads(content or b"[]")
        except (ValueError, RecursionError) as error:
            msg = "an answer of the PACS cannot be understood"
            raise PacsError(msg) from error

    def close(self) -> None:
        """Leave the rest of the content where it is."""
        self._response.close()


class _OneHostSession(requests.Session):
    """Follows no redirect to another host, which would choose what this server asks for."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """As of requests. Raises TooManyRedirects for another scheme, host or port."""
        target: str | None = super().get_redirect_target(resp)
        if target is not None and _place(urljoin(resp.url, target)) != _place(resp.url):
            msg = "redirected to another host"
            raise requests.TooManyRedirects(msg)
        return target


def _place(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


class _TooLongError(requests.exceptions.ContentDecodingError):
    """An answer that was broken off."""


def _bounded(response: requests.Response, *, max_bytes: int, **_: Any) -> None:
    """Break off an answer, however it is read, that would fill the memory."""
    whole: Callable[..., Iterator[Any]] = response.iter_content

    def counted(chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        size = 0
        for piece in whole(chunk_size, decode_unicode=decode_unicode):
            size += len(piece)
            if size > max_bytes:
                response.close()
                msg = f"its answer is longer than {max_bytes} bytes"
                raise _TooLongError(msg)
            yield piece

    response.iter_content = counted  # type: ignore[method-assign]


class _TimedAdapter(HTTPAdapter):
    """Adds a time-out, which requests lacks, and a second try where a kept connection was closed.

    A service closes a connection that is idle (Orthanc after a second). A request that crosses
    with that end is lost without an answer. Every request here may be sent twice: an instance that
    is stored again is the same instance.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        options["timeout"] = options.get("timeout") or TIMEOUT_SECONDS
        try:
            return super().send(request, *args, **options)
        except requests.ConnectionError as error:
            if not (error.args and isinstance(error.args[0], ProtocolError)):
                raise
        return super().send(request, *args, **options)


class _Login(AuthBase):
    """Authorization header that a `.netrc` file cannot replace and other hosts never get."""

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
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects to another host, which is not followed"
    if isinstance(error, _TooLongError):
        return str(error)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "its answer is damaged"
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

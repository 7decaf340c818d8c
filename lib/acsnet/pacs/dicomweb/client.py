"""Searches, retrieves and stores at one DICOMweb service."""

import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from email.message import Message
from typing import Any
from urllib.parse import quote

import requests
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from acsnet.dicom import dicom_json
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files.dicom_file import DAMAGED, quiet_pydicom, text_of
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb.answer import MAX_JSON_BYTES, Answer
from acsnet.pacs.dicomweb.search import (
    JSON,
    NO_MATCH,
    Page,
    PageSizes,
    all_matches,
    is_past_end,
    page_of,
    query_text,
)
from acsnet.pacs.dicomweb.session import (
    check_status,
    is_lost,
    open_session,
    reason_of,
    status_of,
)
from acsnet.pacs.dicomweb.stow import NotStoredError, body_of, failure_in, is_said_stored

MAX_ANSWER_BYTES = 256 * 2**20  # an image or a segmentation has a tenth of that
PLACES, PLACE_S = 16, 2.0
"""Requests at once, and how long one more waits: a service that hangs must not hold all threads."""

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

logger = logging.getLogger(__name__)


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
        self.page_sizes = PageSizes()
        self._max_json_bytes = max_json_bytes
        self._places = threading.BoundedSemaphore(PLACES)
        self._session = open_session(settings, max_bytes=max_bytes)
        self._client = _Client(self.address, session=self._session, permissive_uid=True)
        self._client.set_http_retry_params(retry=False)

    def search_series(
        self,
        keys: Mapping[str, str],
        *,
        on_cut: Callable[[str], None] = lambda warning: logger.warning("%s", warning),
    ) -> list[Dataset]:
        """The series that match `keys` (QIDO-RS), all pages, each series of a study once.

        on_cut: is told, in a sentence, where the service says that it does not tell all. Raises
        PacsError.
        """
        query = [*keys.items(), *(("includefield", field) for field in SERIES_FIELDS)]

        def page_at(limits: list[tuple[str, str]]) -> Page:
            try:
                page = self._search("series", [*query, *limits], what="search for series")
            except PacsError as error:
                if is_past_end(limits, status_of(error.__cause__)):
                    return Page(matches=[], is_refused=True)
                raise
            with self._request("search for series"):
                return replace(page, matches=list(map(dicom_json.header, page.matches)))

        def cut(warning: str) -> None:
            on_cut(f"{self.address} does not tell all series that match {dict(keys)}: {warning}")

        headers = []
        for header in all_matches(page_at, identity=_series_of, on_cut=cut):
            headers.append(header)
            if len(headers) > MAX_SERIES:
                msg = (
                    f"{self.address} has more than {MAX_SERIES} series that match {dict(keys)}: "
                    "narrow the search with ACSNET_PACS_SEARCH"
                )
                raise PacsError(msg)
        return headers

    def headers(self, study: str, series: str) -> list[Dataset]:
        """Headers of all instances of a series, without pixels (WADO-RS)."""
        _check_uids(study, series)
        with self._request(f"headers of series {series}"):
            answers = self._client.retrieve_series_metadata(study, series)
            return [dicom_json.header(answer) for answer in dicom_json.objects_in(answers)]

    def instance(self, study: str, series: str, instance: str) -> Dataset:
        """One instance with pixels (WADO-RS), uncompressed if the service can do that."""
        _check_uids(study, series, instance)
        try:
            with self._request(f"image {instance}"):
                return self._retrieve(study, series, instance, str(ExplicitVRLittleEndian))
        except PacsError as error:
            if status_of(error.__cause__) not in _NOT_DECODED:
                raise
        with self._request(f"image {instance}"):
            return self._retrieve(study, series, instance, "*")

    def store(self, dataset: Dataset) -> None:
        """Store one instance (STOW-RS).

        It is stored where the service says so, or where it has it afterwards, also if its answer
        was lost. Raises NotStoredError if it has not, or if only this instance is refused.
        """
        with quiet_pydicom():
            uid = text_of(dataset, "SOPInstanceUID")
        body, kind = body_of(dataset)
        what = f"storage of {uid}"
        try:
            with self._request(what):
                answer = self._session.post(
                    f"{self.address}/studies",
                    data=body,
                    headers={"Content-Type": kind, "Accept": JSON},
                )
                check_status(answer)
        except PacsError as error:
            if status_of(error.__cause__) in _NOT_TAKEN:
                raise NotStoredError(str(error)) from error
            if is_lost(error.__cause__) and self._is_known_to_hold(uid):
                return
            raise
        if reason := failure_in(answer):
            msg = f"{self.address}: {what} failed, {reason}"
            raise NotStoredError(msg)
        if not (is_said_stored(answer, uid) or self.has_instance(uid)):
            msg = (
                f"{self.address}: {what} failed, it answered HTTP {answer.status_code} without "
                "saying that it is stored, and does not have it"
            )
            raise NotStoredError(msg)

    def has_instance(self, instance: str) -> bool:
        """Whether the service holds an instance of this SOPInstanceUID."""
        _check_uids(instance)
        query = [("SOPInstanceUID", instance), ("limit", "1")]
        what = "search for an instance"
        try:
            matches = self._search("instances", query, what=what).matches
        except PacsError as error:
            if status_of(error.__cause__) == NO_MATCH:
                return False
            raise
        with self._request(what), quiet_pydicom():
            uids = [text_of(dicom_json.header(match), "SOPInstanceUID") for match in matches]
        return instance in uids

    def _is_known_to_hold(self, instance: str) -> bool:
        try:
            return self.has_instance(instance)
        except PacsError:
            return False

    def fetch(self, path: str, *, query: str = "", accept: str = "*/*") -> Answer:
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

    def _search(self, path: str, query: Iterable[tuple[str, str]], *, what: str) -> Page:
        with self._request(what):
            address = f"{self.address}/{path}?{query_text(query)}"
            return page_of(self._session.get(address, headers={"Accept": JSON}))

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
            msg = f"{self.address}: {what} failed, {reason_of(error)}"
            raise PacsError(msg) from error
        except DAMAGED as error:
            msg = f"{self.address}: {what} failed, its answer cannot be understood"
            raise PacsError(msg) from error
        finally:
            self._places.release()


class _Client(DICOMwebClient):
    """Passes over what stands before the first boundary of an answer, which is no part of it, and
    takes no answer that ends before its last one.
    """

    def _decode_multipart_message(
        self, response: requests.Response, stream: bool
    ) -> Iterator[bytes]:
        """As of the library, to which an answer that was cut short is a whole one."""
        head = Message()
        head["Content-Type"] = response.headers["Content-Type"]
        boundary = head.get_boundary()
        if boundary is not None and f"--{boundary}--".encode() not in response.content:
            raise requests.exceptions.ChunkedEncodingError
        parts: Iterator[bytes] = super()._decode_multipart_message(response, stream)
        return parts

    @classmethod
    def _extract_part_content(cls, part: bytes) -> Any:
        """As of the library, which refuses that text (RFC 2046, section 5.1.1)."""
        return super()._extract_part_content(part) if b"\r\n\r\n" in part else None


def _series_of(header: Dataset) -> tuple[str, str]:
    with quiet_pydicom():
        return text_of(header, "StudyInstanceUID"), text_of(header, "SeriesInstanceUID")


def _check_uids(*uids: str) -> None:
    for uid in uids:
        if not is_uid(uid):
            msg = f"a UID must be digits and dots, at most 64, got {uid!r}"
            raise InputError(msg)

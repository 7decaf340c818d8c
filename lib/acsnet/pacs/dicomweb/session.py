"""HTTP for a DICOMweb service: login, time-outs, bounds, redirects, and faults in words."""

import io
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from acsnet.files.hosts import is_loopback
from acsnet.pacs.config import PacsSettings

TIMEOUT_SECONDS = (5.0, 60.0)  # to connect, and between two parts of an answer
METHOD_IS_KEPT = (307, 308)
"""Redirects after which a POST is still one; after others it is a GET, which stores nothing."""

OF_ALL = (401, 429, 502, 503, 504)
"""Answers that are not about what was asked for; 403 may be, as of a patient who is protected."""


def open_session(settings: PacsSettings, *, max_bytes: int) -> requests.Session:
    """A session with the login of a service; an answer longer than `max_bytes` is broken off."""
    session = _OneHostSession()
    session.hooks["response"].append(partial(_bounded, max_bytes=max_bytes))
    if settings.token:
        session.auth = _Login(f"Bearer {settings.token}")
    elif settings.user:
        pair = f"{settings.user}:{settings.password}".encode()
        session.auth = _Login(f"Basic {b64encode(pair).decode()}")
    for scheme in ("http://", "https://"):
        session.mount(scheme, _TimedAdapter())
    return session


def check_status(response: requests.Response) -> None:
    """Raise HTTPError for every status but those of success, a redirect to nowhere among them."""
    response.raise_for_status()
    if not 200 <= response.status_code < 300:
        raise requests.HTTPError(response=response)


def reason_of(error: requests.RequestException) -> str:
    """Why a request failed, as a part of a sentence."""
    status = status_of(error)
    if status in (401, 403):
        return f"the login was refused (HTTP {status}): see ACSNET_PACS_USER, ACSNET_PACS_TOKEN"
    if status is not None:
        return f"it answered HTTP {status}"
    if isinstance(error, requests.exceptions.JSONDecodeError):
        return "its answer cannot be understood"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted: REQUESTS_CA_BUNDLE names the file of its authority"
    if isinstance(error, _NotFollowedError):
        return str(error)
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, _TooLongError):
        return str(error)
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return "its answer is damaged"
    if isinstance(error, requests.ReadTimeout):
        return f"it did not answer within {TIMEOUT_SECONDS[1]:g} s"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "its answer was cut short"
    return "it cannot be reached"


def status_of(error: BaseException | None) -> int | None:
    """The status of the answer that an error is about; None for none."""
    response = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def is_lost(error: BaseException | None) -> bool:
    """Whether a request that failed may have been carried out: no more is known than that."""
    status = status_of(error)
    if status is not None:
        return status >= 500
    if isinstance(error, (requests.ReadTimeout, requests.exceptions.ChunkedEncodingError)):
        return True
    return _is_broken_off_by(error, ProtocolError, ReadTimeoutError)


def is_of_all(error: BaseException | None) -> bool:
    """Whether a request failed for what other requests would fail for, too: where the service
    cannot be reached, does not answer in time, is asked too much or knows the login no more.
    """
    status = status_of(error)
    if status is not None:
        return status in OF_ALL
    return error is None or isinstance(error, (requests.ConnectionError, requests.Timeout))


def _is_broken_off_by(error: BaseException | None, *causes: type[Exception]) -> bool:
    return isinstance(error, requests.ConnectionError) and isinstance(
        next(iter(error.args), None), causes
    )


class _NotFollowedError(requests.TooManyRedirects):
    """A redirect that is not followed."""


class _OneHostSession(requests.Session):
    """Follows no redirect to another host, which would choose what this server asks for, and none
    that makes another request of a POST, such as that to the page of a login.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """As of requests. Raises TooManyRedirects for a redirect that is not followed."""
        target: str | None = super().get_redirect_target(resp)
        if target is None:
            return None
        before, after = urlsplit(resp.url), urlsplit(urljoin(resp.url, target))
        if (before.scheme, before.netloc) != (after.scheme, after.netloc):
            secure = after.scheme == "https" and before.hostname == after.hostname
            where = "https: give that address" if secure else "another host, which is not followed"
            msg = f"it redirects to {where}"
            raise _NotFollowedError(msg)
        if resp.request.method == "POST" and resp.status_code not in METHOD_IS_KEPT:
            msg = f"it redirects what it is sent (HTTP {resp.status_code}) and does not take it"
            raise _NotFollowedError(msg)
        return target


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

    What goes to this machine goes by no proxy, for which the address is that of its own.

    A service closes a connection that is idle (Orthanc after a second). A request that crosses
    with that end is lost without an answer. Every request here may be sent twice: an instance that
    is stored again is the same instance.
    """

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        options["timeout"] = options.get("timeout") or TIMEOUT_SECONDS
        if is_loopback(urlsplit(request.url or "").hostname or ""):
            options["proxies"] = None
        try:
            return super().send(request, *args, **options)
        except requests.ConnectionError as error:
            if not _is_broken_off_by(error, ProtocolError):
                raise
        if isinstance(request.body, io.BytesIO):
            request.body.seek(0)
        return super().send(request, *args, **options)


class _Login(AuthBase):
    """Authorization header that a `.netrc` file cannot replace and other hosts never get."""

    def __init__(self, value: str) -> None:
        self._value = value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._value
        return request

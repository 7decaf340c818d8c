"""Searches of a DICOMweb service (QIDO-RS, PS3.18 section 10.6), page by page to their end."""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import requests

from acsnet.dicom.dicom_json import objects_in
from acsnet.pacs.dicomweb.session import check_status

PAGE = 200
"""Matches that are asked for at once: some services, such as that of Azure, refuse more."""
JSON = "application/dicom+json"
CUT = "299"
"""Code of the warning that a service did not tell all that it found (PS3.18 section 8.3.4.4)."""
NO_MATCH = 404
"""Answer of some services to a search that finds nothing, where others give an empty list."""
PAST_END = (400, NO_MATCH, 416)
"""Answers of some services to an offset behind their last match, where others give none."""
REFUSED = '299 ACSNet: "it refuses to be asked for more than it gave at once"'

AS_IT_IS = "*?,:="
"""What DICOM matching is written with, and RFC 3986 allows in a query: Orthanc's plug-in in Debian
decodes nothing, and would look for a name with `%2A` in it."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """A part of what a search found.

    warning: of the service, as in the header of this name; is_refused: it gave none, but an error.
    """

    matches: list[Any]
    warning: str = ""
    is_refused: bool = False


class PageSizes:
    """The most matches that one service ever gave at once, for each kind of search.

    One that gives so many at most, and does not say so, gives no fewer while there are more.
    """

    def __init__(self) -> None:
        self._largest: dict[str, int] = {}

    def is_whole(self, kind: str, page: Page) -> bool:
        """Whether nothing follows a page of a kind of search; its size is noted."""
        largest, size = self._largest.get(kind, 0), len(page.matches)
        self._largest[kind] = max(largest, size)
        return size < largest and CUT not in page.warning


def query_text(query: Iterable[tuple[str, str]]) -> str:
    """A query of an address; every service reads it, also one that decodes nothing of it."""
    return urlencode(list(query), safe=AS_IT_IS, quote_via=quote)


def page_of(response: requests.Response) -> Page:
    """A page in JSON. Raises HTTPError for a failed request, ValueError for other content."""
    check_status(response)
    matches = objects_in(json.loads(response.content.decode("utf-8", "replace") or "[]"))
    return Page(matches=matches, warning=response.headers.get("Warning", ""))


def is_past_end(limits: Iterable[tuple[str, str]], status: int | None) -> bool:
    """Whether an error says that a search has no further page, by the keys of `all_matches`."""
    return status in PAST_END and int(dict(limits).get("offset", "0")) > 0


def all_matches(
    page_at: Callable[[list[tuple[str, str]]], Page],
    *,
    identity: Callable[[Any], Hashable],
    on_cut: Callable[[str], None],
    is_whole: Callable[[Page], bool] = lambda page: False,
) -> Iterator[Any]:
    """All matches of a search, each once.

    A service may give fewer at once than it is asked for, and may know no pages at all: it is asked
    until a page is empty, refused or holds nothing new.

    Args:
        page_at: asks for a page, by its keys `limit` and `offset`.
        identity: what two matches that are the same share.
        on_cut: gets the warning of a service that does not tell the rest.
        is_whole: whether nothing can follow a page, so that no further one is asked for.

    Yields:
        The matches, in the order of the service.
    """
    known: set[Hashable] = set()
    received, last = 0, Page(matches=[])
    while True:
        page = page_at([("limit", str(PAGE)), ("offset", str(received))])
        received += len(page.matches)
        before = len(known)
        for match in page.matches:
            if (name := identity(match)) not in known:
                known.add(name)
                yield match
        if len(known) == before:
            refused_more = page.is_refused and len(last.matches) >= PAGE
            warning = page.warning or last.warning or (REFUSED if refused_more else "")
            if CUT in warning:
                on_cut(warning)
            return
        if is_whole(page):
            return
        last = page

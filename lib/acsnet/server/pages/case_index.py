"""The work list: every case in every order, of which only those are built anew that have changed.

A request costs what was changed since the one before, a filter, and the cases that are shown.
"""

import threading
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from acsnet.annotations.reading_details import DetailsStore
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.pages.cases import Case, State, build_case
from acsnet.server.state.paths import DETAILS
from acsnet.storage import natural_order

ORDERS: dict[str, Any] = {
    "case": lambda case: natural_order(case.title),
    "date": lambda case: case.date or None,
    "state": lambda case: list(State).index(case.state),
    "flags": lambda case: len(case.warnings),
    "burden": lambda case: case.measure("scar_burden_percent"),
    "saved": lambda case: case.shown.saved if case.shown else None,
}
"""What the work list can be sorted by."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A case at a revision, the text that searches go through, and its keys in each order."""

    revision: Hashable
    case: Case
    text: str
    keys: Mapping[str, Any]


class Listed:
    """All cases as they are at one moment; counts: of each state; titles: by id."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = sorted(rows, key=lambda row: (row.keys["case"], natural_order(row.case.id)))
        self._ordered: dict[str, list[Row]] = {}
        self.titles = {row.case.id: row.case.title for row in self._rows}
        self.counts = Counter(row.case.state.value for row in self._rows)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def chosen(
        self, *, state: str = "", text: str = "", study: str = "", sort: str = ""
    ) -> list[Case]:
        """Cases by state, text and study, in order.

        sort: a key of `ORDERS`, after "-" for the opposite order; cases without a number come last.
        """
        wanted = text.casefold()
        return [
            row.case
            for row in self._in_order(sort)
            if state in ("", row.case.state.value)
            and study in ("", row.case.study)
            and wanted in row.text
        ]

    def _in_order(self, sort: str) -> list[Row]:
        name, reverse = sort.removeprefix("-"), sort.startswith("-")
        name = name if name in ORDERS else "case"
        order = f"{'-' * reverse}{name}"
        if order not in self._ordered:
            known = [row for row in self._rows if row.keys[name] is not None]
            known.sort(key=lambda row: row.keys[name], reverse=reverse)
            unknown = [row for row in self._rows if row.keys[name] is None]
            self._ordered[order] = known + unknown
        return self._ordered[order]


class CaseIndex:
    """Keeps the cases of one store ready."""

    def __init__(self, store: StudyStore) -> None:
        self._store = store
        self._details = DetailsStore(store.folder / DETAILS)
        self._change = threading.Lock()
        self._generation: Hashable = None
        self._entered: tuple[int, dict[str, int]] = (0, {})
        self._rows: dict[str, Row] = {}
        self._listed = Listed(())

    def listed(self) -> Listed:
        """Every case there is now."""
        self._store.status()  # a folder is looked at again, a PACS when its list has grown old
        with self._change:
            of_scans, entered = self._store.generation(), self._details.generation()
            generation = of_scans, entered
            if of_scans is None or generation != self._generation:
                if entered != self._entered[0]:
                    images = self._store.list_images()
                    self._entered = (
                        entered,
                        {image: self._details.revision(image) for image in images},
                    )
                self._rows = {image: self._row(image) for image in self._store.list_images()}
                self._listed = Listed(self._rows.values())
                self._generation = generation
            return self._listed

    def _row(self, image: str) -> Row:
        of_scan, known = self._store.revision(image), self._rows.get(image)
        revision = of_scan, self._entered[1].get(image, 0)
        if known is not None and of_scan is not None and known.revision == revision:
            return known
        case = build_case(self._store, image)
        return Row(
            revision=revision,
            case=case,
            text=f"{case.id} {case.title} {case.details} {case.names} {case.date}".casefold(),
            keys={name: key(case) for name, key in ORDERS.items()},
        )


@lru_cache(maxsize=4)
def index_of(store: StudyStore) -> CaseIndex:
    """The one index of a store."""
    return CaseIndex(store)

"""The measures and warnings of a label map as they hold now, with what a reader entered.

On record are those of when it came in. A body size that was entered since changes indices alone,
which are worked out from the numbers on record. For marks that were entered, moved or taken back,
a body size that was taken back, and another version of `features.json` it is measured anew.
"""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from acsnet.annotations.marks import depends_on_given, given_of, measure_marked
from acsnet.annotations.reading_details import MARKS, SavedDetails
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.quantify.body_size import HEADER_NOT_USED, BodySize, with_body
from acsnet.quantify.features_document import SCHEMA
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.result import Measured
from acsnet.scan import named_as_case
from acsnet.server.datastores.label_reports import (
    GIVEN,
    features_with,
    given_for,
    plain_given,
    warnings_with,
)
from acsnet.server.datastores.protocol import LabelRecord, StudyStore, find_record
from acsnet.server.errors import LoadError, VolumesError
from acsnet.server.inference.work_queue import VOLUME_RETRY_S, VOLUME_WAIT_S, volume_place

logger = logging.getLogger(__name__)

MOST = 200
"""Label maps whose measures of now are remembered, while the server runs: some 100 kB each."""

PAGE_WAIT_S = 2.0
"""For which a page waits for a place to measure a label map in."""

NOT_ANEW = "the measures are those of when it was saved, as it was not measured anew: "

NOT_LOOKED_AT = "open it to have it measured"


def opened(store: StudyStore, image: str, record: LabelRecord) -> tuple[Path, LabelRecord]:
    """The file of a label map, and its record, read after it: a PACS store checks as it reads.

    Raises as `StudyStore.version_uri`, ReplacedError where another one is there meanwhile.
    """
    file = Path(store.version_uri(image, record))
    return file, find_record(store.label_records(image), record.name, saved=record.moment)


def measured_anew(
    store: StudyStore, image: str, record: LabelRecord, file: Path, *, given: Given
) -> Measured:
    """A label map, as `opened` gives it, measured with what is entered now, `given`.

    Its warnings are those on record that still hold, and those of now. Takes a `volume_place`
    around it. Raises AcsnetError where scan or label map cannot be read or the map is empty.
    """
    scan = named_as_case(read_scan(store.get_image_uri(image)), image)
    labels = read_client_labels(file, grid=scan.grid)
    measured = measure_marked(scan, labels, given=given)
    return replace(measured, warnings=warnings_with(record.warnings, measured))


def known_now(store: StudyStore, image: str, record: LabelRecord) -> dict[str, Any] | None:
    """The measures of now where those on record tell them; None where it is to be measured anew."""
    features = dict(record.features)
    if features.get("schema") != SCHEMA or GIVEN not in features:
        return None
    given = given_for(store.folder, image, scan=store.drawn_state_now(image))
    before, now = features[GIVEN], plain_given(given)
    if before == now:
        return features
    is_known = _marks(before) == _marks(now)
    if not is_known or given.height_cm is None or given.weight_kg is None:
        return None
    body = BodySize(height_cm=given.height_cm, weight_kg=given.weight_kg)
    return {**with_body(features, body), GIVEN: now}


def features_now(
    store: StudyStore, image: str, record: LabelRecord, measured: Measured
) -> dict[str, Any]:
    """The content of `features.json` of a label map that was measured anew."""
    known = known_now(store, image, record)
    if known is None:
        return features_with(record.features, measured)
    return {**known, "warnings": list(measured.warnings)}


class MeasuresNow:
    """Gives the label maps of one store with the measures that hold now."""

    def __init__(self, store: StudyStore) -> None:
        self._store = store
        self._change = threading.Lock()
        self._known: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()
        self._under_way: dict[Hashable, threading.Lock] = {}

    def of(self, image: str, record: LabelRecord) -> LabelRecord:
        """A label map with features, and so warnings, as they hold now, for a page.

        They stay as on record where it was not measured, is empty or of an earlier state of the
        scan; where it cannot be measured, or has no place soon, with a warning.
        """
        try:
            return self.surely_of(image, record, wait_s=PAGE_WAIT_S)
        except LoadError as error:
            return _as_saved(record, str(error))

    def surely_of(
        self, image: str, record: LabelRecord, *, wait_s: float = VOLUME_WAIT_S
    ) -> LabelRecord:
        """As `of`, for who wants the measures alone. Raises LoadError while there is no place."""
        known = self._known_now(image, record)
        if known is not None:
            return known
        try:
            return replace(record, features=self._anew(image, record, wait_s=wait_s))
        except LoadError:
            raise
        except AcsnetError as error:
            return _as_saved(record, str(error))
        except OSError:
            logger.exception("a label map or its scan cannot be read")
            return _as_saved(record, "its files cannot be read")

    def at_once_of(self, image: str, record: LabelRecord) -> LabelRecord:
        """As `of`, but it is never measured: for one among many."""
        known = self._known_now(image, record)
        return _as_saved(record, NOT_LOOKED_AT) if known is None else known

    def _known_now(self, image: str, record: LabelRecord) -> LabelRecord | None:
        """It with its measures of now; None where it is to be measured anew."""
        is_empty = record.features.get("lv_volume_ml", 0.0) is None
        if not record.features or is_empty or not record.current:
            return record
        features = known_now(self._store, image, record)
        if features is None:
            features = self._remembered(self._key(image, record, self._given(image)))
        return None if features is None else replace(record, features=features)

    def _anew(self, image: str, record: LabelRecord, *, wait_s: float) -> dict[str, Any]:
        store, given = self._store, self._given(image)
        key = self._key(image, record, given)
        with self._turn(key, wait_s=wait_s):
            known = self._remembered(key)
            if known is not None:
                return known
            with volume_place(wait_s=wait_s):
                file, record = opened(store, image, record)
                key = self._key(image, record, given)
                measured = measured_anew(store, image, record, file, given=given)
            features = features_with(record.features, measured)
            with self._change:
                self._known[key] = features
                while len(self._known) > MOST:
                    self._known.popitem(last=False)
        return features

    @contextmanager
    def _turn(self, key: Hashable, *, wait_s: float) -> Iterator[None]:
        """Those who want the same at the same time wait for the one who measures it."""
        with self._change:
            turn = self._under_way.setdefault(key, threading.Lock())
        if not turn.acquire(timeout=wait_s):
            msg = "it is being measured already: ask again later"
            raise VolumesError(msg, retry_after=VOLUME_RETRY_S)
        try:
            yield
        finally:
            with self._change:
                self._under_way.pop(key, None)
            turn.release()

    def _remembered(self, key: Hashable) -> dict[str, Any] | None:
        with self._change:
            if key not in self._known:
                return None
            self._known.move_to_end(key)
            return self._known[key]

    def _given(self, image: str) -> Given:
        store = self._store
        return given_for(store.folder, image, scan=store.drawn_state_now(image))

    def _key(self, image: str, record: LabelRecord, given: Given) -> Hashable:
        """All that the measures of now depend on."""
        noted = json.dumps(record.features, sort_keys=True)
        files = self._store.image_fingerprint(image)
        return image, files, record.name, record.saved, hash(noted), repr(given)


@lru_cache(maxsize=4)
def measures_of(store: StudyStore) -> MeasuresNow:
    """The measures of now of a store."""
    return MeasuresNow(store)


def warnings_listed(record: LabelRecord, entered: SavedDetails | None) -> tuple[str, ...]:
    """Warnings on record that hold now for sure: a list does not measure each label map anew.

    Left out are those that what was entered or taken back since may have ended.
    entered: for the case, None for nothing.
    """
    now = plain_given(NOTHING if entered is None else given_of(entered.details))
    if _marks(record.features.get(GIVEN, {})) != _marks(now):
        return tuple(text for text in record.warnings if not depends_on_given(text))
    if now["height_cm"] is None:
        return record.warnings
    return tuple(text for text in record.warnings if not text.startswith(HEADER_NOT_USED))


def _as_saved(record: LabelRecord, why: str) -> LabelRecord:
    """It as on record, with a warning that says why."""
    warnings = [*record.features.get("warnings", ()), f"{NOT_ANEW}{why}"]
    return replace(record, features={**record.features, "warnings": warnings})


def _marks(given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The marks of what `plain_given` gives."""
    return tuple(given.get(name) for name in MARKS)

"""The measures and warnings of a label map as they hold now, with what a reader entered.

On record are those of when it came in. Body size and marks that were entered or taken back since
change them, and so does another version of `features.json`: it is then measured anew.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from acsnet.annotations.marks import NOT_USED, depends_on_given, given_of, measure_marked
from acsnet.annotations.reading_details import DetailsStore, SavedDetails
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.quantify.features_document import SCHEMA
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.result import Measured
from acsnet.server.datastores.label_reports import features_with, given_for, warnings_with
from acsnet.server.datastores.protocol import LabelRecord, StudyStore, record_called
from acsnet.server.errors import LoadError
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.paths import DETAILS

MOST = 200
"""Label maps whose measures of now are remembered, while the server runs: some 100 kB each."""

NOT_ANEW = "the measures are those of when it was saved, as it cannot be measured anew: "


def opened(store: StudyStore, image: str, record: LabelRecord) -> tuple[Path, LabelRecord]:
    """The file of a label map, and its record, read after it: a PACS store checks as it reads.

    Raises as `StudyStore.version_uri`, ReplacedError where another one is there meanwhile.
    """
    file = Path(store.version_uri(image, record))
    return file, record_called(store.label_records(image), record.name, saved=record.moment)


def measured_anew(
    store: StudyStore, image: str, record: LabelRecord, file: Path, *, given: Given
) -> Measured:
    """A label map, as `opened` gives it, measured with what is entered now, `given`.

    Its warnings are those on record that still hold, and those of now. Takes a `volume_place`
    around it. Raises AcsnetError where scan or label map cannot be read or the map is empty.
    """
    scan = read_scan(store.get_image_uri(image))
    labels = read_client_labels(file, grid=scan.grid)
    measured = measure_marked(scan, labels, given=given)
    return replace(measured, warnings=warnings_with(record.warnings, measured))


def holds(store: StudyStore, image: str, record: LabelRecord) -> bool:
    """Whether the measures on record are those of now: nothing is entered, nor was it then."""
    features, scan = record.features, store.drawn_state_now(image)
    entered, faults = DetailsStore(store.folder / DETAILS).read(image, scan=scan)
    if features.get("schema") != SCHEMA or _is_marked(features):
        return False
    if entered is None and not faults:
        return True  # a body size on record is that of the header
    return features["height_cm"] is None and _given(entered) == NOTHING


def features_now(
    store: StudyStore, image: str, record: LabelRecord, measured: Measured
) -> dict[str, Any]:
    """The content of `features.json` of a label map that was measured anew."""
    if holds(store, image, record):
        return {**record.features, "warnings": list(measured.warnings)}
    return features_with(record.features, measured)


class MeasuresNow:
    """Gives the label maps of one store with the measures that hold now."""

    def __init__(self, store: StudyStore) -> None:
        self._store = store
        self._change = threading.Lock()
        self._known: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()

    def of(self, image: str, record: LabelRecord) -> LabelRecord:
        """A label map with features, and so warnings, as they hold now.

        They stay as on record where it was not measured, is empty or of an earlier state of the
        scan; where it cannot be read, with a warning. Raises LoadError while there is no place.
        """
        is_empty = record.features.get("lv_volume_ml", 0.0) is None
        if not record.features or is_empty or not record.current:
            return record
        if holds(self._store, image, record):
            return record
        try:
            return replace(record, features=self._anew(image, record))
        except LoadError:
            raise
        except AcsnetError as error:
            warnings = [*record.features.get("warnings", ()), f"{NOT_ANEW}{error}"]
            return replace(record, features={**record.features, "warnings": warnings})

    def _anew(self, image: str, record: LabelRecord) -> dict[str, Any]:
        store = self._store
        given = given_for(store.folder, image, scan=store.drawn_state_now(image))
        key = self._key(image, record, given)
        with self._change:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        with volume_place():
            file, record = opened(store, image, record)
            key = self._key(image, record, given)
            measured = measured_anew(store, image, record, file, given=given)
        features = features_with(record.features, measured)
        with self._change:
            self._known[key] = features
            while len(self._known) > MOST:
                self._known.popitem(last=False)
        return features

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

    Left out are those that marks which were entered or taken back since may have ended.
    entered: for the case, None for nothing.
    """
    if entered is None or (record.saved is not None and entered.saved <= record.saved):
        return record.warnings
    given = _given(entered)
    marks = given.rv_insertion_by_slice, given.remote_by_slice
    if marks == (None, None) and not _is_marked(record.features):
        return record.warnings
    return tuple(warning for warning in record.warnings if not depends_on_given(warning))


def _given(entered: SavedDetails | None) -> Given:
    return NOTHING if entered is None else given_of(entered.details)


def _is_marked(features: Mapping[str, Any]) -> bool:
    """Whether a mark was given when measures were noted, used or not."""
    sources = [(features.get(part) or {}).get("source") for part in ("rv_insertion", "remote")]
    unused = (text for text in features.get("warnings", ()) if text.startswith(NOT_USED))
    return "given" in sources or any(unused)

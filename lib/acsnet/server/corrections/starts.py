"""What a reader's clicks start from: their own newest version, the accepted one, the draft."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import AcsnetError
from acsnet.io.client_labels import read_client_labels
from acsnet.scan import ShortAxisScan
from acsnet.server.corrections.reader_states import Start
from acsnet.server.datastores.label_intake import NOBODY
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED
from acsnet.server.datastores.protocol import StudyStore, find_record, record_under_tag
from acsnet.server.inference.tasks import SavedLabel

OWN, ACCEPTED, FROM_MODEL = "own", "accepted", "draft"
SOURCES = (OWN, ACCEPTED, FROM_MODEL)
NAMED, SENT = "version", "sent"
"""Other sources: a label map by its id or tag, one that a client sent."""


def own_version(store: StudyStore, image: str, author: str) -> str:
    """Id of a reader's newest version of a scan as it is now; empty where there is none."""
    if author == NOBODY:
        return ""
    records = store.label_records(image)
    return next((r.id for r in records if _is_of(r.author, r.state, author) and r.current), "")


def saved_label(store: StudyStore, image: str, author: str) -> SavedLabel | None:
    """What a person saved of a scan as it is now, and a reader has corrected; None for nothing.

    The first there is of: the reader's newest version, the accepted one, another reader's draft.
    """
    records = store.label_records(image)
    if own := own_version(store, image, author):
        source, record = OWN, find_record(records, own)
    elif (accepted := record_under_tag(records, REVIEWED)) is not None:
        source, record = ACCEPTED, accepted
    elif (draft := record_under_tag(records, READER_DRAFT)) is not None:
        source, record = NAMED, draft
    else:
        return None
    file = Path(store.version_uri(image, record))
    return SavedLabel(file=file, source=source, version=record.id, author=record.author)


def _is_of(author: str, state: str, wanted: str) -> bool:
    return author == wanted and state != "withdrawn"


def start_of(
    store: StudyStore,
    image: str,
    scan: ShortAxisScan,
    author: str,
    *,
    run: Callable[[], NDArray[np.uint8]],
    source: str | None = None,
    saved: str = "",
) -> Start:
    """The first there is of: the reader's newest version, the accepted one, the draft, a new run.

    Args:
        store: where the scan is.
        image: its id.
        scan: as read from the store.
        author: the reader.
        run: segments the scan; gives labels on the input's grid.
        source: the one of `SOURCES` that is wanted, or id or tag of a label map; else the first
            there is.
        saved: when that label map was saved, as the reader was shown it.

    Raises:
        UnknownError: there is no such label map.
        ReplacedError: there is another one by that tag now.
        AcsnetError: it cannot be read.
    """
    own, records = own_version(store, image, author), store.label_records(image)
    accepted = record_under_tag(records, REVIEWED)
    if source is not None and source not in SOURCES:
        record = find_record(records, source, saved=saved)
        kind = FROM_MODEL if record.tag == MODEL_DRAFT else NAMED
    elif own and source in (None, OWN):
        kind, record = OWN, find_record(records, own)
    elif accepted is not None and source in (None, ACCEPTED):
        kind, record = ACCEPTED, accepted
    else:
        return _from_model(store, image, scan, run, own=own)
    labels = read_client_labels(Path(store.version_uri(image, record)), grid=scan.grid)
    return Start(source=kind, version=record.id, labels=labels, own=own, model=record.model)


def _from_model(
    store: StudyStore,
    image: str,
    scan: ShortAxisScan,
    run: Callable[[], NDArray[np.uint8]],
    *,
    own: str,
) -> Start:
    """The model's draft, or a new run where there is none."""
    drawn_by = _model_of_draft(store, image)
    draft = _draft(store, image, scan)
    if draft is None:
        draft, drawn_by = run(), _model_of_draft(store, image)
    return Start(source=FROM_MODEL, version="", labels=draft, own=own, model=drawn_by)


def _draft(store: StudyStore, image: str, scan: ShortAxisScan) -> NDArray[np.uint8] | None:
    """The model's draft; None where there is none, or it was damaged and is gone now."""
    try:
        path = store.get_label_uri(image, MODEL_DRAFT)
        return read_client_labels(Path(path), grid=scan.grid) if path else None
    except (AcsnetError, OSError):
        return None


def _model_of_draft(store: StudyStore, image: str) -> str | None:
    record = record_under_tag(store.label_records(image), MODEL_DRAFT)
    return None if record is None else record.model

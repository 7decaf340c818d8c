"""The one way in for a label map that a person drew: checked, measured once and stored.

3D Slicer's `PUT /datastore/label`, the pages, OHIF's store to a folder and MONAI Label's
`save_label` end in `accept_label`; a SEG that a viewer stored in a PACS goes through the same
`measure_marked` when it is first read. Accepting one is `server.acceptance`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.annotations.label_versions import by_networks
from acsnet.annotations.marks import measure_marked
from acsnet.dicom.provenance import State
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_with_warnings
from acsnet.scan import ShortAxisScan, named_as_case
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT
from acsnet.server.datastores.label_reports import given_for, kept_features
from acsnet.server.datastores.protocol import (
    REPLACED,
    LabelRecord,
    NewLabel,
    StudyStore,
    check_same_files,
    scan_to_label,
)
from acsnet.server.errors import ReplacedError, UnknownError
from acsnet.server.identity import signed
from acsnet.server.state.audit_trail import note
from acsnet.server.web import metrics

NOBODY = "unknown annotator"
MAX_AUTHOR = 64
"""Characters of a DICOM person name (PS3.5 table 6.2-1)."""


@dataclass(frozen=True, kw_only=True)
class DrawnLabel:
    """A label map that a person drew, before it is checked and measured.

    Attributes:
        scan: as read from the store.
        labels: (`scan.grid.shape`) values of `acsnet.labels.Label`.
        drawn_on: `StudyStore.state_to_label`, from before the scan was read.
        author: who drew it.
        state: draft or reviewed.
        tag: what the client calls it.
        model: whose draft it began from, see `NewLabel`.
        notes: what its reader noticed, to be among the warnings.
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]
    drawn_on: str
    author: str
    state: State = "draft"
    tag: str = READER_DRAFT
    model: str | None = None
    notes: tuple[str, ...] = ()


def read_drawn_file(
    store: StudyStore, image_id: str, file: Path, *, tag: str, info: Mapping[str, Any]
) -> DrawnLabel:
    """Read the label map in a file on its scan.

    Args:
        store: where the scan is.
        image_id: id of the scan in it.
        file: NIfTI or NRRD, as clients send it.
        tag: what the client calls it.
        info: what the client says of it: `user` or `client_id`, `state`, and `label_info`, the
            viewer's list of segments.

    Raises:
        InputError: wrong name or state, or the file holds other labels than ours.
        GeometryError: the file does not lie on its image.
        UnknownError: the scan was removed meanwhile.
        ReplacedError: the files of the scan are others by now.
    """
    author, state = author_of(info), state_of(info)
    path, drawn_on = scan_to_label(store, image_id)
    try:
        scan = read_scan(path)
    except (InputError, OSError) as error:
        if Path(path).exists():
            raise
        if store.get_image_uri(image_id):
            raise ReplacedError(REPLACED) from error
        msg = f"image {image_id!r} was removed meanwhile"
        raise UnknownError(msg) from error
    labels, notes = read_with_warnings(file, grid=scan.grid, segments=info.get("label_info"))
    return DrawnLabel(
        scan=scan,
        labels=labels,
        drawn_on=drawn_on,
        author=author,
        state=state,
        tag=tag,
        notes=notes,
    )


def accept_label(store: StudyStore, image_id: str, drawn: DrawnLabel) -> LabelRecord:
    """Check, measure with what was entered for the case, and store what a person drew.

    Returns:
        The record of the new version, with its measures and warnings.

    Raises:
        InputError: nothing is drawn, the tag is that of the model's drafts, or the store does not
            take it.
        ReplacedError: the files of the scan are others by now.
    """
    if drawn.tag == MODEL_DRAFT:
        msg = f"the tag {MODEL_DRAFT!r} is reserved for drafts of the model"
        raise InputError(msg)
    check_same_files(store, image_id, drawn.drawn_on)
    given = given_for(store.folder, image_id, scan=store.drawn_state_now(image_id))
    scan = named_as_case(drawn.scan, image_id)
    measured = measure_marked(scan, drawn.labels, notes=drawn.notes, given=given)
    label = NewLabel(
        measured=measured,
        features=kept_features(measured),
        drawn_on=drawn.drawn_on,
        author=drawn.author,
        state=drawn.state,
        tag=drawn.tag,
        model=drawn.model,
    )
    return store.keep_label(image_id, label)


def accept_file(
    store: StudyStore, image_id: str, file: Path, *, tag: str, info: Mapping[str, Any]
) -> LabelRecord:
    """Accept the label map in a file: `read_drawn_file`, then `accept_label`."""
    return accept_label(store, image_id, read_drawn_file(store, image_id, file, tag=tag, info=info))


def save_label(
    store: StudyStore,
    image_id: str,
    drawn: DrawnLabel,
    *,
    on_save: Callable[[], None],
    began: float | None = None,
    through: str = "",
    began_from: str = "",
) -> tuple[LabelRecord, tuple[str, ...]]:
    """Accept a label map, and record a new version: in the audit log, the metrics, by `on_save`.

    A save that was repeated, as its answer did not arrive, makes no new version.

    Args:
        store: where the scan is.
        image_id: id of the scan in it.
        drawn: what was drawn.
        on_save: called for a new version.
        began: `time.perf_counter` when it was asked for.
        through: what it came from, where that is no client of ours.
        began_from: id or tag of the label map that it began from, empty where nobody knows.

    Returns:
        The record, and remarks that are not kept with it: that somebody saved another version
        since, which is kept, and that the line of the log could not be written.

    Raises:
        AcsnetError: as `accept_label`.
    """
    before = store.label_records(image_id)
    record = accept_label(store, image_id, drawn)
    if any(record.id == earlier.id for earlier in before):
        return record, ()
    metrics.SAVES.labels(record.state).inc()
    unnoted = note(
        "save",
        user=record.author,
        model=record.model,
        image=image_id,
        seconds=None if began is None else time.perf_counter() - began,
        details={
            "version": record.id,
            "state": record.state,
            **({"through": through} if through else {}),
        },
    )
    on_save()
    since = _saved_since(before, began_from, besides=record.author) if began_from else ()
    return record, (*since, *unnoted)


def _saved_since(records: Sequence[LabelRecord], version: str, *, besides: str) -> tuple[str, ...]:
    """What is told where somebody saved a version after the one that a drawing began from.

    A draft of the networks that a person accepted is that person's. records: newest first; version:
    id or tag; besides: the person whose own versions are no news.
    """
    if all(version not in (record.id, record.tag) for record in records):
        return ()
    newer = takewhile(lambda record: version not in (record.id, record.tag), records)
    people = (
        record.reviewer if by_networks(record.author) else record.author
        for record in newer
        if record.id
    )
    by = next((name for name in people if name and name != besides), None)
    if by is None:
        return ()
    return (
        f"{by} has saved another version since the one that you began from: both are kept, yours "
        "is the newest; compare them on the case page",
    )


def login_author() -> str:
    """The person of the login, for the audit log."""
    return author_of(signed({}))


def author_of(info: Mapping[str, Any]) -> str:
    """Who saved a label: `user`, or `client_id` as 3D Slicer sends it. Raises InputError.

    The name is what the client says, unless somebody is logged in (`server.identity.signed`).
    """
    names = [info[key] for key in ("user", "client_id") if info.get(key) is not None]
    if not all(isinstance(name, str) for name in names):
        msg = "the annotator's name must be text"
        raise InputError(msg)
    author = next(filter(None, (name.strip() for name in names)), NOBODY)
    if len(author) > MAX_AUTHOR or not author.isprintable():
        msg = f"the annotator's name must be at most {MAX_AUTHOR} printable characters"
        raise InputError(msg)
    if by_networks(author):
        msg = f"{author!r} is reserved for the networks: choose another name"
        raise InputError(msg)
    return author


def state_of(info: Mapping[str, Any]) -> State:
    """`state` as a client sends it: draft or reviewed; draft where it sends none.

    Raises InputError for anything else.
    """
    state = info.get("state") or "draft"
    if state == "draft":
        return "draft"
    if state == "reviewed":
        return "reviewed"
    msg = f"state must be draft or reviewed, got {state!r}"
    raise InputError(msg)

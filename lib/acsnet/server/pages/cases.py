"""The cases of the server as its pages show them: what is there, what was drawn, what is odd."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

from acsnet.active_learning.assignments import Offer, last_offer
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_records import DRAFT, DRAWN, REVIEWED
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.preflight import fingerprint

LONG_AGO = datetime.fromtimestamp(0, timezone.utc)
Store = StudiesDatastore | DicomWebDatastore
"""What cases come from: a folder, or a PACS."""


class State(str, Enum):
    """How far a case has come; `checking` until its files have been read."""

    CHECKING = "checking"
    NEW = "new"
    DRAFT = "draft"
    REVIEWED = "reviewed"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Version:
    """One label map of a case.

    id: of a version, empty for what the model drew in a folder; tag: what it is fetched by, empty
    for one that a newer one has replaced; state: draft, reviewed or withdrawn, or the tag that a
    client chose; author, reviewer: empty if unknown; current: whether the scan is still the one it
    was drawn on; features: as measured when it was saved, or empty.
    """

    id: str
    tag: str
    state: str
    author: str
    reviewer: str
    saved: datetime | None
    current: bool
    features: dict[str, Any]
    seg_refused: str | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scan.

    title and details: how a person knows it; study and series: UIDs, empty for NIfTI; reason: why
    it is refused; remarks: what the reader of its files noticed; versions: newest first; offered:
    which strategy last gave it to a person, and when; why: its reason.
    """

    id: str
    title: str
    details: str
    date: str
    study: str
    series: str
    state: State
    reason: str | None
    remarks: tuple[str, ...]
    versions: tuple[Version, ...]
    offered: str
    why: str

    @property
    def shown(self) -> Version | None:
        """The label map whose numbers stand for the case: reviewed before draft."""
        usable = {version.tag: version for version in self.versions if version.current}
        return usable.get(REVIEWED) or usable.get(DRAWN) or usable.get(DRAFT)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know: of the files, and of the numbers that are shown."""
        measured = self.shown.features.get("warnings", ()) if self.shown else ()
        return tuple(dict.fromkeys((*self.remarks, *measured)))

    def measure(self, name: str) -> float | None:
        """A number of the label map that is shown; None where there is none."""
        value = self.shown.features.get(name) if self.shown else None
        return float(value) if isinstance(value, (int, float)) else None


def all_cases(datastore: Store) -> list[Case]:
    """Every case there is now."""
    datastore.status()  # a folder is looked at again, a PACS when its list has grown old
    return [build_case(datastore, image) for image in datastore.list_images()]


def build_case(datastore: Store, image: str) -> Case:
    """One case of the store; the caller has made sure that it is there."""
    info = datastore.get_image_info(image)
    verdict = datastore.verdict(image)
    versions = _versions(datastore, image)
    tags = {version.tag for version in versions if version.current}
    state = State.NEW if verdict.checked else State.CHECKING
    if verdict.reason is not None:
        state = State.REFUSED
    elif REVIEWED in tags:
        state = State.REVIEWED
    elif tags & {DRAWN, DRAFT}:
        state = State.DRAFT
    title = str(info.get("PatientID") or image)
    name = str(info.get("PatientName", "")).replace("^", " ").strip()
    details = (str(info.get("SeriesDescription", "")), name if name != title else "")
    offer = last_offer(info)
    return Case(
        id=image,
        title=title,
        details=", ".join(part for part in details if part),
        date=_date(str(info.get("StudyDate", ""))),
        study=str(info.get("StudyInstanceUID", "")),
        series=str(info.get("SeriesInstanceUID", "")),
        state=state,
        reason=verdict.reason,
        remarks=verdict.warnings,
        versions=tuple(versions),
        offered=_offered(offer),
        why=offer.reason,
    )


def chosen(
    cases: Iterable[Case], *, state: str = "", text: str = "", study: str = "", sort: str = ""
) -> list[Case]:
    """The cases of a state, with a text in their names, of a study, in an order.

    sort: a key of `ORDERS`, after "-" for the opposite order; cases without a number come last.
    """
    wanted = text.casefold()
    found = [
        case
        for case in cases
        if state in ("", case.state.value)
        and study in ("", case.study)
        and wanted in f"{case.id} {case.title} {case.details} {case.date}".casefold()
    ]
    key = ORDERS.get(sort.removeprefix("-"), ORDERS["case"])
    found.sort(key=lambda case: (case.title, case.id))
    known = [case for case in found if key(case) is not None]
    known.sort(key=key, reverse=sort.startswith("-"))
    return known + [case for case in found if key(case) is None]


ORDERS: dict[str, Any] = {
    "case": lambda case: case.title.casefold(),
    "date": lambda case: case.date or None,
    "state": lambda case: list(State).index(case.state),
    "flags": lambda case: len(case.warnings),
    "burden": lambda case: case.measure("scar_burden_percent"),
    "saved": lambda case: case.shown.saved if case.shown else None,
}
"""What the work list can be sorted by."""


def _versions(datastore: Store, image: str) -> list[Version]:
    found = []
    held = set()
    older: list[dict[str, Any]] = []
    for tag in datastore.get_labels_by_image_id(image):
        info = datastore.get_label_info(image, tag)
        found.append(_version(info, tag, current=_is_current(datastore, image, info)))
        held.add(info.get("version"))
        older = info.get("versions", older)
    found += [
        _version(info, "", current=False) for info in older if info.get("version") not in held
    ]
    return sorted(found, key=lambda version: version.saved or LONG_AGO, reverse=True)


def _version(info: dict[str, Any], tag: str, *, current: bool) -> Version:
    return Version(
        id=str(info.get("version") or ""),
        tag=tag,
        state=str(info.get("state") or {DRAFT: "draft", REVIEWED: "reviewed"}.get(tag, tag)),
        author=str(info.get("user") or info.get("client_id") or ""),
        reviewer=str(info.get("reviewer") or ""),
        saved=_time(info.get("ts")),
        current=current,
        features=info.get("features") or {},
        seg_refused=info.get("seg_refused"),
    )


def _is_current(datastore: Store, image: str, info: dict[str, Any]) -> bool:
    """Whether the scan's files are those that the label map was drawn on, where that is on record.

    In a PACS a segmentation refers to its images, and images never change.
    """
    if "scan" not in info:
        return True
    try:
        return bool(info["scan"] == fingerprint(Path(datastore.get_image_uri(image))))
    except OSError:
        return False


def _date(text: str) -> str:
    """YYYYMMDD -> YYYY-MM-DD; what is no date stays as it is stored."""
    try:
        return f"{datetime.strptime(text, '%Y%m%d'):%Y-%m-%d}"
    except ValueError:
        return text


def _time(seconds: Any) -> datetime | None:
    """Seconds since 1970, 0 or none if unknown -> time of this machine's clock."""
    return datetime.fromtimestamp(int(seconds), timezone.utc).astimezone() if seconds else None


def _offered(offer: Offer) -> str:
    """Which strategy last gave the case to a reader, and when."""
    when = _time(offer.at)
    return f"{offer.strategy}, {when:%Y-%m-%d %H:%M}" if when else ""

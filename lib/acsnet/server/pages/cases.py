"""Cases as the pages show them: a scan, its state, its label maps and its warnings."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from acsnet.active_learning.assignments import Offer, last_offer
from acsnet.annotations.label_versions import by_networks
from acsnet.annotations.reading_details import DetailsStore, SavedDetails
from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.report.patient import person_name
from acsnet.report.wording import ordered_doubts
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED
from acsnet.server.datastores.protocol import LabelRecord, StudyStore, find_record, require_case
from acsnet.server.measures_now import warnings_listed
from acsnet.server.state.paths import DETAILS

UID_END = 6
"""Characters at the end of a SeriesInstanceUID that tell the series of a patient apart."""


class State(str, Enum):
    """State of a case.

    checking: its files have not been read yet; rejected: all that was drawn on it was withdrawn.
    """

    CHECKING = "checking"
    NEW = "new"
    DRAFT = "draft"
    REVIEWED = "reviewed"
    REJECTED = "rejected"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One scan.

    title and details: how a person knows it; study and series: UIDs, empty for NIfTI; reason: why
    it is refused; remarks: what the reader of its files noticed; versions: newest first; offered:
    which strategy last gave it to a person, and when; why: its reason; entered: for the report;
    names: all forms of the patient's name, for searches; uploaded: a client sent it.
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
    versions: tuple[LabelRecord, ...]
    offered: str
    why: str
    entered: SavedDetails | None = None
    names: str = ""
    uploaded: bool = False

    @property
    def shown(self) -> LabelRecord | None:
        """The label map whose numbers stand for the case: reviewed before draft."""
        usable = {record.tag: record for record in self.versions if record.tag and record.current}
        return usable.get(REVIEWED) or usable.get(READER_DRAFT) or usable.get(MODEL_DRAFT)

    @property
    def label_maps(self) -> tuple[LabelRecord, ...]:
        """Each of `versions` once, as the page lists them; of several tags under one of ours."""
        listed: dict[str, LabelRecord] = {}
        for record in self.versions:
            name = record.name
            if name not in listed or record.tag in (REVIEWED, READER_DRAFT, MODEL_DRAFT):
                listed[name] = record
        return tuple(listed.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the work list says of files and numbers, as `ordered_doubts` orders it.

        Not what most scans have: it would tell no case from another.
        """
        measured = warnings_listed(self.shown, self.entered) if self.shown else ()
        doubts = ordered_doubts((*self.remarks, *measured))
        return tuple(doubt for doubt in doubts if not is_sampling_doubt(doubt))

    def measure(self, name: str) -> float | None:
        """A number of the label map that is shown; None where there is none."""
        value = self.shown.features.get(name) if self.shown else None
        return float(value) if isinstance(value, (int, float)) else None


def build_case(datastore: StudyStore, image: str) -> Case:
    """Build one case of the store; it must exist."""
    info = datastore.get_image_info(image)
    verdict = datastore.verdict(image)
    versions = datastore.label_records(image)
    tags = {version.tag for version in versions if version.tag and version.current}
    state = State.NEW if verdict.checked else State.CHECKING
    if verdict.reason is not None:
        state = State.REFUSED
    elif REVIEWED in tags:
        state = State.REVIEWED
    elif tags & {READER_DRAFT, MODEL_DRAFT}:
        state = State.DRAFT
    elif (now := [version for version in versions if version.current]) and all(
        version.state == "withdrawn" for version in now
    ):
        state = State.REJECTED
    title = str(info.get("PatientID") or image)
    names = str(info.get("PatientName", "")).replace("^", " ").strip()
    name = person_name(names)
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
        remarks=(*verdict.warnings, *_lost(versions)),
        versions=versions,
        offered=_offered(offer),
        why=offer.reason,
        entered=_entered(datastore, image),
        names=names,
        uploaded=bool(info.get("uploaded")),
    )


def _entered(store: StudyStore, image: str) -> SavedDetails | None:
    """What was entered for a case; of most there is nothing, and their files are not looked at."""
    details = DetailsStore(store.folder / DETAILS)
    if not details.revision(image):
        return None
    return details.read(image, scan=store.drawn_state_now(image))[0]


def _lost(versions: Sequence[LabelRecord]) -> tuple[str, ...]:
    """A remark where people's label maps stand for the case no more, as its scan is another."""
    drawn = [version for version in versions if version.id and version.state != "withdrawn"]
    if not drawn or any(version.current for version in drawn):
        return ()
    return ("what was drawn on an earlier state of the scan is not used: draw it again",)


def find_case(store: StudyStore, image: str) -> Case:
    """A case by its id. Raises UnknownError."""
    require_case(store, image)
    return build_case(store, image)


def version_of(store: StudyStore, image: str, name: str) -> LabelRecord:
    """The label map of a case under an id or tag. Raises UnknownError."""
    return find_record(find_case(store, image).versions, name)


def download_name(store: StudyStore, image: str, version: LabelRecord, ending: str) -> str:
    """The name of a file of a label map: no other one of its patient has the same.

    It begins with the patient of a series, whose id is a UID, and names when it was saved.
    """
    info = store.get_image_info(image)
    patient, series = str(info.get("PatientID") or ""), str(info.get("SeriesInstanceUID") or "")
    case = f"{patient}-{series[-UID_END:].lstrip('.')}" if patient else image
    plain = re.sub(r"[^\w.+-]+", "_", case)
    saved = f"-{version.saved:%Y%m%d-%H%M%S}" if version.saved else ""
    return f"{plain}-{version.state}{saved}{ending}"


def _date(text: str) -> str:
    """YYYYMMDD -> YYYY-MM-DD, YYYY0000 -> YYYY; what is no date stays as it is stored."""
    if len(text) == len("YYYYMMDD") and text.isdecimal() and text.endswith("0000"):
        return text[:4]
    try:
        return f"{datetime.strptime(text, '%Y%m%d'):%Y-%m-%d}"
    except ValueError:
        return text


def called(version: LabelRecord) -> str:
    """What a page calls a label map: its state and whose it is."""
    by = "the networks" if by_networks(version.author) else version.author or "unknown"
    if version.state == "reviewed":
        return f"reviewed by {version.reviewer or by}"
    return f"draft by {by}" if version.state == "draft" else f"{version.state}, drawn by {by}"


def _offered(offer: Offer) -> str:
    """Which strategy last gave the case to a reader, and when."""
    if not offer.at:
        return ""
    when = datetime.fromtimestamp(offer.at, timezone.utc).astimezone()
    return f"{offer.strategy}, {when:%Y-%m-%d %H:%M %Z}"

"""Labels and model drafts among the segmentations (SEG) of a PACS.

A draft by the model never counts as reviewed, even where the archive has changed some of its tags.
A SEG saved from a viewer is a reviewed label if its segments have our names, unless it came through
our server, which marks it as a draft (`server.dicomweb.stow_pacs`); all others belong to other
software and are ignored.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Literal

from pydicom.dataset import Dataset

from acsnet.dicom.provenance import MAKER, State
from acsnet.dicom.seg_frames import source_images
from acsnet.dicom.seg_labels import is_seg, own_state, segments_of
from acsnet.dicom.seg_write import CONTENT_LABEL
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.labels import find_label
from acsnet.pacs.dicomweb import is_uid

MODEL = "ACSNet"  # the author of the model's drafts

REPORTS = ("SR", "DOC")
"""Modalities of the measures and of the pages that lie beside our SEGs."""

OFFSET = "TimezoneOffsetFromUTC"
MADE = ("Content", "InstanceCreation", "Series")
"""How the tags begin that say when a SEG was made: the first with a date counts."""

UNDATED = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A SEG with labels.

    state: `withdrawn` where the server's own notes say so, which no SEG does; made_at: None where
    it has no date; of_series: UIDs of the MR series drawn on; of_images: SOPInstanceUID and
    number of a frame, or 0, of each image that it names; ours: whether it is dated by this program.
    """

    state: State | Literal["withdrawn"]
    author: str
    made_at: datetime | None
    study: str
    series: str
    instance: str
    of_series: tuple[str, ...]
    of_images: frozenset[tuple[str, int]] = frozenset()
    ours: bool = False

    @property
    def by_model(self) -> bool:
        """Whether it is a draft by the model."""
        return self.state == "draft" and self.author == MODEL


def annotation_of(header: Dataset) -> Annotation | None:
    """The annotation in the header of a SEG; None if it is none of ours or names no series."""
    with quiet_pydicom():
        state = _state(header)
        study, series, instance = (
            text_of(header, tag)
            for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        )
        referenced = header.get("ReferencedSeriesSequence") or []
        if state is None or not referenced or not all(map(is_uid, (study, series, instance))):
            return None
        return Annotation(
            state=state,
            author=text_of(header, "ContentCreatorName") or "unknown",
            made_at=_made_at(header),
            study=study,
            series=series,
            instance=instance,
            of_series=tuple(text_of(item, "SeriesInstanceUID") for item in referenced),
            of_images=images_of(header),
            ours=_is_ours(header),
        )


def images_of(seg: Dataset) -> frozenset[tuple[str, int]]:
    """The images that the frames of a SEG name, else those that it names as a whole.

    SOPInstanceUID and number of a frame, 0 where it is one image.
    """
    items = (
        *(seg.get("PerFrameFunctionalGroupsSequence") or []),
        *(seg.get("SharedFunctionalGroupsSequence") or []),
    )
    named = [reference for item in items for reference in source_images(item)]
    if not named:
        listed = seg.get("ReferencedSeriesSequence") or []
        named = [
            reference
            for item in listed
            for reference in item.get("ReferencedInstanceSequence") or []
        ]
    images = set()
    for reference in named:
        frames = text_of(reference, "ReferencedFrameNumber").split("\\")
        uid = text_of(reference, "ReferencedSOPInstanceUID")
        images |= {(uid, int(frame) if frame.isdecimal() else 0) for frame in frames}
    return frozenset(images)


def is_derived(header: Dataset, series: Collection[str]) -> bool:
    """Whether an object is a SEG on one of some series, or a report of this program."""
    with quiet_pydicom():
        if is_seg(header):
            referenced = header.get("ReferencedSeriesSequence") or []
            return any(text_of(item, "SeriesInstanceUID") in series for item in referenced)
        made = text_of(header, "Manufacturer") == MAKER
        return made and text_of(header, "Modality") in REPORTS


def newest_first(annotations: list[Annotation]) -> tuple[Annotation, ...]:
    """Annotations by date, newest first: the first is the current one."""
    now = datetime.now(timezone.utc)

    def order(annotation: Annotation) -> tuple[bool, datetime, str]:
        is_dated = _is_believed(annotation, now=now)
        return is_dated, annotation.made_at or UNDATED, annotation.instance

    return tuple(sorted(annotations, key=order, reverse=True))


def after_all(annotations: Collection[Annotation]) -> datetime:
    """Now (UTC), or where the clock was set back, a moment after all annotations of a scan."""
    now = datetime.now(timezone.utc)
    believed = (seg.made_at for seg in annotations if _is_believed(seg, now=now))
    latest = max(filter(None, believed), default=UNDATED)
    return max(now, latest + timedelta(microseconds=1))


def set_date(seg: Dataset, made_at: datetime, *, offset: str) -> None:
    """Let a SEG say when it was made.

    offset: TimezoneOffsetFromUTC of its images, which all its times share with that of the study;
    where they have none, it is that of this machine.
    """
    local = made_at.astimezone(_zone(offset))
    for kind in MADE:
        setattr(seg, f"{kind}Date", local.strftime("%Y%m%d"))
        setattr(seg, f"{kind}Time", local.strftime("%H%M%S.%f"))
    setattr(seg, OFFSET, local.strftime("%z"))


def _is_believed(annotation: Annotation, *, now: datetime) -> bool:
    """Whether its date decides: not where other software says that it is to come.

    A day is left for clocks and time zones. Dates of our own only lie ahead of a wrong clock.
    """
    made_at = annotation.made_at
    return annotation.ours or made_at is None or made_at <= now + timedelta(days=1)


def _is_ours(header: Dataset) -> bool:
    return bool(own_state(header)) or text_of(header, "ContentLabel") in CONTENT_LABEL.values()


def _state(header: Dataset) -> State | None:
    if not is_seg(header):
        return None
    label, own = text_of(header, "ContentLabel"), own_state(header)
    if label == CONTENT_LABEL["draft"] or own == "draft":
        return "draft"
    named = any(find_label(text_of(item, "SegmentLabel")) for item in segments_of(header).values())
    return "reviewed" if own or label == CONTENT_LABEL["reviewed"] or named else None


def _made_at(header: Dataset) -> datetime | None:
    for kind in MADE:
        if day := text_of(header, f"{kind}Date"):
            time = text_of(header, f"{kind}Time")
            zone = _zone(text_of(header, OFFSET))
            return _time_of(day + time, zone) or _time_of(day, zone)
    return None


def _time_of(text: str, zone: tzinfo | None) -> datetime | None:
    """YYYYMMDD with as much of HHMMSS.FFFFFF as there is -> time; None where it is none.

    zone: None for that of this machine.
    """
    whole, _, fraction = text.partition(".")
    digits = f"{whole.ljust(14, '0')}.{fraction or '0'}"
    try:
        time = datetime.strptime(digits, "%Y%m%d%H%M%S.%f")
        return time.replace(tzinfo=zone).astimezone()
    except (ValueError, OverflowError):
        return None


def _zone(offset: str) -> tzinfo | None:
    """TimezoneOffsetFromUTC, such as +0100, as time zone; None where it is none."""
    try:
        return datetime.strptime(offset, "%z").tzinfo
    except ValueError:
        return None

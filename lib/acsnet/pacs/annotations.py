"""Labels and model drafts among the segmentations (SEG) of a PACS.

A draft by the model never counts as reviewed, even where the archive has changed some of its tags.
A SEG saved from a viewer is a reviewed label if its segments have our names, unless it came through
our server, which marks it as a draft (`server.dicomweb.stow_pacs`); all others belong to other
software and are ignored.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
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


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A SEG with labels.

    state: `withdrawn` where the server's own notes say so, which no SEG does; made_at:
    YYYYMMDDHHMMSS; of_series: UIDs of the MR series drawn on; of_images: SOPInstanceUID and
    number of a frame, or 0, of each image that it names.
    """

    state: State | Literal["withdrawn"]
    author: str
    made_at: str
    study: str
    series: str
    instance: str
    of_series: tuple[str, ...]
    of_images: frozenset[tuple[str, int]] = frozenset()

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
    # A day is left for clocks and time zones; a date after that decides nothing.
    latest = (datetime.now() + timedelta(days=1)).strftime("%Y%m%d%H%M%S")

    def order(annotation: Annotation) -> tuple[str, str]:
        return "" if annotation.made_at > latest else annotation.made_at, annotation.instance

    return tuple(sorted(annotations, key=order, reverse=True))


def _state(header: Dataset) -> State | None:
    if not is_seg(header):
        return None
    label, own = text_of(header, "ContentLabel"), own_state(header)
    if label == CONTENT_LABEL["draft"] or own == "draft":
        return "draft"
    named = any(find_label(text_of(item, "SegmentLabel")) for item in segments_of(header).values())
    return "reviewed" if own or label == CONTENT_LABEL["reviewed"] or named else None


def _made_at(header: Dataset) -> str:
    for date, time in (
        ("ContentDate", "ContentTime"),
        ("InstanceCreationDate", "InstanceCreationTime"),
        ("SeriesDate", "SeriesTime"),
    ):
        if text_of(header, date):
            return text_of(header, date) + text_of(header, time)
    return ""

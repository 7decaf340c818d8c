"""Enhanced MR objects (PS3.3 C.8.13) -> one `DicomFile` a frame, as if each were a file.

Only public functional groups tell of a frame. Private ones (Philips' 2005,140F) repeat public tags
with values of their own, of another coordinate system or scale.
"""

from collections.abc import Iterable
from dataclasses import replace

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
)

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DicomFile, damage_as, text_of
from acsnet.io.dicom_stack.file_checks import MATRIX_TAGS
from acsnet.io.dicom_stack.image_kinds import component_of

ENHANCED = (
    EnhancedMRImageStorage,
    EnhancedMRColorImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
)
MAX_FRAMES = 10_000

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")

CONVERTED = (
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
)
"""Groups of what a converter of classic images found no other group for: any other one counts more.
"""

OF_OTHER_IMAGES = (
    "ReferencedImageSequence",
    "DerivationImageSequence",
    "SourceImageSequence",
    "ConversionSourceAttributesSequence",
)
"""Groups that tell of other images than the frame."""

OF_OBJECT = {"Modality", "PatientID", "PatientName", "SeriesNumber", *MATRIX_TAGS}
"""What the object tells of all its frames, beside its UIDs: no functional group replaces it."""

KEPT_WHOLE = "RealWorldValueMappingSequence"
"""A group that classic images have as it is: it may hold several mappings, and units in codes."""

CLASSIC = {
    "FrameType": "ImageType",
    "EffectiveEchoTime": "EchoTime",
    "InversionTimes": "InversionTime",
    "FrameAcquisitionDateTime": "AcquisitionDateTime",
    "FrameAcquisitionNumber": "AcquisitionNumber",
}
"""What the functional groups call otherwise than the objects of one image do."""


def frames_of(file: DicomFile) -> list[DicomFile]:
    """The frames of an enhanced object, each with its functional groups as plain tags.

    Any other file stays as it is, but for the component of an image of GE and a moment told by
    AcquisitionDateTime alone, which get the plain tags. Raises InputError for an enhanced object
    without the groups.
    """
    if file.text("SOPClassUID") not in ENHANCED or not file.is_image:
        if not file.text("ComplexImageComponent") and (component := component_of(file.header)):
            _set(file.header, "ComplexImageComponent", component)
        if not file.text("AcquisitionTime"):
            _set_moment(file.header)
        return [file]
    undescribed = "cannot be read as DICOM: its frames are not described (damaged?)"
    with damage_as(f"{file.name} {undescribed}"):
        count = int(file.text("NumberOfFrames") or 1)
        shared = _first(file.header.get(GROUPS[0]))
        each = file.header.get(GROUPS[1]) or Items([Dataset()] * count)
        if len(each) != count or not 0 < count <= MAX_FRAMES:
            msg = f"{file.name} tells of {count} frames and describes {len(each)}"
            raise InputError(msg)
        plain = _plain(file.header)
        name = file.name if count == 1 else f"{file.name} frame {{}}"
        return [
            replace(
                file,
                name=name.format(number + 1),
                header=_frame_header(plain, shared, groups, number + 1),
                frame=number,
            )
            for number, groups in enumerate(each)
        ]


def concatenation_remarks(files: Iterable[DicomFile]) -> list[str]:
    """What to tell of objects that were sent in several parts (PS3.3 C.7.6.16).

    How many there are need not be told. Raises InputError for a part without the others.
    """
    parts: dict[str, dict[str, DicomFile]] = {}
    for file in files:
        if uid := file.text("ConcatenationUID"):
            parts.setdefault(uid, {}).setdefault(file.text("InConcatenationNumber"), file)
    remarks = []
    for there in parts.values():
        first = next(iter(there.values()))
        total = first.text("InConcatenationTotalNumber")
        count = max((int(text) for text in (total, *there) if text.isdecimal()), default=0)
        if count > len(there):
            of = f"{count} parts" if total.isdecimal() else f"at least {count} parts"
            msg = (
                f"{first.name} is one of {of} of an object (ConcatenationUID), "
                f"of which {count - len(there)} are missing: export the series again"
            )
            raise InputError(msg)
        if count and not total.isdecimal():
            remarks.append(
                f"{first.name} is a part of an object (ConcatenationUID), and nothing tells "
                f"whether parts behind number {count} are missing"
            )
    return remarks


def flat(file: DicomFile) -> DicomFile:
    """An enhanced object of one frame with its functional groups as plain tags; others as they are.

    Raises as `frames_of` does.
    """
    frames = frames_of(file) if file.text("NumberOfFrames") in ("", "1") else [file]
    return frames[0]


def _plain(header: Dataset) -> Dataset:
    """All tags that are no functional group."""
    plain = Dataset()
    plain.update({element.tag: element for element in header if element.keyword not in GROUPS})
    return plain


def _frame_header(plain: Dataset, shared: Dataset, groups: Dataset, number: int) -> Dataset:
    header = Dataset()
    header.update(plain)
    for group in _by_weight(shared, groups):
        if group.keyword == KEPT_WHOLE:
            header[group.tag] = group
            continue
        item = group.value[0]
        for element in item:
            if element.VR == "SQ":
                continue
            if element.tag.is_private:
                _add_private(header, item, element)
            elif not group.tag.is_private and not _is_of_object(element):
                header[element.tag] = element
    for theirs, ours in CLASSIC.items():
        if header.get(theirs) not in (None, ""):
            value = header.get(theirs)
            _set(header, ours, value[0] if theirs == "InversionTimes" and _many(value) else value)
    _set_moment(header)
    _set(header, "InstanceNumber", number)
    _set(header, "NumberOfFrames", 1)
    return header


def _by_weight(shared: Dataset, groups: Dataset) -> list[DataElement]:
    """The functional groups that tell of a frame; what a later one tells counts more."""
    of_frame = [
        group
        for group in (*shared, *groups)
        if group.VR == "SQ" and group.value and group.keyword not in OF_OTHER_IMAGES
    ]
    return sorted(of_frame, key=lambda group: group.keyword not in CONVERTED)


def _is_of_object(element: DataElement) -> bool:
    return element.keyword in OF_OBJECT or element.keyword.endswith("UID")


def _add_private(header: Dataset, item: Dataset, element: DataElement) -> None:
    """Copy a private element of an item into the block that its creator has in the header.

    The item and the object may number their blocks otherwise (PS3.5 7.8.1).
    """
    slot, offset = divmod(element.tag.element, 0x100)
    creator = item.get((element.tag.group, slot))
    if creator is not None and isinstance(creator.value, str) and creator.value:
        block = header.private_block(element.tag.group, creator.value, create=True)
        block.add_new(offset, element.VR, element.value)


def _set(header: Dataset, keyword: str, value: object) -> None:
    """Set a tag of one frame: an element that is there is shared by all frames, and stays."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101 # a name of the dictionary
    header.add_new(tag, dictionary_VR(tag), value)


def _set_moment(header: Dataset) -> None:
    """Set the date and the time of an image by AcquisitionDateTime, where there is one."""
    moment = text_of(header, "AcquisitionDateTime")
    if len(moment) > len("YYYYMMDD"):
        _set(header, "AcquisitionDate", moment[:8])
        _set(header, "AcquisitionTime", moment[8:])


def _many(value: object) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "append")


def _first(sequence: Items | None) -> Dataset:
    return sequence[0] if sequence else Dataset()

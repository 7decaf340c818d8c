"""Each frame of an enhanced object has tags of its own, from its public functional groups."""

from pathlib import Path

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest
from enhanced_packings import item
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import DicomFile, read_header
from acsnet.io.dicom_stack.frames import concatenation_remarks, flat, frames_of

OTHERWISE = {
    "ImageType": ["ORIGINAL", "PRIMARY", "M_IR", "M", "IR"],
    "SOPClassUID": "1.2.3",
    "SOPInstanceUID": "1.2.3.4",
    "FrameOfReferenceUID": "1.2.3.5",
    "SeriesInstanceUID": "1.2.3.6",
    "Modality": "OT",
    "PatientID": "another",
    "Rows": 7,
    "ImagePositionPatient": [1.7, -2.2, 0.9],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [9.0, 9.0],
    "RescaleSlope": "3.3",
    "RescaleIntercept": "5",
    "WindowCenter": "1070",
    "WindowWidth": "1860",
}
"""Public tags with values that are not those of the frame."""


def in_private_group(groups, number, content):
    """Put `content` into the private sequence (2005,xx0E) or (2005,xx0F), as Philips does."""
    block = groups.private_block(0x2005, "Philips MR Imaging DD 005", create=True)
    block.add_new(number, "SQ", pydicom.Sequence([content]))


def enhanced(datasets, folder, *, each=None, shared=None):
    """One enhanced object; each, shared: change the groups of a frame, and those of all frames."""
    enhanced_packings.enhanced_multi_frame(datasets, folder)
    (path,) = folder.iterdir()
    whole = pydicom.dcmread(path)
    for number, groups in enumerate(whole.PerFrameFunctionalGroupsSequence):
        if each is not None:
            each(groups, number)
    if shared is not None:
        shared(whole.SharedFunctionalGroupsSequence[0])
    packed_scans.save(whole, path)
    return whole


def one_frame(*, shared=None, groups=None, **tags):
    """The header of the frame of an enhanced object that has these functional groups."""
    header = item(
        SOPClassUID=EnhancedMRImageStorage,
        SOPInstanceUID="1.2",
        Rows=4,
        Columns=4,
        SharedFunctionalGroupsSequence=[shared or item()],
        PerFrameFunctionalGroupsSequence=[groups or item()],
        **tags,
    )
    (frame,) = frames_of(DicomFile(Path("x.dcm"), "x.dcm", header))
    return frame.header


def test_what_is_set_for_one_frame_is_not_set_for_another(samples, tmp_path):
    patient = packed_scans.slices(samples / "dicom" / "phantom-1")
    patient[0].EchoTime = 1.0  # beside that of each frame
    enhanced_packings.enhanced_multi_frame(patient, tmp_path)
    (path,) = tmp_path.iterdir()
    file, _ = read_header(path, path.name)
    for number, groups in enumerate(file.header.PerFrameFunctionalGroupsSequence):
        groups.MREchoSequence = [item(EffectiveEchoTime=2.0 + number)]
    frames = frames_of(file)
    assert [frame.text("InstanceNumber") for frame in frames] == list("12345678")
    assert [float(frame.text("EchoTime")) for frame in frames] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert (file.text("NumberOfFrames"), file.text("EchoTime")) == ("8", "1.0")
    assert [frame.name for frame in frames_of(file)] == [frame.name for frame in frames]


def test_public_tags_of_private_groups_are_not_those_of_the_frame(patient_1, plain, tmp_path):
    whole = enhanced(
        patient_1,
        tmp_path,
        each=lambda groups, _: in_private_group(groups, 0x0F, item(**OTHERWISE)),
        shared=lambda groups: in_private_group(groups, 0x0E, item(**OTHERWISE)),
    )
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    np.testing.assert_allclose(scan.grid.stack_to_ras, plain.grid.stack_to_ras, atol=1e-4)
    np.testing.assert_array_equal(scan.windows, plain.windows)
    assert set(scan.instance_uids) == {whole.SOPInstanceUID}
    assert scan.warnings == plain.warnings


@pytest.mark.parametrize("slot", [0x10, 0x12])
def test_private_tags_of_private_groups_are_those_of_the_frame(patient_1, tmp_path, slot):
    """Under their creator, whichever block the item and the object have for it."""

    def scaled(groups, number):
        private = item()
        for taken in range(0x10, slot):
            private.add_new((0x2005, taken), "LO", f"Philips MR Imaging DD 00{taken - 0x0E}")
        block = private.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 1.0 + number)
        in_private_group(groups, 0x0F, private)

    for dataset in patient_1[:1]:  # of which the object gets its tags
        other = dataset.private_block(0x2005, "Philips MR Imaging DD 004", create=True)
        other.add_new(0x0E, "FL", 77.0)
    enhanced(patient_1, tmp_path, each=scaled)
    (path,) = tmp_path.iterdir()
    frames = frames_of(read_header(path, path.name)[0])
    for creator, scales in (("001", [1, 2, 3, 4, 5, 6, 7, 8]), ("004", [77] * 8)):
        blocks = [
            frame.header.private_block(0x2005, f"Philips MR Imaging DD {creator}")
            for frame in frames
        ]
        assert [block[0x0E].value for block in blocks] == scales


@pytest.mark.parametrize(
    "group",
    ["MRModifierSequence", "FrameContentSequence", "ReferencedImageSequence"],
)
@pytest.mark.parametrize("where", ["shared", "groups"])
def test_no_group_tells_which_object_a_frame_is_of(group, where):
    keywords = ("SOPClassUID", "SOPInstanceUID", "FrameOfReferenceUID", "Modality", "Rows")
    tags = {keyword: OTHERWISE[keyword] for keyword in keywords}
    header = one_frame(Modality="MR", **{where: item(**{group: [item(**tags)]})})
    assert (header.SOPClassUID, header.SOPInstanceUID) == (EnhancedMRImageStorage, "1.2")
    assert (header.Modality, header.Rows) == ("MR", 4)
    assert "FrameOfReferenceUID" not in header


@pytest.mark.parametrize("group", ["ReferencedImageSequence", "DerivationImageSequence"])
def test_what_is_told_of_other_images_is_not_of_the_frame(group):
    position = item(ImagePositionPatient=[1, 2, 3])
    shared = item(PlanePositionSequence=[position])
    groups = item(**{group: [item(ImagePositionPatient=[7, 8, 9])]})
    assert one_frame(shared=shared, groups=groups).ImagePositionPatient == [1, 2, 3]


def test_what_a_converter_had_no_group_for_counts_least():
    left_over = item(InversionTime="310", PixelSpacing=[9.0, 9.0], ImageType=["DERIVED", "X"])
    block = left_over.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x2F, "SS", 2)
    header = one_frame(
        shared=item(
            PixelMeasuresSequence=[item(PixelSpacing=[1.5, 1.5])],
            MRImageFrameTypeSequence=[item(FrameType=["ORIGINAL", "PRIMARY", "M"])],
        ),
        groups=item(UnassignedPerFrameConvertedAttributesSequence=[left_over]),
        InversionTime="0",
    )
    assert header.PixelSpacing == [1.5, 1.5]
    assert header.ImageType == ["ORIGINAL", "PRIMARY", "M"]
    assert header.InversionTime == 310
    assert header.private_block(0x0043, "GEMS_PARM_01")[0x2F].value == 2


def test_groups_of_a_frame_count_more_than_those_of_all_frames():
    header = one_frame(
        shared=item(PixelValueTransformationSequence=[item(RescaleSlope="2")]),
        groups=item(PixelValueTransformationSequence=[item(RescaleSlope="3")]),
    )
    assert header.RescaleSlope == 3


def test_a_classic_image_of_ge_has_its_component_as_a_plain_tag():
    header = item(SOPClassUID=MRImageStorage, Rows=4, Columns=4)
    header.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", 1)
    assert flat(DicomFile(Path("x.dcm"), "x.dcm", header)).text("ComplexImageComponent") == "PHASE"


def test_the_day_of_a_frame_is_its_own_and_not_that_of_the_object():
    content = item(FrameAcquisitionDateTime="20240102000210.5")
    groups = item(FrameContentSequence=[content])
    frame = one_frame(groups=groups, AcquisitionDate="20240101", AcquisitionTime="230000")
    assert (frame.AcquisitionDate, frame.AcquisitionTime) == ("20240102", "000210.5")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"AcquisitionDateTime": "20240102000210"}, ("20240102", "000210")),
        ({"AcquisitionDateTime": "20240102000210", "AcquisitionTime": "12"}, ("", "12")),
        ({"AcquisitionDateTime": "2024"}, ("", "")),
    ],
)
def test_a_classic_image_tells_its_moment_in_one_tag_or_two(tags, expected):
    header = item(SOPClassUID=MRImageStorage, Rows=4, Columns=4, **tags)
    (file,) = frames_of(DicomFile(Path("x.dcm"), "x.dcm", header))
    assert (file.text("AcquisitionDate"), file.text("AcquisitionTime")) == expected


@pytest.mark.parametrize("parts", [(0,), (1,), (0, 1)])
def test_a_part_of_an_object_is_refused_without_the_others(patient_1, tmp_path, parts):
    """A concatenation (PS3.3 C.7.6.16) of two objects with four frames each."""
    for part in parts:
        folder = tmp_path / str(part)
        enhanced_packings.enhanced_multi_frame(patient_1[4 * part : 4 * part + 4], folder)
        (path,) = folder.iterdir()
        whole = pydicom.dcmread(path)
        packed_scans.new_uid(whole)
        whole.ConcatenationUID, whole.InConcatenationNumber = "1.2.3", part + 1
        whole.InConcatenationTotalNumber = 2
        packed_scans.save(whole, path)
    if len(parts) == 2:
        assert len(read_scan(tmp_path).pixels) == 8
        return
    told = "is one of 2 parts of an object .*, of which 1 are missing: export the series again"
    with pytest.raises(InputError, match=told):
        read_scan(tmp_path)


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((2, 3), r"is one of at least 3 parts of an object .*, of which 1 are missing"),
        ((1, 3), r"is one of at least 3 parts of an object .*, of which 1 are missing"),
        ((1, 2), r"nothing tells whether parts behind number 2 are missing"),
    ],
)
def test_parts_count_by_their_numbers_where_nothing_tells_how_many_there_are(numbers, told):
    headers = [Dataset() for _ in numbers]
    for header, number in zip(headers, numbers, strict=True):
        header.ConcatenationUID, header.InConcatenationNumber = "1.2.3", number
    files = [DicomFile(Path("x.dcm"), "x.dcm", header) for header in headers]
    if numbers == (1, 2):
        (remark,) = concatenation_remarks(files)
        assert remark.endswith(told)
        return
    with pytest.raises(InputError, match=told):
        concatenation_remarks(files)


def test_an_object_that_tells_no_number_of_a_part_is_none():
    header = item(ConcatenationUID="1.2.3")
    assert concatenation_remarks([DicomFile(Path("x.dcm"), "x.dcm", header)]) == []


def test_an_enhanced_mosaic_is_named_as_what_it_is(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]
        dataset.ImagePositionPatient = patient_1[0].ImagePositionPatient
    enhanced(patient_1, tmp_path)
    with pytest.raises(InputError, match="is a mosaic"):
        read_scan(tmp_path)

import pytest

from acsnet.dicom.dicom_json import as_files, header, objects_in
from acsnet.io.dicom_files.dicom_file import text_of


def answer(**values):
    return {
        "00080018": {"vr": "UI", "Value": [values.get("uid", "1.2.3")]},
        "00200013": {"vr": "IS", "Value": [values.get("number", 4)]},
    }


def test_an_object_may_come_alone_or_in_a_list():
    assert objects_in([]) == []
    assert objects_in(answer()) == objects_in([answer()]) == [answer()]
    assert objects_in({"0020000e": {}, "x": 1}) == [{"0020000e": {}, "x": 1}]


@pytest.mark.parametrize(
    "content",
    [{"error": "overloaded"}, {"items": []}, {}, [answer(), {"error": "x"}], [[]], [None], None, 0],
)
def test_what_holds_no_tag_is_no_object(content):
    with pytest.raises(ValueError, match="must hold objects of DICOM JSON"):
        objects_in(content)


def test_values_are_as_the_reader_takes_them():
    one = header(
        {
            "00200032": {"vr": "DS", "Value": [-52.804649703758, 1, 2.5]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B"}]},
            "0008103E": {"vr": "LO"},
        }
    )
    assert text_of(one, "ImagePositionPatient") == "-52.804649703758\\1.0\\2.5"
    assert text_of(one, "PatientName") == "A^B"
    assert text_of(one, "SeriesDescription") == ""


def test_pixels_and_long_values_are_left_where_they_are():
    one = header(
        {
            "7FE00010": {"vr": "OW", "InlineBinary": "AAAA"},
            "00291010": {"vr": "OB", "BulkDataURI": "https://pacs.example.org/x"},
            **answer(),
        }
    )
    assert [element.keyword for element in one] == ["SOPInstanceUID", "InstanceNumber"]


def test_a_value_that_is_none_is_missing_and_spoils_nothing():
    one = header({**answer(), "00280030": {"vr": "DS", "Value": ["wide", 1]}, "00280010": {}})
    assert "PixelSpacing" not in one
    assert one.SOPInstanceUID == "1.2.3"


def test_images_are_called_by_their_number_where_it_is_their_own():
    headers = [header(answer(uid=f"1.2.{i}", number=n)) for i, n in enumerate((1, 2, 2))]
    assert [file.name for file in as_files(headers)] == ["image 1", "image 1.2.1", "image 1.2.2"]


def test_padding_of_texts_is_no_part_of_them():
    read = header(
        {
            "0020000E": {"vr": "UI", "Value": ["1.2\0"]},
            "00081115": {"vr": "SQ", "Value": [{"0020000E": {"vr": "UI", "Value": ["1.3 "]}}]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane "}]},
        }
    )
    assert read.SeriesInstanceUID == "1.2"
    assert read.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.3"
    assert read.PatientName == "Doe^Jane"

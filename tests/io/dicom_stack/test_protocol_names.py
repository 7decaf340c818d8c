"""A protocol is called after a scan, or after the whole examination that holds others, too."""

import pytest

from acsnet.io.dicom_stack.contrast import content_of


@pytest.mark.parametrize(
    ("description", "protocol", "contrast"),
    [
        ("SAX PSMDE", "CARDIAC LGE SMART1MAP", "lge"),
        ("SAX MDE", "Cardiac Viability+MyoMaps", "lge"),
        ("LGE SA", "Cardiac T1*", "lge"),
        ("", "LGE T1 map", "other"),
        ("SAX", "LGE T1 map", "other"),
        ("LGE T1 map", "LGE", "other"),
        ("Perfusion SA stress", "CARDIAC VIABILITY", "other"),
        ("T2 STIR SA", "Cardiac LGE", "other"),
        ("DB T2 FSE", "Viability Cardiac", "other"),
        ("Cine SA", "CARDIAC VIABILITY", "cine"),
        ("FIESTA SA", "CARDIAC VIABILITY", "cine"),
        ("IR FIESTA SA", "CARDIAC VIABILITY", "lge"),
        ("SA", "CARDIAC VIABILITY PERF", "lge"),
        ("sax stack", "LGE trufi", "lge"),
        ("MAG", "Cine, LGE", "lge"),
    ],
)
def test_a_protocol_is_called_after_the_whole_examination(
    patient_1, plain, description, protocol, contrast
):
    header = patient_1[0]
    del header.InversionTime
    header.SeriesDescription, header.ProtocolName = description, protocol
    assert content_of(header, plain.grid, images_each=1).contrast == contrast


@pytest.mark.parametrize(
    ("description", "protocol", "time_ms"),
    [
        ("SA T1w IR", "Viability", 300),
        ("SA black blood", "Delayed Enh", 300),
        ("SA rest", "LGE", 300),
        ("SA T1w TFE", "Cardiac LGE", 300),
        ("SA post stress perf", "Cardiac LGE", 300),
        ("SA PC TFE", "MDE SA", 300),
        ("T2prep IR SA", "Cardiac DB LGE", None),
        ("SA T2 IR", "Cardiac LGE", None),
        ("sa ssfp 10min", "LGE", None),
        ("trufi_sa", "PSIR", None),
    ],
)
def test_the_name_of_a_scan_of_lge_or_an_inversion_leaves_it_lge(
    patient_1, plain, description, protocol, time_ms
):
    header = patient_1[0]
    header.SeriesDescription, header.ProtocolName = description, protocol
    header.InversionTime = time_ms
    content = content_of(header, plain.grid, images_each=1)
    assert (content.contrast, content.remarks) == ("lge", ())


@pytest.mark.parametrize(
    ("description", "protocol", "contrast"),
    [
        ("SA rest", "Cardiac LGE", "lge"),
        ("SA black blood", "Delayed Enh", "lge"),
        ("Perfusion SA", "Viability", "lge"),
        ("Perfusion SA", "Stress viability", "other"),
    ],
)
def test_lge_by_its_protocol_alone_is_a_doubt_where_nothing_tells_of_an_inversion(
    patient_1, plain, description, protocol, contrast
):
    header = patient_1[0]
    del header.InversionTime
    header.SeriesDescription, header.ProtocolName = description, protocol
    content = content_of(header, plain.grid, images_each=1)
    assert content.contrast == contrast
    doubt = f"its name is {description!r}, as of another scan: make sure that it is LGE"
    assert (content.remarks == (doubt,)) is (contrast == "lge")


@pytest.mark.parametrize("name", ["T2 STIR SA", "TIRM SA", "T2w SA"])
def test_the_inversion_time_of_fat_is_no_sign_of_lge(patient_1, plain, name):
    header = patient_1[0]
    header.SeriesDescription, header.ProtocolName = name, "Cardiac LGE"
    header.InversionTime = 150
    assert content_of(header, plain.grid, images_each=1).contrast == "other"


def test_a_cine_of_many_phases_is_none_of_the_viability_it_was_scanned_for(patient_1, plain):
    header = patient_1[0]
    header.SeriesDescription, header.ProtocolName = "Cine FIESTA SA", "CARDIAC VIABILITY"
    header.CardiacNumberOfImages, header.InversionTime = 20, None
    assert content_of(header, plain.grid, images_each=20).contrast == "cine"

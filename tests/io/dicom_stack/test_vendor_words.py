"""What vendors call series that are no LGE, and names that leave open whether they are."""

import enhanced_packings
import pytest
from pydicom.dataset import Dataset

from acsnet.io import read_scan
from acsnet.io.dicom_stack.contrast import content_of, never_lge_name


def content_by_name(name, header, grid):
    header.SeriesDescription, header.ProtocolName = name, ""
    return content_of(header, grid, images_each=1)


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("SSFSE SA", "other"),
        ("SS-FSE SA", "other"),
        ("sax swi", "other"),
        ("SA_Grid", "other"),
        ("CEST", "other"),
        ("Cardiac_SA_2DFIESTA", "cine"),
        ("SA BFFE", "cine"),
        ("B-FFE SA", "cine"),
        ("SAX_BASG", "cine"),
        ("sax realtime", "cine"),
        ("ciné SA", "cine"),
        ("Kine SA", "cine"),
        ("T1 FFE SA", "lge"),
        ("SA regridded", "lge"),
        ("IR FIESTA SA", "lge"),
        ("LGE real-time SA", "lge"),
        ("MDE 2DFIESTA", "lge"),
        ("SWITCH SA", "lge"),
        ("LE MRF", "lge"),
        ("Cinéas Paul SA", "lge"),
    ],
)
def test_vendors_words_for_other_scans_are_known(patient_1, plain, name, contrast):
    del patient_1[0].InversionTime
    content = content_by_name(name, patient_1[0], plain.grid)
    assert content.contrast == contrast
    assert bool(content.remarks) == (contrast != "lge")


@pytest.mark.parametrize(
    ("name", "doubted"),
    [
        ("RT SAX", True),
        ("film SA", True),
        ("sax_MT", True),
        ("SA_FASE", True),
        ("SA FASE TARDIA", False),
        ("IR MT SAX", False),
        ("PSIR RT SAX", False),
        ("Art SAX", False),
        ("MTB SAX", False),
    ],
)
def test_words_of_other_scans_and_of_lge_are_a_doubt_where_nothing_tells_of_lge(
    patient_1, plain, name, doubted
):
    del patient_1[0].InversionTime
    content = content_by_name(name, patient_1[0], plain.grid)
    assert content.contrast == "lge"
    assert [remark.endswith("make sure that it is LGE") for remark in content.remarks] == (
        [True] * doubted
    )
    patient_1[0].InversionTime = 300
    assert content_by_name(name, patient_1[0], plain.grid).remarks == ()


@pytest.mark.parametrize("name", ["RT_SA", "MT_01", "CEST_2020", "SWI_007", "film_3"])
def test_words_of_scanners_are_none_in_the_names_of_files(plain, name):
    header = Dataset()
    header.SeriesDescription = name
    assert content_of(header, plain.grid, images_each=1).remarks == ()


@pytest.mark.parametrize(
    ("name", "doubted"),
    [
        ("SAX precontrast PSIR", True),
        ("LGE pre-contrast", True),
        ("PSIR native SA", True),
        ("sub-1_space-native_LGE", False),
        ("LGE pre gadolinium", True),
        ("LGE acq-native", False),
        ("LGE native space", False),
        ("LGE_native_resolution", False),
        ("LGE native grid", False),
        ("LGE Pre Gaddis", False),
        ("alternative LGE", False),
        ("LGE pregnant", False),
    ],
)
def test_lge_before_contrast_agent_is_measured_with_a_doubt(patient_1, plain, name, doubted):
    content = content_by_name(name, patient_1[0], plain.grid)
    assert content.contrast == "lge"
    assert ["before contrast agent" in remark for remark in content.remarks] == [True] * doubted


def test_a_bullseye_is_never_lge(patient_1):
    patient_1[0].SeriesDescription = "LGE AHA bullseye"
    assert never_lge_name(patient_1[0]) == "LGE AHA bullseye"


@pytest.mark.parametrize(
    ("acquired", "name", "contrast"),
    [
        ("T2", "sax", "other"),
        ("PERFUSION", "sax", "other"),
        ("FLOW_ENCODED", "sax", "other"),
        ("T1", "sax", "lge"),
        ("UNKNOWN", "sax", "lge"),
        ("T2", "LGE sax", "lge"),
        ("T2", "sax IR", "lge"),
        ("TOF", "sax IR", "lge"),
        ("T2", "STIR sax IR", "other"),
        ("STIR", "sax IR", "other"),
    ],
)
def test_the_contrast_that_a_scanner_names_counts_as_the_type_of_the_images(
    patient_1, plain, acquired, name, contrast
):
    del patient_1[0].InversionTime
    patient_1[0].AcquisitionContrast = acquired
    content = content_by_name(name, patient_1[0], plain.grid)
    assert content.contrast == contrast
    if contrast == "other":
        assert f"(AcquisitionContrast {acquired})" in content.remarks[0]


def test_an_inversion_time_says_more_than_the_contrast_that_a_scanner_names(patient_1, plain):
    patient_1[0].InversionTime, patient_1[0].AcquisitionContrast = 300, "PROTON_DENSITY"
    assert content_by_name("sax", patient_1[0], plain.grid).contrast == "lge"
    patient_1[0].AcquisitionContrast = "PERFUSION"
    assert content_by_name("sax", patient_1[0], plain.grid).contrast == "other"


def test_the_contrast_of_the_frames_of_an_enhanced_object_counts_too(patient_1, tmp_path):
    for dataset in patient_1:
        dataset.SeriesDescription, dataset.ProtocolName = "sax", ""
        dataset.AcquisitionContrast = "PERFUSION"
    scan = read_scan(enhanced_packings.enhanced_multi_frame(patient_1, tmp_path / "a"))
    assert scan.contrast == "other"

"""The ending of a converter tells of a volume, if what lies beside it bears that out."""

import json

import pytest

from acsnet.io import read_scan
from acsnet.scan import is_fit

PATIENTS = (
    *("PD-003", "Rest_7", "pc12", "LOC-4", "tag 2", "PH", "phase", "heart_part-imaging_LGE"),
    *("pat01_F", "ED", "frame01", "Nguyen_Fat", "LGE no fat", "lge_non_fat"),
)
PHASES = ("LGE_late_phase", "p7_delayed_phase", "LGE_venous_phase", "LGE_SAX_diastolic_phase")
ENDINGS = (
    *("pat01_PH", "Meier_ph", "LGE_PH", "site2_PHA", "5_LGE_PSIR_phase", "patient_c0"),
    *("patient101_frame01", "Meier_ED"),
)


@pytest.fixture
def saved(samples, tmp_path):
    """Saves a scan under a name, and files of others beside it; gives the scan as it is read."""

    def save(name, *beside):
        for other in (name, *beside):
            path = tmp_path / f"{other}.nii.gz"
            path.write_bytes((samples / "nifti" / "phantom-1.nii.gz").read_bytes())
        return read_scan(tmp_path / f"{name}.nii.gz")

    return save


@pytest.mark.parametrize("name", [*PATIENTS, *PHASES, "LGE_ED_phase", "LGE_SAX_c0"])
def test_a_file_may_be_called_after_a_patient_or_another_phase(saved, name):
    scan = saved(name)
    assert scan.contrast == "lge"
    assert not [words for words in scan.warnings if "its name is" in words]


@pytest.mark.parametrize("name", ENDINGS)
def test_an_ending_alone_is_a_doubt(saved, name):
    scan = saved(name, "another")
    assert (scan.contrast, is_fit(scan.warnings)) == ("lge", True)
    assert any(f"its name is {name!r}, as of" in words for words in scan.warnings)


@pytest.mark.parametrize(
    "name",
    [
        *("Tse_Wing", "Dixon_J", "Haste", "MRA-012", "ADC001", "Retro_5", "Scout_01", "Lax_Peter"),
        "Bold_Ann",
    ],
)
def test_a_word_that_may_be_a_patient_is_a_doubt(saved, name):
    scan = saved(name, "another")
    assert scan.shows_scar
    assert f"its name is {name!r}, as of another scan: make sure that it is LGE" in scan.warnings


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("Haste", "LGE_sa"),
        ("Lax_Peter", "Sax_Peter"),
        ("haste_sax", "another"),
        ("T2_haste_tra", "another"),
        ("TI_scout_psir", "another"),
        ("kino", "mde"),
        ("scout", "de_sa"),
        ("P1_kino", "P1_viability"),
        ("haste", "cine"),
        ("lax", "2ch"),
        ("hla", "vla"),
        ("P1_retro", "P1_flow"),
        ("401_retro_sa", "another"),
        ("tra_tse", "another"),
        ("adc", "T1_map"),
        ("sa_bold", "another"),
        ("sub-01_T2starw", "another"),
    ],
)
def test_such_a_word_counts_where_files_are_called_after_series(saved, name, beside):
    assert not saved(name, beside).shows_scar


@pytest.mark.parametrize("name", ["Tardif_T2", "Tardieu_stir", "Tardif_perf", "Tardif_SA_molli"])
def test_a_name_of_people_makes_no_lge_of_another_scan(saved, name):
    assert saved(name).contrast == "other"


@pytest.mark.parametrize(
    ("name", "beside", "contrast"),
    [
        ("5_LGE_ph", "5_LGE", "other"),
        ("5_LGE_PSIR_phase", "5_LGE_PSIR_real", "other"),
        ("5_LGE_ph_e1", "5_LGE_imaginary_e1", "other"),
        ("5_LGE_pha", "5_LGEa", "other"),
        ("myops_training_101_C0", "myops_training_101_DE", "cine"),
        ("myops_training_101_C0", "myops_training_101_T2", "cine"),
        ("patient101_frame01", "patient101_frame14", "cine"),
        ("patient101_frame01", "patient101_4d", "cine"),
        ("001_SA_ED", "001_SA_ES", "cine"),
        ("001_SA_ES", "001_SA_CINE", "cine"),
        ("001_LA_ED", "001_LA_CINE", "cine"),
        ("A0S9V9_sa_ED", "A0S9V9_sa_ES", "cine"),
        ("LGE_fat", "LGE_Water", "other"),
        ("LGE_Dixon_F", "LGE_Dixon_W", "other"),
    ],
)
def test_an_ending_counts_beside_the_other_images_of_the_scan(saved, name, beside, contrast):
    scan = saved(name, beside)
    assert (scan.contrast, is_fit(scan.warnings)) == (contrast, False)
    assert any(f"(its name is {name!r}, beside {beside!r})" in words for words in scan.warnings)


@pytest.mark.parametrize(
    ("name", "beside"),
    [("LGE_ED", "LGE_ES"), ("LGE_SAX_W", "LGE_SAX_F"), ("LGE_water", "LGE_fat"), ("M_F", "M_W")],
)
def test_lge_beside_another_phase_the_image_of_water_and_initials_are_measured(saved, name, beside):
    assert saved(name, beside).warnings == ()


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("study_ED", ("study_AB", "study_ES", "study_KM")),
        ("Smith_ES", ("Smith_ED",)),
        ("LGE_F", ("LGE_A", "LGE_M", "LGE_W")),
        ("SA_Schmidt_F", ("SA_Schmidt_W",)),
    ],
)
def test_initials_of_patients_beside_others_are_a_doubt(saved, name, others):
    scan = saved(name, *others)
    assert scan.shows_scar
    assert [words for words in scan.warnings if f"its name is {name!r}, as of" in words]


def test_frames_of_other_patients_and_their_labels_bear_nothing_out(saved):
    beside = "patient102_frame01", "patient101_frame01_gt"
    assert saved("patient101_frame01", *beside).contrast == "lge"


@pytest.mark.parametrize("tags", [{"SeriesDescription": "PSIR"}, {"InversionTime": 0.3}])
def test_the_tags_of_lge_count_more_than_the_ending_of_a_cine(saved, tmp_path, tags):
    tags |= {"ConversionSoftware": "dcm2niix"}
    (tmp_path / "a_frame1.json").write_text(json.dumps(tags))
    assert saved("a_frame1", "a_frame2").warnings == ()


@pytest.mark.parametrize(
    ("types", "contrast"),
    [
        (["ORIGINAL", "PRIMARY", "P", "ND"], "other"),
        (["ORIGINAL", "PRIMARY", "P", "PS"], "lge"),
        (["ORIGINAL", "PRIMARY", "M", "ND"], "lge"),
    ],
)
def test_the_image_type_beside_a_volume_decides(saved, tmp_path, types, contrast):
    (tmp_path / "LGE_ph.json").write_text(json.dumps({"ImageType": types}))
    scan = saved("LGE_ph")
    assert scan.contrast == contrast
    assert bool([words for words in scan.warnings if "LGE_ph" in words]) is (contrast == "other")


@pytest.mark.parametrize("text", ["", "[1]", '{"ImageType": 3}'])
def test_a_damaged_side_file_tells_nothing(saved, tmp_path, text):
    (tmp_path / "LGE_ph.json").write_text(text)
    assert any("make sure" in words for words in saved("LGE_ph").warnings)

"""Cine and long-axis stacks are called what they are, and no scar is measured on cine."""

import enhanced_packings
import nibabel as nib
import numpy as np
import packed_scans
import pytest
from enhanced_packings import item

from acsnet.io import read_scan
from acsnet.io.dicom_stack.contrast import content_of
from acsnet.measure import measure_labels
from acsnet.scan import is_fit


@pytest.mark.slow
def test_scar_is_null_on_cine_whether_the_networks_draw_or_a_person(
    patient_1, samples, tmp_path, pipeline
):
    scan = read_scan(enhanced_packings.cine(patient_1, tmp_path / "cine"))
    assert scan.contrast == "cine"
    assert not is_fit(scan.warnings)
    result = pipeline(scan)
    assert set(np.unique(result.labels)) == {0, 1, 2}
    features = result.features_dict()
    assert features["lv_volume_ml"] == pytest.approx(196, abs=2)
    nulls = ("scar_burden_percent", "enhancement_volume_ml", "core_scar_volume_ml")
    assert [features[name] for name in nulls] == [None] * 3
    drawn = scan.grid.to_input(np.where(result.labels == 2, 4, result.labels).astype(np.uint8))
    assert measure_labels(scan, drawn).features_dict()["scar_burden_percent"] is None


def test_a_name_that_says_lge_keeps_its_numbers_and_the_doubt(patient_1, tmp_path):
    folder = enhanced_packings.cine(patient_1, tmp_path / "a")
    for dataset in patient_1:
        dataset.SeriesDescription = "SA PSIR"
    scan = read_scan(packed_scans.write(folder, patient_1))
    assert scan.contrast == "lge"
    assert "like a cine" in scan.warnings[0]


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("LGE 4ch", False),
        ("PSIR_LAX", False),
        ("de 2CH", False),
        ("LGE SAX", True),
        ("SA 3CH", True),
    ],
)
def test_a_long_axis_series_is_told_by_its_name(patient_1, tmp_path, name, fit):
    for dataset in patient_1:
        dataset.SeriesDescription = name
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    assert is_fit(scan.warnings) is fit
    assert scan.contrast == "lge"
    assert scan.view == ("short axis" if fit else "long axis")
    assert scan.shows_scar is fit


@pytest.mark.parametrize(
    ("name", "image_type", "is_lge"),
    [
        ("T1 map MOLLI", "ORIGINAL\\PRIMARY\\M", False),
        ("T1_map post gad LGE", "ORIGINAL\\PRIMARY\\M", False),
        ("ECV", "DERIVED\\PRIMARY\\ECV MAP", False),
        ("SAX", "DERIVED\\PRIMARY\\T1 MAP\\NONE", False),
        ("t2_stir_sax", "ORIGINAL\\PRIMARY\\M", False),
        ("T2w SAX", "ORIGINAL\\PRIMARY\\M", False),
        ("T2* sax", "ORIGINAL\\PRIMARY\\M", False),
        ("perfusion stress", "ORIGINAL\\PRIMARY\\M", False),
        ("TI scout", "ORIGINAL\\PRIMARY\\M", False),
        ("heart localiser", "ORIGINAL\\PRIMARY\\M", False),
        ("sax", "ORIGINAL\\PRIMARY\\LOCALIZER", False),
        ("sax", "ORIGINAL\\PRIMARY\\P\\ND", False),
        ("LGE sax", "ORIGINAL\\PRIMARY\\P\\ND", False),
        ("LGE PSIR sax", "ORIGINAL\\PRIMARY\\P\\PS", True),
        ("PSIR T2 prep LGE", "ORIGINAL\\PRIMARY\\M", True),
        ("medicine SAX", "ORIGINAL\\PRIMARY\\M", True),
        ("IR_TFL_T1 SAX 10 min", "ORIGINAL\\PRIMARY\\M", True),
    ],
)
def test_maps_other_contrasts_planning_and_phase_images_have_no_scar(
    patient_1, tmp_path, name, image_type, is_lge
):
    for dataset in patient_1:
        dataset.SeriesDescription, dataset.ImageType = name, image_type.split("\\")
        dataset.ProtocolName = ""
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    assert is_fit(scan.warnings) is is_lge
    assert scan.contrast == ("lge" if is_lge else "other")
    assert scan.shows_scar is is_lge


def test_all_scar_values_of_a_long_axis_stack_are_null(patient_1, samples, tmp_path):
    for dataset in patient_1:
        dataset.SeriesDescription = "LGE 4CH"
    scan = read_scan(packed_scans.write(tmp_path / "a", patient_1))
    drawn = np.asanyarray(nib.load(samples / "truth" / "phantom-1.nii.gz").dataobj)
    drawn = drawn.astype(np.uint8) if drawn.shape == scan.grid.shape else None
    assert drawn is not None
    features = measure_labels(scan, drawn).features_dict()
    assert features["lv_volume_ml"] > 0
    named = [name for name in features if "scar" in name or "enhancement" in name]
    values = [features[name] for name in named if name != "scar_threshold"]
    assert values
    assert all(value is None for value in values)


OTHERS = (
    "BH_survey",
    "B0 map",
    "native T1",
    "T1_native_sa",
    "T1w_TSE",
    "black blood TSE",
    "TIRM_sax",
    "QFlow_ao",
    "PC_AO",
    "tag_sax",
    "CSPAMM",
    "DWI_sax",
    "Stress_dyn_sa",
    "early_gd_sax",
    "PD_ref_sa",
    "loc sax",
    "Coil Sens Ref",
    "SMART1Map",
    "Extracellular Volume Map",
    "Volume extracellulaire",
    "FGRE Time Course",
    "post stress perf",
    "Mapa T1",
    "Mapas de T1",
    "Cartographie T1",
    "T1-Karte",
    "R1 map",
    "T1star",
    "T1*",
    "T1 nativo",
    "LL_TI",
    "MyoMaps T1",
    "T1 Pixelmap",
    "cDTI_ADC",
    "fat water",
    "out of phase",
    "LGE scar map",
    "T2 tardivo SA",
    "Perfusion tardive SA",
    "T2 spät KA",
)
CINES = (
    "CINE TARDIF SA",
    "tf2d12_retro_iPAT_SAX",
    "sBTFE_BH SA",
    "FIESTA SA 20 phs",
    "SAX_function",
)
LGES = (
    "LGE stress protocol",
    "dark blood LGE SAX",
    "tfi_psir_p2_sax",
    "LGE trufi sax",
    "IR TrueFISP sax",
    "PSIR T2prep black-blood",
    "LGE loc 3",
    "LGE_high_res_sax post stress perfusion",
    "LGE fat water",
    "T1_IR_SAX",
    "sa IR nach Perf 10 min",
    "IR post stress SA",
    "IR_TFL_Spaetaufnahme_Dixon",
    "TFL T1 PSIR",
)


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        *((name, "other") for name in OTHERS),
        *((name, "cine") for name in CINES),
        *((name, "lge") for name in LGES),
    ],
)
def test_what_scanners_call_their_series(patient_1, plain, name, contrast):
    header = patient_1[0]
    header.SeriesDescription = name
    del header.InversionTime
    content = content_of(header, plain.grid, images_each=1)
    assert content.contrast == contrast
    assert bool(content.remarks) == (contrast != "lge")


@pytest.mark.parametrize(
    ("name", "contrast"),
    [
        ("LGE SAX nach T1 map", "lge"),
        ("DE after T1 mapping", "lge"),
        ("SA scar mapping", "lge"),
        ("LGE map", "lge"),
        ("LGE T1 map", "other"),
        ("LGE_T1_Kartierung", "other"),
        ("T1*_LGE", "other"),
    ],
)
def test_what_speaks_of_a_map_and_may_be_lge_is_measured_with_a_doubt(
    patient_1, plain, name, contrast
):
    header = patient_1[0]
    header.SeriesDescription = name
    content = content_of(header, plain.grid, images_each=1)
    assert content.contrast == contrast
    assert len(content.remarks) == 1
    assert ("which speaks of a map" in content.remarks[0]) is (contrast == "lge")


@pytest.mark.parametrize(
    ("name", "time_ms", "images_each", "contrast"),
    [
        ("SAX stack", "", 20, "cine"),
        ("SAX stack", "", 7, "cine"),
        ("SAX stack", "", 6, "lge"),
        ("IR_SA", "", 8, "lge"),
        ("SAX stack", "300", 20, "lge"),
        ("SAX LGE", "", 20, "lge"),
    ],
)
def test_no_lge_has_many_images_at_a_position_whichever_tag_tells_them_apart(
    patient_1, plain, name, time_ms, images_each, contrast
):
    header = patient_1[0]
    header.SeriesDescription, header.InversionTime = name, time_ms
    content = content_of(header, plain.grid, images_each=images_each)
    assert content.contrast == contrast
    doubt = f"({images_each} images at each position, no InversionTime)"
    assert any(doubt in words for words in content.remarks) is (
        images_each > 6 and not time_ms and name != "IR_SA"
    )


def test_one_place_in_the_cycle_for_all_repeats_makes_no_cine(patient_1, plain):
    header = patient_1[0]
    header.SeriesDescription, header.InversionTime = "SAX stack", None
    header.CardiacCyclePosition = "DIASTOLE"
    assert content_of(header, plain.grid, images_each=3).contrast == "lge"
    header.TriggerTime = 500
    assert content_of(header, plain.grid, images_each=3).contrast == "cine"


@pytest.mark.parametrize(
    ("times_ms", "contrast"), [([300, 300], "lge"), ([0, 0], "cine"), (0, "cine"), (300, "lge")]
)
def test_several_inversion_times_are_one_too(patient_1, plain, times_ms, contrast):
    header = patient_1[0]
    header.SeriesDescription, header.InversionTime = "fiesta SA", times_ms
    assert content_of(header, plain.grid, images_each=1).contrast == contrast


def test_a_sequence_of_stars_is_no_map(patient_1, plain):
    header = patient_1[0]
    header.SeriesDescription = "T1 star VIBE LGE"
    assert content_of(header, plain.grid, images_each=1).contrast == "lge"


@pytest.mark.parametrize("name", ["LGE 2CV", "DE 4-Kammer", "4KB LGE", "LGE LVOT", "LGE_p2ch"])
def test_long_axes_have_many_names(patient_1, plain, name):
    header = patient_1[0]
    header.SeriesDescription = name
    assert content_of(header, plain.grid, images_each=1).view == "long axis"


@pytest.mark.parametrize(
    ("name", "shows_scar", "warnings"),
    [("LGE axial", 0, 1), ("IR_TFE", 1, 1), ("IR_TFE SAX", 1, 0)],
)
def test_slices_along_the_planes_of_the_body_are_told(
    patient_1, tmp_path, name, shows_scar, warnings
):
    for number, dataset in enumerate(patient_1):
        dataset.SeriesDescription = name
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.ImagePositionPatient = [-140, -120, 10 * number - 40]
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    assert scan.shows_scar == bool(shows_scar)
    assert len([w for w in scan.warnings if "planes of the body" in w]) == warnings


@pytest.mark.parametrize(
    ("name", "contrast", "view"),
    [
        ("12_cine_SAX", "cine", "short axis"),
        ("T1_map", "other", "short axis"),
        ("LGE_4ch", "lge", "long axis"),
        ("lge_sax", "lge", "short axis"),
        ("patient001_frame01", "lge", "short axis"),
        ("5_LGE_imaginary_e1", "other", "short axis"),
        ("sub-1_part-phase_lge", "other", "short axis"),
        ("5_LGE_real", "lge", "short axis"),
        ("LGE_phase_2", "lge", "short axis"),
        ("myops_training_101_DE", "lge", "short axis"),
        ("sax_fiesta", "cine", "short axis"),
    ],
)
def test_a_volume_tells_by_its_name(samples, tmp_path, name, contrast, view):
    path = tmp_path / f"{name}.nii.gz"
    path.write_bytes((samples / "nifti" / "phantom-1.nii.gz").read_bytes())
    scan = read_scan(path)
    assert (scan.contrast, scan.view) == (contrast, view)


def test_planes_along_the_axis_of_the_heart_are_told(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    data = np.repeat(np.asanyarray(image.dataobj), 6, axis=2)[40:140:6]
    affine = image.affine.copy()
    affine[:3, 2] /= 6
    affine[:3, 0] *= 6
    path = packed_scans.save_nifti(nib.Nifti1Image(data, affine), tmp_path / "stack.nii")
    scan = read_scan(path)
    assert not is_fit(scan.warnings)
    assert any("this looks like a long-axis stack" in warning for warning in scan.warnings)
    assert not scan.shows_scar


@pytest.mark.parametrize(
    ("tag", "unit", "contrast"),
    [
        ("RescaleType", "ms", "other"),
        ("RescaleType", "US", "lge"),
        ("RealWorldValueMappingSequence", "ms", "other"),
        ("RealWorldValueMappingSequence", "%", "other"),
        ("RealWorldValueMappingSequence", "1", "lge"),
    ],
)
def test_values_in_milliseconds_or_per_cent_are_a_map_whatever_its_name(
    patient_1, plain, tag, unit, contrast
):
    header = patient_1[0]
    header.SeriesDescription = "LGE SAX"
    code = item(CodeValue=unit, CodingSchemeDesignator="UCUM")
    mapping = [item(MeasurementUnitsCodeSequence=[code])]
    setattr(header, tag, unit if tag == "RescaleType" else mapping)
    assert content_of(header, plain.grid, images_each=1).contrast == contrast


def test_phase_images_of_ge_are_told_by_their_private_tag(patient_1, plain):
    header = patient_1[0]
    block = header.private_block(0x0043, "GEMS_PARM_01", create=True)
    block.add_new(0x2F, "SS", 1)
    assert content_of(header, plain.grid, images_each=1).contrast == "other"

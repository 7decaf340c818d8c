import csv
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from small_label_maps import rewritten
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.export import write_csv
from acsnet.io import read_scan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.measure import measure_label_file, measure_labels
from acsnet.quantify.quantification import NOTHING
from acsnet.server.datastores.label_reports import GIVEN, plain_given
from features_reference import PAGE, SCHEMA_FILE, page, schema_text

runner = CliRunner()
CASE = "phantom-1"


@pytest.fixture(scope="module")
def image(samples):
    return samples / "nifti" / f"{CASE}.nii.gz"


@pytest.fixture(scope="module")
def labels(samples):
    return samples / "truth" / f"{CASE}.nii.gz"


def run(*arguments):
    return runner.invoke(app, ["quantify", *map(str, arguments)])


def test_a_drawn_mask_gives_the_document_of_the_pipeline(image, labels, tmp_path):
    result = run(image, labels, "--output", tmp_path, "--height-cm", 180, "--weight-kg", 80)
    assert result.exit_code == 0, result.output
    folder = tmp_path / CASE
    names = {path.name for path in folder.iterdir()}
    assert names == {"features.json", "features.csv", "segmentation.nii.gz"}
    features = json.loads((folder / "features.json").read_text())
    drawn, written = nib.load(labels), nib.load(folder / "segmentation.nii.gz")
    np.testing.assert_array_equal(np.asarray(drawn.dataobj), np.asarray(written.dataobj))
    wall_ml = np.isin(drawn.dataobj, (2, 3, 4, 5)).sum() * np.prod(drawn.header.get_zooms()) / 1000
    assert features["myocardium_volume_ml"] == pytest.approx(wall_ml, rel=1e-4)
    cavity_ml = (np.asarray(drawn.dataobj) == 1).sum() * np.prod(drawn.header.get_zooms()) / 1000
    assert f"{CASE}: cavity {cavity_ml:.1f} ml, myocardium {wall_ml:.1f} ml, " in result.output
    assert features["body_surface_area_m2"] == pytest.approx(2.0)
    assert features["anatomy"] is None
    assert features["schema"] == 5
    assert features["intervals"] is features["slice_uncertainty"] is None
    assert features["quality"] == []
    assert features["rv_insertion"]["source"] == "automatic"
    assert [segment["segment"] for segment in features["segments"]] == list(range(1, 18))
    with (folder / "features.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["myocardium_volume_ml"]) == pytest.approx(wall_ml, rel=1e-4)
    assert row["scar_method"] == ""
    assert float(row["methods.sd5.scar_volume_ml"]) == features["methods"][6]["scar_volume_ml"]
    assert float(row["segments.7.scar_percent"]) == features["segments"][6]["scar_percent"]


def test_a_dicom_folder_and_its_nifti_copy_give_the_same_numbers(samples, image, labels):
    one = measure_label_file(image, labels).features_dict()
    two = measure_label_file(samples / "dicom" / CASE, labels).features_dict()
    for name in ("lv_volume_ml", "scar_burden_percent", "scar_transmurality_percent"):
        assert one[name] == pytest.approx(two[name], rel=1e-3)
    for a, b in zip(one["segments"], two["segments"], strict=True):
        assert a["scar_volume_ml"] == pytest.approx(b["scar_volume_ml"], abs=0.05)


def test_labels_of_emidec_are_split_by_the_threshold(image, labels, tmp_path):
    # Pool 1, wall 2, infarct 3, no-reflow 4.
    path = rewritten(labels, tmp_path / "e.nii.gz", lambda v: np.array([0, 1, 2, 3, 3, 4])[v])
    found = measure_label_file(image, path, truth="emidec").features
    assert found.scar_method == "remote"
    assert found.core_scar_volume_ml > 0
    assert found.grey_zone_volume_ml > 0
    ours = measure_label_file(image, labels).features
    assert found.enhancement_volume_ml == pytest.approx(ours.enhancement_volume_ml)


def test_our_labels_are_split_anew_only_when_asked(image, labels):
    drawn = np.asarray(nib.load(labels).dataobj)
    assert measure_label_file(image, labels).features.core_scar_volume_ml == pytest.approx(
        (drawn == 4).sum() * np.prod(nib.load(labels).header.get_zooms()) / 1000, rel=1e-4
    )
    assert (
        measure_label_file(image, labels, scar_method="half_max").features.scar_method == "half_max"
    )


def dab_of_scar(values):
    values[2:20, 2:20, 3] = Label.CORE_SCAR
    return values


def stray_pool(values):
    """Nothing is drawn in the first slice but one pixel of pool."""
    values[:, :, 0] = 0
    values[5, 5, 0] = Label.LV_BLOOD_POOL
    return values


def right_ventricle(values):
    """M&Ms' labels: the wall is 2, and beside it lies the right ventricle, 3."""
    ventricle = values > 0
    beside = binary_dilation(ventricle, np.ones((3, 3, 1), bool), iterations=12) & ~ventricle
    middle = np.nonzero(ventricle)[0].mean()
    beside[int(middle) - 4 :] = False
    return np.where(beside, 3, np.minimum(values, 2))


@pytest.mark.parametrize("truth", ["acsnet", "emidec"])
@pytest.mark.parametrize(
    ("change", "flag", "words"),
    [
        (dab_of_scar, "scar_outside_wall", "scar lies outside the wall in slice 4"),
        (stray_pool, "wall_missing", "there is a blood pool without a wall in slice 1"),
        (right_ventricle, "wall_impossible", "the wall in slice 1, 2, 3, 4, 5, 6, 7, 8 is"),
    ],
)
def test_a_drawn_label_map_is_checked(image, labels, tmp_path, truth, change, flag, words):
    path = rewritten(labels, tmp_path / "drawn.nii.gz", lambda v: change(v.copy()))
    measured = measure_label_file(image, path, truth=truth)
    assert [found.flag for found in measured.quality] == [flag]
    assert sum(warning.startswith(words) for warning in measured.warnings) == 1


def test_slices_of_a_doubt_are_numbered_as_in_the_file(image, labels, tmp_path):
    file, scan = nib.load(labels), nib.load(image)
    for name, one in (("labels", file), ("image", scan)):
        values, affine = np.asarray(one.dataobj).copy(), one.affine.copy()
        if name == "labels":
            values = dab_of_scar(values)
        affine[:3, 3] += affine[:3, 2] * (values.shape[2] - 1)
        affine[:3, 2] *= -1
        nib.save(nib.Nifti1Image(values[:, :, ::-1], affine), tmp_path / f"{name}.nii")
    measured = measure_label_file(tmp_path / "image.nii", tmp_path / "labels.nii")
    # The fourth slice of eight from one end is the fifth from the other.
    assert measured.warnings == ("scar lies outside the wall in slice 5",)


def test_a_label_map_in_place_of_the_image_is_refused(labels, tmp_path):
    result = run(labels, labels, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert "holds 5 different values, as a label map does" in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="as a label map does"):
        measure_labels(read_scan(labels), np.asarray(nib.load(labels).dataobj))


def test_what_cannot_be_told_apart_stays_unknown_when_it_is_measured_again(image, labels):
    scan, drawn = read_scan(image), np.asarray(nib.load(labels).dataobj).astype(np.uint8)
    scar, wall = np.isin(drawn, ENHANCEMENT), np.isin(drawn, MYOCARDIUM)
    pixels = scan.grid.to_input(scan.pixels).copy()
    pixels[scar] = np.median(pixels[wall & ~scar]) - 20.0
    dark = replace(scan, pixels=scan.grid.from_input(pixels))
    grey = np.where(scar, np.uint8(Label.GREY_ZONE), drawn)
    measured = measure_labels(dark, grey)
    features = measured.features
    assert features.enhancement_volume_ml > 10.0
    assert features.core_scar_volume_ml is features.grey_zone_volume_ml is None
    assert features.core_scar_burden_percent is None
    assert any("cannot be told apart" in warning for warning in measured.warnings)
    # Where they can be, grey zone alone is what was drawn.
    assert measure_labels(scan, grey).features.core_scar_volume_ml == 0.0


def test_labels_of_acdc_say_nothing_of_scar(image, labels, tmp_path):
    path = rewritten(labels, tmp_path / "a.nii.gz", lambda v: np.array([0, 3, 2, 2, 2, 2])[v])
    result = run(image, path, "--truth", "acdc", "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert "burden unknown" in result.output
    features = json.loads((tmp_path / CASE / "features.json").read_text())
    assert features["scar_burden_percent"] is None
    assert features["methods"] == []
    result = run(image, path, "--truth", "acdc", "--scar-method", "remote", "--output", tmp_path)
    assert result.exit_code == 2
    assert "no meaning for labels of 'acdc'" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: np.concatenate([v, np.ones_like(v[:1])]), "must lie on its image"),
        (lambda v: v * 0, "holds no left ventricle"),
        (lambda v: v + 5, "not labels of 'acsnet'"),
    ],
)
def test_a_label_map_that_does_not_fit_is_refused_in_one_sentence(
    image, labels, tmp_path, change, words
):
    path = rewritten(labels, tmp_path / "x.nii.gz", change)
    result = run(image, path, "--output", tmp_path / "out")
    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--height-cm", "180"), "give both or neither"),
        (("--height-cm", "1.8", "--weight-kg", "80"), "height must be 30 to 250 cm"),
        (("--rv-insertion", "5"), "must be ROW,COLUMN"),
        (("--rv-insertion", "nan,5"), "must lie in the image"),
    ],
)
def test_impossible_options_are_refused(image, labels, tmp_path, options, words):
    result = run(image, labels, "--output", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_a_remote_region_can_be_drawn(image, labels, tmp_path):
    path = rewritten(labels, tmp_path / "r.nii.gz", lambda v: v == 2)
    result = run(image, labels, "--remote", path, "--output", tmp_path)
    assert result.exit_code == 0, result.output
    features = json.loads((tmp_path / CASE / "features.json").read_text())
    assert features["remote"]["source"] == "given"
    assert features["remote"]["voxels"] == (np.asarray(nib.load(labels).dataobj) == 2).sum()


def test_a_scan_that_is_not_there_is_refused(labels, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        measure_label_file(tmp_path / "none.nii.gz", labels)


def test_several_documents_are_lines_under_one_header(tmp_path):
    write_csv(
        tmp_path / "t.csv",
        [
            {"case": "a, b", "x": None, "seconds": {"read": 1}, "warnings": ["one", "two"]},
            {"case": "c", "x": 2.5, "methods": [{"method": "otsu", "threshold": 3}]},
        ],
    )
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        "case,x,warnings,methods.otsu.method,methods.otsu.threshold",
        '"a, b",,one; two,,',
        "c,2.5,,otsu,3",
    ]


def test_a_class_in_a_table_is_no_date_of_a_spreadsheet(tmp_path):
    parts = [
        {"segment": number, "transmurality_class": name}
        for number, name in enumerate(("1-25", "0", None), start=1)
    ]
    write_csv(tmp_path / "t.csv", [{"case": "1-25", "segments": parts}])
    with (tmp_path / "t.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert row["case"] == "1-25"
    assert [row[f"segments.{number}.transmurality_class"] for number in (1, 2, 3)] == [
        "1-25 %",
        "0",
        "",
    ]


def test_the_published_schema_and_page_are_those_of_the_code():
    assert SCHEMA_FILE.read_text() == schema_text(), "python benchmarks/features_reference.py"
    assert PAGE.read_text() == page(), "python benchmarks/features_reference.py"


def test_the_page_names_what_the_files_of_the_server_have_beside():
    assert [key for key in (GIVEN, *plain_given(NOTHING)) if f"`{key}`" not in page()] == []


def test_every_expert_mask_has_every_number(data):
    case = json.loads((data / "splits.json").read_text())["emidec"]["train"][-1]
    found = measure_label_file(
        data / "emidec" / "images" / f"{case}.nii.gz",
        data / "emidec" / "labels" / f"{case}.nii.gz",
        truth="emidec",
    )
    plain = found.features_dict()
    assert plain["segment_model"] in (16, 17)
    assert all(s["scar_percent"] is not None for s in plain["segments"][:16])

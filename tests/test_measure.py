import csv
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.ndimage import binary_dilation
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.export import write_csv
from acsnet.io import read_scan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.measure import measure_label_file, measure_labels
from features_reference import PAGE, SCHEMA_FILE, page, schema_text

runner = CliRunner()
CASE = "phantom-1"


@pytest.fixture(scope="module")
def image(samples):
    return samples / "nifti" / f"{CASE}.nii.gz"


@pytest.fixture(scope="module")
def labels(samples):
    return samples / "truth" / f"{CASE}.nii.gz"


def rewritten(labels, path, change):
    """The label map of a file with its values changed."""
    file = nib.load(labels)
    nib.save(nib.Nifti1Image(change(np.asarray(file.dataobj)).astype(np.uint8), file.affine), path)
    return path


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


def test_grey_zone_without_core_may_be_the_infarct_of_another_convention(image, labels, tmp_path):
    drawn = rewritten(labels, tmp_path / "emidec.nii", lambda v: np.array([0, 1, 2, 3, 3, 4])[v])
    words = "it follows another convention"
    assert [w for w in measure_label_file(image, drawn).warnings if words in w]
    assert not [w for w in measure_label_file(image, drawn, truth="emidec").warnings if words in w]
    assert not [w for w in measure_label_file(image, labels).warnings if words in w]


SWAPPED = np.array([0, 1, 2, 4, 3])
"""Our labels -> EMIDEC's: the dark part of the enhancement is no-reflow, 4, the bright one 3."""


def test_a_core_darker_than_the_grey_zone_may_be_no_reflow_of_another_convention(
    image, labels, tmp_path
):
    # The phantom's grey zone has a median signal of 437, its core scar of 623.
    drawn = rewritten(labels, tmp_path / "emidec.nii", lambda v: SWAPPED[v])
    words = (
        "core scar (value 4) has a median signal of 437, below the 623 of grey zone (value 3): if "
        "value 4 stands for no-reflow in this label map, as in EMIDEC's, it follows another "
        "convention"
    )
    assert words in measure_label_file(image, drawn).warnings
    assert words in measure_label_file(image, drawn, scar_method="remote").warnings
    right = measure_label_file(image, drawn, truth="emidec").warnings
    assert not any("value 4" in warning for warning in right)
    assert measure_label_file(image, labels).warnings == ()


def test_one_dark_voxel_of_no_reflow_does_not_hide_the_infarct_of_another_convention(
    image, labels, tmp_path
):
    pixels = np.asarray(nib.load(image).dataobj)

    def infarct(values):
        mapped = np.array([0, 1, 2, 3, 3])[values]
        darkest = np.argmin(np.where(mapped == 3, pixels, np.inf))
        mapped[np.unravel_index(darkest, mapped.shape)] = 4
        return mapped

    drawn = rewritten(labels, tmp_path / "emidec.nii", infarct)
    found = measure_label_file(image, drawn).warnings
    assert sum("it follows another convention" in warning for warning in found) == 1


def remapped(image, labels, tmp_path, values):
    """Warnings of the phantom's labels 0 to 4 (or 5) with other values."""
    drawn = rewritten(labels, tmp_path / "remapped.nii", lambda v: np.array(values)[v])
    return measure_label_file(image, drawn).warnings


def test_walls_without_any_scar_say_that_somebody_must_have_looked(image, labels, tmp_path):
    words = "no scar is drawn: 0 holds only if somebody looked for it"
    assert remapped(image, labels, tmp_path, [0, 1, 2, 2, 2]) == (words,)
    # A cavity alone has no wall that could have scar, and a reader in the server has looked.
    assert words not in remapped(image, labels, tmp_path, [0, 1, 0, 0, 0])
    walls = np.minimum(np.asarray(nib.load(labels).dataobj), 2).astype(np.uint8)
    assert measure_labels(read_scan(image), walls).warnings == ()


def test_scar_that_is_nearly_all_of_the_wall_may_be_of_another_convention(image, labels, tmp_path):
    words = (
        "scar is 100 % of the wall: if the values of wall and scar are others in this label map, "
        "it follows another convention"
    )
    assert words in remapped(image, labels, tmp_path, [0, 1, 4, 3, 4])


def test_obstruction_that_is_no_dark_core_of_scar_may_be_scar(image, labels, tmp_path):
    # The phantom's grey zone has a median signal of 437, its core scar of 623.
    brighter = (
        "microvascular obstruction (value 5) has a median signal of 623, above the 437 of core "
        "scar (value 4): if value 5 stands for scar in this label map, it follows another "
        "convention"
    )
    alone = (
        "microvascular obstruction is drawn and no scar around it: if value 5 stands for scar in "
        "this label map, it follows another convention"
    )
    assert remapped(image, labels, tmp_path, [0, 1, 2, 4, 5]) == (brighter,)
    assert remapped(image, labels, tmp_path, [0, 1, 2, 5, 4]) == ()
    assert remapped(image, labels, tmp_path, [0, 1, 2, 5, 5]) == (alone,)


@pytest.mark.parametrize("values", [[0, 1, 4, 4, 4], [0, 1, 2, 4, 5], [0, 1, 2, 5, 5]])
def test_labels_of_a_reader_are_not_doubted_for_how_much_scar_or_what_obstruction_they_have(
    image, labels, values
):
    drawn = np.array(values, np.uint8)[np.asarray(nib.load(labels).dataobj)]
    found = measure_labels(read_scan(image), drawn).warnings
    assert not any("another convention" in warning for warning in found)


def test_our_core_scar_is_no_obstruction_of_another_convention(image, labels, tmp_path):
    words = (
        "no-reflow (value 4) has a median signal of 623, above the 437 of infarct (value 3): if "
        "value 4 stands for core scar in this label map, as in ACSNet's own, it follows another "
        "convention"
    )
    assert words in measure_label_file(image, labels, truth="emidec").warnings


def test_the_command_line_names_the_option_for_another_convention(image, labels, tmp_path):
    advice = "--truth names the convention of the label values; it was"
    result = run(image, labels, "--truth", "emidec", "--output", tmp_path / "wrong")
    assert f"{advice} emidec" in result.output
    written = (tmp_path / "wrong" / CASE / "features.json").read_text()
    assert "it follows another convention" in written
    assert "--truth" not in written
    assert advice not in run(image, labels, "--output", tmp_path / "right").output


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
        (lambda v: np.concatenate([v, np.ones_like(v[:1])]), "must have one shape"),
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

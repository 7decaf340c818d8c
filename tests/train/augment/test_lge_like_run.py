import shutil

import nibabel as nib
import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.labels import Label
from acsnet.train.augment.lge_like import Steps
from acsnet.train.augment.lge_like_figure import lge_like_figure, shown_slices
from acsnet.train.augment.lge_like_run import reference_files, run_lge_like
from acsnet.train.data.case import SCAR, WALL, TrainingCase, read_case

from ..conftest import image_of, labels_of, save

pytestmark = pytest.mark.slow

NAME = "patient001_frame01"
runner = CliRunner()


@pytest.fixture
def files(data):
    return {
        "image": data / "acdc" / "images" / f"{NAME}.nii.gz",
        "labels": data / "acdc" / "labels",
        "reference": data / "emidec" / "images" / "Case_P001.nii.gz",
    }


def run(files, output, console, **changes):
    settings = {
        "inputs": [files["image"]],
        "labels": files["labels"],
        "truth": "acdc",
        "references": [files["reference"]],
        "enhanced_share": 1.0,
        "seed": 0,
        **changes,
    }
    return run_lge_like(settings.pop("inputs"), output=output, console=console, **settings)


def test_image_and_labels_lie_on_the_grid_of_the_cine(files, tmp_path, console):
    (case,) = run(files, tmp_path / "out", console)
    cine, image = nib.load(files["image"]), nib.load(case.image)
    expert, labels = (
        np.asarray(nib.load(path).dataobj)
        for path in (files["labels"] / f"{NAME}.nii.gz", case.labels)
    )
    for path in (case.image, case.labels):
        made = nib.load(path)
        assert made.shape == cine.shape
        assert made.header.get_zooms() == cine.header.get_zooms()
        np.testing.assert_array_equal(made.affine, cine.affine)
    assert image.get_data_dtype() == np.float32
    assert b"no true LGE" in image.header["descrip"].item()
    np.testing.assert_array_equal(labels == Label.LV_BLOOD_POOL, expert == 3)
    np.testing.assert_array_equal(labels >= Label.LV_MYOCARDIUM, expert == 2)
    assert set(np.unique(labels)) == {0, 1, 2, Label.CORE_SCAR}
    assert (case.enhanced, case.drawn) == (3, 3)


def test_the_image_has_the_histogram_of_the_reference_and_a_bright_scar(files, tmp_path, console):
    (case,) = run(files, tmp_path / "out", console)
    pixels = np.asarray(nib.load(case.image).dataobj)
    labels = np.asarray(nib.load(case.labels).dataobj)
    reference = read_scan(files["reference"]).pixels
    percentiles = np.arange(5, 100, 5)
    np.testing.assert_allclose(
        np.percentile(pixels, percentiles), np.percentile(reference, percentiles), atol=2.0
    )
    wall, scar, pool = (np.median(pixels[labels == value]) for value in (2, 4, 1))
    assert wall < min(scar, pool)


def test_what_is_written_is_a_training_case_of_our_own_values(files, tmp_path, console):
    (case,) = run(files, tmp_path / "out", console)
    again = read_case(case.image, case.labels, convention="acsnet", source="cine")
    assert (again.tissue == SCAR).any()


def test_headers_that_split_direction_and_size_are_kept(files, tmp_path, console):
    for path, values in (
        (files["image"], image_of(labels_of("acdc"), "acdc", 0)),
        (files["labels"] / f"{NAME}.nii.gz", labels_of("acdc")),
    ):
        image = nib.Nifti1Image(values, np.diag([-1.0, -1.0, 1.0, 1.0]))
        image.header.set_zooms((1.5, 1.5, 10.0))
        nib.save(image, path)
    (case,) = run(files, tmp_path / "out", console)
    for path in (case.image, case.labels):
        assert read_scan(path).spacing_mm == pytest.approx((10.0, 1.5, 1.5))
        np.testing.assert_array_equal(nib.load(path).affine, np.diag([-1.0, -1.0, 1.0, 1.0]))


def test_a_case_depends_on_its_name_and_the_seed_alone(files, tmp_path, console):
    other = files["image"].with_name("other.nii.gz")
    shutil.copy(files["image"], other)
    shutil.copy(files["labels"] / f"{NAME}.nii.gz", files["labels"] / "other.nii.gz")
    (alone,) = run(files, tmp_path / "a", console)
    beside, last = run(files, tmp_path / "b", console, inputs=[other, files["image"]])
    (reseeded,) = run(files, tmp_path / "c", console, seed=1)
    pixels = {
        name: np.asarray(nib.load(case.image).dataobj)
        for name, case in (("alone", alone), ("last", last), ("other", beside), ("new", reseeded))
    }
    np.testing.assert_array_equal(pixels["alone"], pixels["last"])
    assert (pixels["alone"] != pixels["other"]).any()
    assert (pixels["alone"] != pixels["new"]).any()


def test_no_scar_where_none_is_asked_for(files, tmp_path, console):
    (case,) = run(files, tmp_path / "out", console, enhanced_share=0.0)
    assert case.enhanced == 0
    assert not (np.asarray(nib.load(case.labels).dataobj) == Label.CORE_SCAR).any()


def test_nothing_but_whole_files_is_left(files, tmp_path, console):
    (case,) = run(files, tmp_path / "out", console)
    found = {path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {case.image, case.labels, case.figure}
    assert imread(case.figure).shape[2] == 4


def test_references_are_files_folders_of_files_and_dicom_folders(data, tmp_path):
    folder = data / "emidec" / "images"
    found = reference_files([folder / "Case_P002.nii.gz", folder, tmp_path])
    names = [path.name for path in found]
    inside = [f"Case_P00{number}.nii.gz" for number in (1, 2, 3)]
    assert names == ["Case_P002.nii.gz", *inside, tmp_path.name]


def test_bad_input_is_refused_with_the_file_named(files, tmp_path, console):
    out = tmp_path / "out"
    missing = tmp_path / "nothing.nii.gz"
    for changes, message in (
        ({"inputs": [missing]}, r"nothing\.nii\.gz: .* does not exist"),
        ({"inputs": [tmp_path]}, "is a folder: the cine scans must be NIfTI files"),
        ({"inputs": [files["image"]] * 2}, f"more than one input is called {NAME}"),
        ({"labels": tmp_path}, rf"{NAME}\.nii\.gz does not exist"),
        ({"references": [missing]}, r"nothing\.nii\.gz does not exist: a reference is a true LGE"),
        ({"truth": "mscmrseg"}, "which are not labels of 'mscmrseg'"),
        ({"enhanced_share": 1.5}, "must be 0 to 1, got 1.5"),
    ):
        with pytest.raises(InputError, match=message):
            run(files, out, console, **changes)
    assert not out.exists()


def test_an_input_is_never_overwritten(files, data, console):
    before = files["image"].read_bytes()
    with pytest.raises(InputError, match="is an input and would be overwritten"):
        run(files, data / "acdc", console)
    assert files["image"].read_bytes() == before


def test_a_scan_with_enhancement_is_no_cine(files, tmp_path, console):
    labels = labels_of("emidec")  # 3 is grey zone among our values
    save(files["labels"] / f"{NAME}.nii.gz", labels)
    with pytest.raises(InputError, match=rf"{NAME}\.nii\.gz: enhancement is drawn already"):
        run(files, tmp_path / "out", console, truth="acsnet")


def test_a_wall_without_blood_pool_is_refused(files, tmp_path, console):
    labels = labels_of("acdc")
    labels[labels == 3] = 0
    save(files["labels"] / f"{NAME}.nii.gz", labels)
    with pytest.raises(InputError, match="no slice has both wall and blood pool"):
        run(files, tmp_path / "out", console)


def test_the_figure_shows_the_slices_with_the_largest_scars(files):
    case = read_case(
        files["image"],
        files["labels"] / f"{NAME}.nii.gz",
        convention="acdc",
        source="cine",
    )
    scar = np.zeros(case.tissue.shape, bool)
    pixels = case.scan.pixels
    steps = Steps(
        cut=scar,
        scar=scar,
        weight=scar.astype(np.float32),
        added=pixels,
        speckled=pixels,
        matched=pixels,
    )
    assert shown_slices(case, steps) == [0, 1, 2]
    scar = np.zeros((10, 4, 4), bool)
    scar[7, 0, :3] = scar[2, 0, :2] = scar[4, 0, :1] = True
    wall = np.full((10, 4, 4), WALL, np.uint8)
    many = TrainingCase(scan=case.scan, tissue=wall, source="cine")
    largest = Steps(**{**vars(steps), "scar": scar})
    assert shown_slices(many, largest) == [2, 4, 7]
    figure = lge_like_figure(case, steps, case.scan)
    assert len(figure.axes) == 3 * 8
    assert figure.axes[0].get_ylabel() == "slice 1"


def test_the_command_tells_what_it_wrote_and_refuses_in_one_sentence(files, tmp_path):
    arguments = ["lge-like", str(files["image"]), "--labels", str(files["labels"])]
    arguments += ["--output", str(tmp_path / "out"), "--reference"]
    done = runner.invoke(app, [*arguments, str(files["reference"].parent / "Case_P001.nii.gz")])
    assert done.exit_code == 0, done.output
    assert f"{NAME}.nii.gz: scar in " in done.output
    refused = runner.invoke(app, [*arguments, str(tmp_path / "nothing")])
    assert refused.exit_code == 2
    assert "nothing does not exist" in refused.output

"""Warnings where the values of a label map in a file may be those of another convention."""

import nibabel as nib
import numpy as np
import pytest
from small_label_maps import rewritten
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.io import read_scan
from acsnet.measure import measure_label_file, measure_labels

CASE = "phantom-1"


@pytest.fixture(scope="module")
def image(samples):
    return samples / "nifti" / f"{CASE}.nii.gz"


@pytest.fixture(scope="module")
def labels(samples):
    return samples / "truth" / f"{CASE}.nii.gz"


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


def quantify(*arguments):
    return CliRunner().invoke(app, ["quantify", *map(str, arguments)])


def test_the_command_line_names_the_option_for_another_convention(image, labels, tmp_path):
    advice = "--truth names the convention of the label values; it was"
    result = quantify(image, labels, "--truth", "emidec", "--output", tmp_path / "wrong")
    assert f"{advice} emidec" in result.output
    written = (tmp_path / "wrong" / CASE / "features.json").read_text()
    assert "it follows another convention" in written
    assert "--truth" not in written
    assert advice not in quantify(image, labels, "--output", tmp_path / "right").output

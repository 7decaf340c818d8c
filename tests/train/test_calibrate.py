import io
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from acsnet.anatomy.checks import Limit, read_limits
from acsnet.anatomy.measures import MEASURE_NAMES, Form, Measures
from acsnet.cli.main import app
from acsnet.errors import AcsnetError, InputError
from acsnet.train.calibrate import (
    FIXED,
    PIXELS_MM,
    UNBOUNDED,
    ExpertWall,
    calibrate,
    fit_limits,
    measured_walls,
    pass_share,
    print_report,
    resampled,
    write_limits,
)
from acsnet.train.samples.walls import expert_cases, wall_lists


def expert_wall(value=10.0, **other):
    """An imagined wall: every measure that has to be calibrated is `value`, but for `other`."""
    known = {name: value for name in MEASURE_NAMES if name not in FIXED} | other
    return ExpertWall(
        source="lge",
        case="one",
        slice=0,
        pixel_mm=None,
        form=Form.RING,
        measures=Measures(objects=1, holes=0, border_pixels=0, **known),
    )


def disc(radius_mm, mm, side_mm=96.0):
    rows, columns = (np.arange(round(side_mm / size)) * size + size / 2 for size in mm)
    return np.hypot(rows[:, None] - side_mm / 2, columns - side_mm / 2) < radius_mm


def relabelled(data, path, change):
    """Rewrites the label file of a case, (column, row, slice), after `change`."""
    image = nib.load(data / path)
    labels = np.asarray(image.dataobj).copy()
    change(labels)
    nib.save(nib.Nifti1Image(labels, image.affine), data / path)


@pytest.fixture
def data_with_cap(data):
    """The first slice of the cine patient has no cavity, as at the apex."""

    def fill(labels):
        labels[..., 0][labels[..., 0] == 3] = 2

    relabelled(data, "acdc/labels/patient001_frame01.nii.gz", fill)
    return data


@pytest.mark.parametrize("mm", [(1.3, 1.3), (0.8, 1.6)])
@pytest.mark.parametrize("pixel_mm", [0.7, 2.4])
def test_a_wall_keeps_its_place_and_size_at_other_pixel_sizes(mm, pixel_mm):
    seen = resampled(disc(30.0, mm), mm, pixel_mm)
    # 96 mm are 74 pixels of 1.3, 120 of 0.8, 60 of 1.6 mm; the field of view is the same.
    expected = [round(round(96 / size) * size / pixel_mm) for size in mm]
    assert list(seen.shape) == expected
    assert seen.sum() * pixel_mm**2 == pytest.approx(np.pi * 30**2, rel=0.03)
    middle = (np.argwhere(seen).mean(axis=0) + 0.5) * pixel_mm
    assert middle == pytest.approx([48.0, 48.0], abs=0.5)


def test_at_its_own_pixel_size_a_wall_is_unchanged():
    wall = disc(20.0, (1.3, 1.3))
    np.testing.assert_array_equal(resampled(wall, (1.3, 1.3), 1.3), wall)


def test_every_slice_with_a_wall_is_measured_at_every_pixel_size(data, console):
    case = next(iter(expert_cases(data, wall_lists(data), console=console)))
    tissue = case.tissue.copy()
    tissue[1] = 0
    walls = measured_walls(replace(case, tissue=tissue))
    assert [(wall.slice, wall.pixel_mm) for wall in walls] == [
        (k, mm) for k in (0, 2) for mm in PIXELS_MM
    ]
    assert {(wall.source, wall.case, wall.form) for wall in walls} == {
        ("lge", "Case_P001", Form.RING)
    }
    # Rings of 10 and 14 pixels of 2 mm, cavities of 6 and 8.4; 2.4 mm pixels are coarse.
    for wall, outer, inner in zip(
        walls, [20.0] * 3 + [28.0] * 3, [12.0] * 3 + [16.8] * 3, strict=True
    ):
        assert wall.measures.outer_radius_mm == pytest.approx(outer, abs=0.7)
        assert wall.measures.cavity_radius_mm == pytest.approx(inner, abs=0.7)


def test_limits_are_widened_and_rounded_outward():
    limits = fit_limits([expert_wall(3.333)])
    # 2.9997 and 3.6663 with a tenth; 2.3331 and 4.3329 with three tenths for a size.
    assert limits["thickness_max_mm"] == Limit(low=2.99, high=3.67)
    assert limits["thickness_min_mm"] == Limit(low=2.99, high=3.67)
    assert limits["wall_area_mm2"] == Limit(low=2.33, high=4.34)
    assert limits["cap_radius_mm"] == Limit(low=2.33, high=4.34)
    assert limits["outer_concavity_mm"] == Limit(low=0.0, high=3.67)
    assert limits["thickness_variation"] == Limit(low=0.0, high=3.67)
    assert limits["cavity_circularity"] == Limit(low=2.99, high=UNBOUNDED)
    assert {name: limits[name] for name in FIXED} == FIXED
    assert set(limits) == set(MEASURE_NAMES)


def test_one_wall_in_ten_thousand_moves_no_limit_far():
    # Of 10,001 values the 0.1 % percentiles are the 11th from either end.
    walls = [expert_wall(10.0)] * 9_999
    limits = fit_limits([*walls, expert_wall(1.0), expert_wall(500.0)])
    assert limits == fit_limits(walls)


def test_walls_without_a_measure_do_not_count_for_it():
    walls = [expert_wall(3.333), expert_wall(3.333, cap_radius_mm=np.nan)]
    assert fit_limits(walls) == fit_limits(walls[:1])


def test_a_measure_that_no_wall_has_cannot_be_calibrated():
    with pytest.raises(AcsnetError, match="no expert wall has the measure cap_radius_mm"):
        fit_limits([expert_wall(cap_radius_mm=np.nan)])


def test_the_share_that_passes_and_what_is_outside():
    limits = fit_limits([expert_wall()])
    thick = expert_wall(thickness_max_mm=11.5, outer_circularity=8.0)
    assert thick.outside(limits) == ["outer_circularity", "thickness_max_mm"]
    assert pass_share([expert_wall(), expert_wall(), thick, thick], limits) == 0.5
    assert pass_share([], limits) == 1.0


def test_the_report_names_the_wall_its_value_and_its_limit():
    limits = fit_limits([expert_wall(3.333)])
    console = Console(file=io.StringIO(), width=200)
    walls = [expert_wall(3.333), expert_wall(3.333, thickness_max_mm=4.2)]
    print_report(walls, limits, console=console)
    report = console.file.getvalue()
    row = next(line for line in report.splitlines() if "one slice 1" in line)
    assert all(part in row for part in ("thickness_max_mm", "4.20", "<= 3.67", "as drawn"))
    assert "50.00% of 2" in report


def test_the_file_is_read_back_as_it_was_and_says_what_it_rests_on(tmp_path):
    walls = [expert_wall(3.333), expert_wall(3.333, thickness_max_mm=4.2)]
    limits = fit_limits(walls[:1])
    path = tmp_path / "limits.json"
    write_limits(limits, walls, path, data_sets=["emidec", "acdc"])
    assert read_limits(path) == limits
    content = json.loads(path.read_text())
    assert tuple(content["limits"]) == MEASURE_NAMES
    assert content["calibrated_on"]["lists"] == "emidec, acdc: train"
    assert content["calibrated_on"]["walls"] == 2
    assert content["calibrated_on"]["pass_share"]["as drawn"] == 0.5
    assert [file.name for file in tmp_path.iterdir()] == ["limits.json"]


def test_the_command_writes_limits_that_the_walls_of_the_train_lists_pass(data_with_cap, tmp_path):
    path = tmp_path / "new.json"
    result = CliRunner().invoke(
        app, ["calibrate", "--data", str(data_with_cap), "--output", str(path)]
    )
    assert result.exit_code == 0, result.output
    limits = read_limits(path)
    # The only cap is the apex of the cine patient: a disc of 10 pixels of 2 mm, widened by 0.3.
    assert limits["cap_radius_mm"].low == pytest.approx(0.7 * 20, abs=0.5)
    assert limits["cap_radius_mm"].high == pytest.approx(1.3 * 20, abs=0.5)
    assert json.loads(path.read_text())["calibrated_on"]["walls"] == 9


def test_nothing_is_written_when_too_many_walls_fail(data_with_cap, tmp_path, console):
    def split(labels):
        labels[2:5, 60:63, 1] = 2

    relabelled(data_with_cap, "emidec/labels/Case_P001.nii.gz", split)
    path = tmp_path / "limits.json"
    # Of nine walls the one in two parts fails.
    with pytest.raises(AcsnetError, match=r"only 88\.89% of the expert walls pass"):
        calibrate(data_with_cap, path, console=console)
    assert not path.exists()


def test_a_folder_without_train_lists_is_refused(tmp_path, console):
    with pytest.raises(InputError, match=r"splits\.json"):
        calibrate(tmp_path, tmp_path / "limits.json", console=console)
    result = CliRunner().invoke(app, ["calibrate", "--data", str(tmp_path)])
    assert result.exit_code == 2


def test_a_file_in_no_folder_is_refused_before_any_work(tmp_path, console):
    with pytest.raises(InputError, match=r"limits\.json cannot be written: .*none is not a folder"):
        calibrate(tmp_path, tmp_path / "none" / "limits.json", console=console)

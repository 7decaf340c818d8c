from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from acsnet import NOTICE
from acsnet.anatomy.checks import NOT_A_RING, check, read_limits
from acsnet.anatomy.measures import MEASURE_NAMES
from acsnet.cli.main import app
from acsnet.labels import Label
from acsnet.pipeline import Pipeline
from acsnet.quantify.quantification import quantify
from acsnet.report.anatomy_figure import (
    MARGIN_MM,
    anatomy_figure,
    shown_crop,
    slice_lines,
    write_anatomy_figure,
)
from acsnet.report.files import ANATOMY_FIGURE
from acsnet.result import Result
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection
from acsnet.stages.volumetric_checks import Dropped

LIMITS = read_limits()
SHAPE = (120, 100)
SPACING_MM = (1.0, 1.25)
CENTRE_MM = (60.0, 62.5)
NOTHING = np.zeros(SHAPE, bool)


def disc(radius_mm, shift_mm=(0.0, 0.0)):
    row, column = np.indices(SHAPE)
    return (
        np.hypot(
            row * SPACING_MM[0] - CENTRE_MM[0] - shift_mm[0],
            column * SPACING_MM[1] - CENTRE_MM[1] - shift_mm[1],
        )
        <= radius_mm
    )


RING = disc(30) & ~disc(20)
POOL = disc(20)
LOOSE = RING | disc(2, (-40, -40))
NOTCHED = RING & ~disc(13, (0, 30)) | disc(3, (0, 42))
SPUR = RING | (disc(44) & (np.abs(np.indices(SHAPE)[0] - 60) < 4) & ~POOL)
OPEN = RING & (np.abs(np.indices(SHAPE)[0] - 60) > 12) | (RING & (np.indices(SHAPE)[1] < 50))


def corrected(drawn, wall, action, **changes):
    return drawn, SliceCorrection(
        wall=wall,
        verdict=check(wall, SPACING_MM, LIMITS),
        failed=check(drawn, SPACING_MM, LIMITS).failures,
        action=action,
        **changes,
    )


KEPT = corrected(RING, RING, Action.KEPT)
TIDIED = corrected(LOOSE, RING, Action.TIDIED, dice=0.98)
MOVED = corrected(SPUR, RING, Action.MOVED, distance=0.42, dice=0.91)
EMPTIED = corrected(NOTCHED, NOTHING, Action.EMPTIED, dice=0.0)
C_SHAPE = corrected(OPEN, OPEN, Action.KEPT)
WORST = (
    RING,
    SliceCorrection(
        wall=RING,
        verdict=check(RING, SPACING_MM, LIMITS),
        failed=(*MEASURE_NAMES, NOT_A_RING),
        action=Action.MOVED,
        distance=12.34,
    ),
)
BLANK = corrected(NOTHING, NOTHING, Action.NOTHING)


def result_of(*slices, dropped=(), reversed_slices=False, name="case-1"):
    drawn = np.stack([wall for wall, _ in slices])
    anatomy = StackCorrection(slices=tuple(s for _, s in slices), dropped=tuple(dropped))
    labels = np.where(anatomy.wall, Label.LV_MYOCARDIUM, 0).astype(np.uint8)
    found = anatomy.wall.any(axis=(1, 2))[:, None, None]
    labels[POOL & found & (labels == 0)] = Label.LV_BLOOD_POOL
    noise = np.random.default_rng(0).normal(0, 15, drawn.shape)
    grid = InputGrid(
        shape=drawn.shape,
        affine=np.diag([8.0, *SPACING_MM, 1.0]),
        axes=(0, 1, 2),
        reversed_slices=reversed_slices,
    )
    scan = ShortAxisScan(
        name=name,
        pixels=(100 + 150 * POOL - 60 * RING + noise).astype(np.float32),
        grid=grid,
        apex_first=True,
    )
    return Result(
        scan=scan,
        labels=labels,
        quantification=quantify(scan, labels),
        anatomy=anatomy,
        drawn_wall=drawn,
        wall_probability=drawn.astype(np.float32),
        enhancement_probability=np.zeros(drawn.shape, np.float32),
        warnings=(),
        weights={},
        seconds={},
    )


def words(figure):
    found = [text.get_text() for text in figure.texts]
    found += [text.get_text() for axes in figure.axes for text in (*axes.texts, axes.title)]
    return "\n".join(found)


def test_every_slice_says_what_failed_by_name_and_what_was_done():
    dropped = (Dropped(index=4, reason="above the base"),)
    said = words(
        anatomy_figure(result_of(KEPT, TIDIED, MOVED, EMPTIED, KEPT, dropped=dropped), LIMITS)
    )
    assert NOTICE in said
    assert "case-1" in said
    for action in (Action.KEPT, Action.TIDIED, Action.MOVED):
        assert action.value in said.replace("\n  ", " ")
    assert "objects 2 > 1" in said
    assert "outer_concavity_mm" in said
    assert "latent distance 0.42\nDice before/after 0.91" in said
    assert "above the base" in said


def test_a_dropped_slice_is_not_said_to_be_kept():
    dropped = (Dropped(index=0, reason="above the base"),)
    lines = slice_lines(result_of(KEPT, dropped=dropped), 0, LIMITS)
    assert [line.text for line in lines] == ["slice 1: ring", "dropped: above the base"]


@pytest.mark.parametrize(
    ("slices", "name"),
    [
        ((WORST,), "1.2.840.113619.2.5.1762583153.215519.978957063.78"),
        ((WORST, MOVED) * 4, "UNDERSCORES_AND_NO_SPACES_" * 8),
        ((BLANK, BLANK), "$a_1$"),
    ],
)
def test_no_text_is_cut_off_or_lies_over_another(slices, name):
    dropped = [Dropped(index=k, reason="not joined to the ventricle") for k in range(len(slices))]
    figure = anatomy_figure(result_of(*slices, dropped=dropped, name=name), LIMITS)
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in (*figure.texts, figure.legends[0])]
    for number, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
        assert not any(
            min(box.x1, other.x1) - max(box.x0, other.x0) > 1
            and min(box.y1, other.y1) - max(box.y0, other.y0) > 1
            for other in boxes[:number]
        )


def test_a_name_too_long_for_the_title_keeps_its_beginning():
    said = words(anatomy_figure(result_of(KEPT, name="A" * 200), LIMITS))
    assert "A" * 40 in said


def test_only_the_networks_wall_is_framed_as_failed():
    figure = anatomy_figure(result_of(MOVED), LIMITS)
    assert [axes.spines["left"].get_linewidth() for axes in figure.axes] == [0.5, 3, 0.5]


def test_slices_are_numbered_as_in_the_file():
    forward = [slice_lines(result_of(KEPT, BLANK), k, LIMITS)[0].text for k in (0, 1)]
    assert [text.split(":")[0] for text in forward] == ["slice 1", "slice 2"]
    backward = slice_lines(result_of(KEPT, BLANK, reversed_slices=True), 0, LIMITS)
    assert backward[0].text.startswith("slice 2")


@pytest.mark.parametrize("flip", [False, True])
def test_slices_are_shown_as_a_viewer_shows_them(flip):
    result = result_of(KEPT)
    # Rows run to the feet and columns to the patient's left, as on a screen, or both reversed.
    sign = -1.0 if flip else 1.0
    affine = np.eye(4)
    affine[:3, 0] = 0.0, 8.0, 0.0
    affine[:3, 1], affine[:3, 2] = (0.0, 0.0, -sign), (-1.25 * sign, 0.0, 0.0)
    grid = replace(result.scan.grid, affine=affine)
    result = replace(result, scan=replace(result.scan, grid=grid))
    rows, columns = shown_crop(result)
    stored = result.scan.pixels[0][rows, columns]
    shown = anatomy_figure(result, LIMITS).axes[0].images[0].get_array()
    assert np.array_equal(shown, stored[::-1, ::-1] if flip else stored)


def test_the_outlines_turn_with_the_image():
    result = result_of(KEPT)
    affine = np.eye(4)
    affine[:3, 0] = 0.0, 8.0, 0.0
    # Rows run to the patient's left and columns to the feet: they are exchanged.
    affine[:3, 1], affine[:3, 2] = (-1.0, 0.0, 0.0), (0.0, 0.0, -1.25)
    labels = result.labels.copy()
    labels[0, 60:, :] = 0
    grid = replace(result.scan.grid, affine=affine)
    turned = replace(result, labels=labels, scan=replace(result.scan, grid=grid))
    corrected_wall = anatomy_figure(turned, LIMITS).axes[2]
    image, pool = corrected_wall.images
    rows, columns = shown_crop(turned)
    height, width = columns.stop - columns.start, rows.stop - rows.start
    assert image.get_array().shape == pool.get_array().shape[:2] == (height, width)
    assert corrected_wall.get_aspect() == pytest.approx(1.25)
    middle = 60 - rows.start
    assert pool.get_array()[:, :middle, 3].any()
    assert not pool.get_array()[:, middle:, 3].any()
    assert corrected_wall.collections[0].get_datalim(corrected_wall.transData).x1 < middle


def test_only_what_failed_is_marked_as_bad():
    assert not any(line.bad for line in slice_lines(result_of(KEPT), 0, LIMITS))
    assert any(line.bad for line in slice_lines(result_of(MOVED), 0, LIMITS))
    assert slice_lines(result_of(C_SHAPE), 0, LIMITS)[0].text.endswith("C")


def test_the_crop_holds_all_walls_with_a_margin():
    rows, columns = shown_crop(result_of(KEPT))
    assert rows.start <= CENTRE_MM[0] - 30 - MARGIN_MM + 1
    assert rows.stop >= CENTRE_MM[0] + 30 + MARGIN_MM - 1
    assert (columns.stop - columns.start) * SPACING_MM[1] >= 2 * 30 + MARGIN_MM


@pytest.mark.parametrize("slices", [(KEPT,), (KEPT,) * 14, (BLANK, BLANK)])
def test_any_number_of_slices_is_written_whole(tmp_path, slices):
    path = write_anatomy_figure(result_of(*slices), LIMITS, tmp_path)
    assert path == tmp_path / "case-1" / ANATOMY_FIGURE
    assert imread(path).ndim == 3
    assert [entry.name for entry in path.parent.iterdir()] == [ANATOMY_FIGURE]


@pytest.mark.slow
def test_the_command_draws_a_scan_and_refuses_what_is_none(
    pipeline, samples, tmp_path, monkeypatch
):
    monkeypatch.setattr(Pipeline, "load", lambda: pipeline)
    scan, nothing = samples / "nifti" / "phantom-1.nii.gz", tmp_path / "nothing.nii.gz"
    output = tmp_path / "out"
    inputs = [str(scan), str(nothing), str(scan)]
    result = CliRunner().invoke(app, ["figure", *inputs, "--output", str(output)])
    assert result.exit_code == 2
    assert "nothing.nii.gz" in result.output
    assert "a case named phantom-1 came earlier in this run" in " ".join(result.output.split())
    assert (output / "phantom-1" / ANATOMY_FIGURE).is_file()

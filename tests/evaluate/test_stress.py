import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from scipy.spatial.transform import Rotation
from typer.testing import CliRunner

from acsnet.cli import app
from acsnet.errors import InputError
from acsnet.evaluate import stress as stress_module
from acsnet.evaluate.stress import CHANGES, score, stress
from acsnet.evaluate.stress_cases import case_names, read_labelled
from acsnet.evaluate.stress_geometry import (
    MIRRORS,
    QUARTER_TURNS,
    LabelledScan,
    double_field_of_view,
    half_field_of_view,
    reoriented,
    resampled,
    slices_reversed,
    stack_affine,
    thin_slices,
)
from acsnet.evaluate.stress_signal import (
    bias_ramp,
    bias_waves,
    dark_wall,
    gamma,
    rescaled,
    rician_noise,
    signed,
)
from acsnet.evaluate.stress_table import CaseRun, print_report, summarise
from acsnet.evaluate.truth import ENH, LV, MYO
from acsnet.phantom import make_phantom
from acsnet.phantom.samples import SAMPLE_PATIENTS
from acsnet.preprocess import quarter_turns
from acsnet.scan import InputGrid, ShortAxisScan

SHAPE = (6, 40, 48)
SPACING_MM = (8.0, 1.5, 1.25)
ORIENTATIONS = [*QUARTER_TURNS.values(), *MIRRORS.values()]


def labels_of(centre=(22.0, 20.0), radius=9.0):
    """A wall 4 pixels thick round its cavity; in slice 3 its upper half is enhanced."""
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:] = np.where(distance <= radius - 4, 1, np.where(distance <= radius, 2, 0))
    labels[3][(labels[3] == 2) & (rows < centre[0])] = 3
    return labels


def case_of(labels, pixels=None):
    """An oblique stack in a file of (column, row, slice); every pixel has its own value."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [35, 20, -50], degrees=True).as_matrix()
    affine[:3, :3] = turn * SPACING_MM[::-1]
    affine[:3, 3] = (10.0, -20.0, 30.0)
    if pixels is None:
        pixels = np.arange(labels.size, dtype=np.float32).reshape(SHAPE)
    pixels.flags.writeable = labels.flags.writeable = False
    grid = InputGrid(shape=SHAPE[::-1], affine=affine, axes=(2, 1, 0))
    scan = ShortAxisScan(name="a", pixels=pixels, grid=grid, apex_first=True)
    return LabelledScan(scan=scan, labels=labels)


@pytest.fixture
def case():
    return case_of(labels_of())


def places(case):
    """Pixel value -> RAS mm, through the file's own order and affine."""
    grid = case.scan.grid
    values = grid.to_input(case.scan.pixels)
    indices = np.argwhere(np.ones(grid.shape, bool))
    points = indices @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return dict(zip(values.ravel().tolist(), np.round(points, 6).tolist(), strict=True))


def volume_ml(case):
    return np.bincount(case.labels.ravel(), minlength=4) * case.scan.voxel_ml


def same_places(changed, case):
    known = places(case)
    return all(np.allclose(point, known[value]) for value, point in places(changed).items())


def test_the_stack_affine_is_the_files_whichever_way_slices_run(case):
    for scan in (case.scan, case.scan.reversed()):
        known = places(LabelledScan(scan=scan, labels=case.labels))
        at = stack_affine(scan) @ [2, 3, 5, 1]
        assert at[:3] == pytest.approx(known[float(scan.pixels[2, 3, 5])], abs=1e-6)


@pytest.mark.parametrize("spacing_mm", [0.7, 1.0, 1.8, 2.4])
def test_resampling_keeps_volumes_and_places(spacing_mm):
    places_of_the_heart = [(19.5 + 0.37 * k, 23.1 - 0.29 * k) for k in range(6)]
    case = case_of(np.stack([labels_of(centre, 14.0)[3] for centre in places_of_the_heart]))
    changed = resampled(case, spacing_mm=spacing_mm)
    assert changed.scan.spacing_mm[1:] == pytest.approx((spacing_mm, spacing_mm), rel=0.03)
    assert changed.scan.spacing_mm[0] == pytest.approx(8.0)
    # Ventricle, wall and enhancement; the smaller a region, the more its coarse edge counts.
    for inner, within in ((1, 0.03), (2, 0.05), (3, 0.1)):
        volumes = [volume_ml(c)[inner:].sum() for c in (case, changed)]
        assert volumes[1] == pytest.approx(volumes[0], rel=within)
    middles = [
        stack_affine(c.scan) @ [*np.argwhere(c.labels > 0).mean(axis=0), 1] for c in (case, changed)
    ]
    assert middles[1] == pytest.approx(middles[0], abs=0.1)


def test_resampling_a_ramp_keeps_its_value_at_each_place(case):
    rows = np.broadcast_to(np.arange(40.0, dtype=np.float32)[:, None], SHAPE).copy()
    changed = resampled(case_of(case.labels, rows), spacing_mm=0.75)
    # Row 21 of 0.75 mm lies a quarter of an old row above the middle of the old row 10.5.
    assert changed.scan.pixels.shape == (6, 80, 80)
    assert changed.scan.pixels[0, 21, 40] == pytest.approx(10.25)


def test_a_coarse_pixel_is_in_the_regions_that_most_of_it_is_in():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, 24:] = 2
    labels[:, :, ::4] = 3 - labels[:, :, ::4]  # at most three eighths of any new pixel
    changed = resampled(case_of(labels), spacing_mm=2.5)
    assert changed.labels.shape == (6, 24, 24)
    assert not changed.labels[:, :, :11].any()
    assert (changed.labels[:, :, 13:] == 2).all()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("backwards", [False, True])
def test_a_turn_that_the_header_tells_moves_no_pixel(case, orientation, backwards):
    if backwards:
        case = LabelledScan(scan=case.scan.reversed(), labels=case.labels[::-1])
    changed = reoriented(case, orientation=orientation, told=True)
    assert same_places(changed, case)
    assert volume_ml(changed).tolist() == pytest.approx(volume_ml(case).tolist())
    assert np.array_equal(
        changed.labels.ravel()[np.argsort(changed.scan.pixels.ravel())],
        case.labels.ravel()[np.argsort(case.scan.pixels.ravel())],
    )


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turn_that_the_header_tells_is_undone_for_the_networks(case, degrees):
    changed = reoriented(case, orientation=QUARTER_TURNS[degrees], told=True)
    seen = [np.rot90(c.scan.pixels, quarter_turns(c.scan), (1, 2)) for c in (case, changed)]
    assert np.array_equal(*seen)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turn_not_told_leaves_the_directions_and_takes_the_pixel_sides_along(case, degrees):
    changed = reoriented(case, orientation=QUARTER_TURNS[degrees], told=False)
    assert np.array_equal(changed.scan.pixels, np.rot90(case.scan.pixels, degrees // 90, (1, 2)))
    assert np.array_equal(changed.labels, np.rot90(case.labels, degrees // 90, (1, 2)))
    sides = SPACING_MM if degrees == 180 else (8.0, 1.25, 1.5)
    assert changed.scan.spacing_mm == pytest.approx(sides)
    units = [
        s.grid.steps_mm / np.linalg.norm(s.grid.steps_mm, axis=1, keepdims=True)
        for s in (case.scan, changed.scan)
    ]
    assert units[1] == pytest.approx(units[0])


def test_a_mirror_not_told_is_another_anatomy(case):
    changed = reoriented(case, orientation=MIRRORS["left-right"], told=False)
    assert np.array_equal(changed.scan.pixels, case.scan.pixels[:, :, ::-1])
    assert np.array_equal(changed.labels, case.labels[:, :, ::-1])
    assert stack_affine(changed.scan) == pytest.approx(stack_affine(case.scan))


def test_slices_reversed_and_back_are_the_same(case):
    once = slices_reversed(case)
    assert once.scan.apex_first is None
    assert np.array_equal(once.labels, case.labels[::-1])
    assert same_places(once, case)
    twice = slices_reversed(once)
    assert np.array_equal(twice.scan.pixels, case.scan.pixels)
    assert np.array_equal(twice.labels, case.labels)
    assert twice.scan.grid == case.scan.grid


def test_thin_slices_are_linear_between_two_and_have_the_nearer_ones_labels():
    labels = np.zeros(SHAPE, np.uint8)
    labels[:] = np.arange(6)[:, None, None] % 4
    pixels = np.broadcast_to(np.arange(6.0, dtype=np.float32)[:, None, None], SHAPE).copy()
    changed = thin_slices(case_of(labels, pixels))
    # 40 mm hold nine slices of 5 mm, each 0.625 old slices from the one before.
    assert changed.scan.pixels[:, 0, 0] == pytest.approx(0.625 * np.arange(9))
    assert changed.labels[:, 0, 0].tolist() == [0, 1, 1, 2, 3, 3, 0, 0, 1]
    assert changed.scan.spacing_mm == pytest.approx((5.0, 1.5, 1.25))
    assert stack_affine(changed.scan)[:3, 3] == pytest.approx((10.0, -20.0, 30.0))


@pytest.mark.parametrize("centre", [(20, 24), (9, 9), (30, 38)])
def test_half_the_field_of_view_keeps_the_whole_ventricle(centre):
    case = case_of(labels_of(centre))
    changed = half_field_of_view(case)
    assert changed.labels.shape == (6, 20, 24)
    assert volume_ml(changed)[1:] == pytest.approx(volume_ml(case)[1:])
    assert same_places(changed, case)


def test_a_ventricle_larger_than_half_the_field_is_not_cut():
    case = case_of(labels_of((20, 24), 15.0))
    changed = half_field_of_view(case)
    assert changed.labels.shape == (6, 31, 31)
    assert volume_ml(changed)[1:] == pytest.approx(volume_ml(case)[1:])


def test_twice_the_field_of_view_is_black_all_round(case):
    changed = double_field_of_view(case)
    assert changed.labels.shape == (6, 80, 96)
    inside = np.s_[:, 20:60, 24:72]
    assert np.array_equal(changed.scan.pixels[inside], case.scan.pixels)
    assert np.array_equal(changed.labels[inside], case.labels)
    assert changed.labels.sum() == case.labels.sum()
    assert changed.scan.pixels.sum() == pytest.approx(case.scan.pixels.sum(dtype=float), rel=1e-5)
    assert stack_affine(changed.scan) @ [0, 20, 24, 1] == pytest.approx((10, -20, 30, 1))


def test_scale_offset_and_sign_are_exact(case):
    pixels = case.scan.pixels
    assert rescaled(case, scale=0.01, offset=-500.0).scan.pixels == pytest.approx(
        0.01 * pixels - 500.0
    )
    assert np.median(signed(case).scan.pixels) == 0.0
    assert signed(case).scan.pixels.min() < 0.0


def test_gamma_keeps_black_and_white_and_bends_between():
    pixels = np.full(SHAPE, 100.0, np.float32)
    pixels[:, :, :24] = -20.0
    pixels[:, :, 24:30] = 10.0  # a quarter of the way
    values = [
        np.unique(gamma(case_of(labels_of(), pixels), power=power).scan.pixels)
        for power in (0.5, 2.0)
    ]
    assert values[0] == pytest.approx([-20.0, 40.0, 100.0])
    assert values[1] == pytest.approx([-20.0, -12.5, 100.0])


@pytest.mark.parametrize("bias", [bias_ramp, bias_waves])
def test_bias_fields_reach_forty_percent_each_way_and_leave_black(bias):
    pixels = np.full(SHAPE, 100.0, np.float32)
    pixels[:, :, 0] = 0.0
    field = bias(case_of(labels_of(), pixels)).scan.pixels / 100.0
    assert not field[:, :, 0].any()
    assert (field[:, :, 1:].min(), field[:, :, 1:].max()) == pytest.approx((0.6, 1.4), abs=0.05)
    assert np.array_equal(field[0], field[5])
    assert np.abs(np.diff(field[0, :, 1:], axis=0)).max() < 0.08


@pytest.mark.parametrize("share", [0.02, 0.05, 0.1])
def test_noise_has_the_level_that_it_says(share):
    pixels = np.full(SHAPE, 700.0, np.float32)
    pixels[:, :20] = 200.0
    case = case_of(labels_of(), pixels)
    noisy = rician_noise(case, share=share).scan.pixels - 200.0
    assert noisy[:, 20:].std() == pytest.approx(500.0 * share, rel=0.03)
    # Where there is no signal the magnitude has a Rayleigh distribution.
    assert noisy[:, :20].mean() == pytest.approx(500.0 * share * np.sqrt(np.pi / 2), rel=0.03)
    assert np.array_equal(noisy, rician_noise(case, share=share).scan.pixels - 200.0)


def test_a_dark_wall_is_nearly_black():
    labels = labels_of()
    pixels = np.choose(labels, [50.0, 400.0, 150.0, 600.0]).astype(np.float32)
    changed = dark_wall(case_of(labels, pixels)).scan.pixels
    # Black goes from 50 to 140: 90 % of the way to the wall.
    assert [np.unique(changed[labels == k]).tolist() for k in range(4)] == [[0], [260], [10], [460]]


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_gives_a_scan_that_a_file_could_hold(case, name):
    changed = CHANGES[name](case)
    grid, pixels = changed.scan.grid, changed.scan.pixels
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert pixels.shape == changed.labels.shape
    assert grid.to_input(pixels).shape == grid.shape
    assert np.array_equal(grid.from_input(grid.to_input(changed.labels)), changed.labels)
    assert set(np.unique(changed.labels)) == {0, 1, 2, 3}
    assert changed.scan.name == "a"


def by_brightness(scan):
    """A method without networks: labels are pixels over 100; refuses negative ones."""
    if scan.pixels.min() < 0:
        msg = "negative"
        raise ZeroDivisionError(msg)
    return scan.grid.to_input(np.clip(scan.pixels // 100, 0, 3).astype(np.uint8))


@pytest.fixture
def bright():
    labels = labels_of()
    return case_of(labels, (100.0 * labels).astype(np.float32))


def test_a_change_is_scored_on_its_own_grid_against_its_own_labels(bright):
    changes = {
        "turned": CHANGES["turned 90, in header"],
        "reversed": slices_reversed,
        "darker": lambda case: rescaled(case, scale=0.7),
        "negative": lambda case: rescaled(case, offset=-1.0),
    }
    console = Console(file=io.StringIO(), width=100)
    runs = stress([bright], by_brightness, changes, truth="emidec", console=console)
    perfect = {LV: 1.0, MYO: 1.0, ENH: 1.0}
    assert [runs[name][0].dice for name in ("clean", "turned", "reversed")] == [perfect] * 3
    # At 70 % the wall is blood pool by brightness and the enhanced half is healthy wall.
    wall, enhanced = (np.isin(bright.labels, v).sum((1, 2)) for v in ((2, 3), (3,)))
    half = 2 * enhanced[3] / (wall[3] + enhanced[3])
    assert runs["darker"][0].dice[MYO] == pytest.approx(half / 5)
    assert runs["darker"][0].dice[ENH] == 0.0
    assert runs["negative"][0] == CaseRun(case="a", dice={}, error="ZeroDivisionError: negative")


def test_a_truth_without_enhancement_has_no_score_for_it(bright):
    console = Console(file=io.StringIO())
    runs = stress([bright], by_brightness, {}, truth="acdc", console=console)
    assert runs["clean"][0].dice == {LV: 1.0, MYO: 1.0}


def test_no_enhancement_drawn_is_no_score(bright):
    healthy = replace(bright, labels=np.minimum(bright.labels, 2))
    assert score(healthy, by_brightness, [MYO, ENH]).dice == {MYO: 1.0, ENH: None}


def run_of(case, wall):
    if wall is None:
        return CaseRun(case=case, dice={}, error="ValueError: no")
    return CaseRun(case=case, dice={LV: 0.9, MYO: wall, ENH: None})


def report_of(**walls):
    return summarise(
        {
            name: [run_of(c, w) for c, w in zip("ab", pair, strict=True)]
            for name, pair in walls.items()
        },
        "emidec",
    )


def test_loss_is_the_mean_over_patients_and_the_worst_is_named():
    report = report_of(clean=(0.8, 0.9), mild=(0.78, 0.92), hard=(0.7, 0.86))
    clean, mild, hard = report.rows
    assert (clean.loss, clean.dice[MYO]) == (0.0, pytest.approx(0.85))
    assert (mild.loss, mild.worst_loss, mild.worst_case) == (
        pytest.approx(0.0),
        pytest.approx(0.02),
        "a",
    )
    assert (hard.loss, hard.worst_loss, hard.worst_case) == (
        pytest.approx(0.07),
        pytest.approx(0.1),
        "a",
    )
    assert [row.costly for row in report.rows] == [False, False, True]
    assert not report.passed
    assert report.verdict == "More than 0.05 wall Dice lost: hard (0.070)."
    assert hard.dice[ENH] is None


def test_a_failure_is_in_no_mean_but_fails_the_test():
    report = report_of(clean=(0.8, 0.9), broken=(None, 0.9), dead=(None, None))
    _, broken, dead = report.rows
    assert (broken.loss, broken.worst_case) == (0.0, "b")
    assert broken.failures == ("a: ValueError: no",)
    assert (dead.loss, dead.worst_loss, dead.dice[MYO]) == (None, None, None)
    assert report.verdict == "Failed: broken (1), dead (2)."


def test_the_table_shows_losses_failures_and_the_verdict():
    console = Console(file=io.StringIO(), width=100)
    print_report(report_of(clean=(0.8, 0.9), hard=(0.7, 0.86), broken=(None, 0.9)), console)
    lines = console.file.getvalue().splitlines()
    (hard,) = [line.split() for line in lines if line.startswith("hard")]
    assert hard == ["hard", "0.780", "+0.070", "+0.100", "0.900", "-", "-", "a"]
    assert "broken: a: ValueError: no" in lines
    assert "More than 0.05 wall Dice lost: hard (0.070). Failed: broken (1)." in lines
    print_report(report_of(clean=(0.8, 0.9), mild=(0.8, 0.89)), console)
    assert "No change costs more than 0.05 wall Dice." in console.file.getvalue()


def test_names_come_from_a_list_or_a_file(tmp_path):
    assert case_names("b, a,b") == ["b", "a"]
    listed = tmp_path / "names.txt"
    listed.write_text("a\n\n b \n")
    assert case_names(f"@{listed}") == ["a", "b"]
    with pytest.raises(InputError, match="names no case"):
        case_names(" ,")
    with pytest.raises(InputError, match=r"missing\.txt"):
        case_names(f"@{tmp_path / 'missing.txt'}")


@pytest.fixture
def folders(tmp_path, save, labels):
    """Case `a` twice over: the image as drawn and labels in a file of flipped rows."""
    pixels = np.choose(labels, [0, 100, 200, 300, 300]).astype(np.float32)
    save(tmp_path / "images" / "a.nii.gz", pixels)
    flip = np.diag([-1.5, 2.0, 8.0, 1.0])
    flip[0, 3] = 9 * 1.5
    save(tmp_path / "labels" / "a.nii.gz", labels[::-1], flip)
    return tmp_path / "images", tmp_path / "labels"


def test_labels_are_turned_into_the_order_of_the_image(folders):
    images, labels = folders
    case = read_labelled("a", images=images, labels=labels, truth="acsnet")
    assert np.array_equal(case.scan.pixels, 100.0 * case.labels)
    assert case.scan.windows is None


def test_a_case_that_cannot_be_scored_is_refused_by_name(folders, save, labels):
    images, folder = folders
    with pytest.raises(InputError, match=r"b must have both an image in .* and .*b\.nii\.gz"):
        read_labelled("b", images=images, labels=folder, truth="acsnet")
    save(folder / "a.nii.gz", labels[1:])
    with pytest.raises(InputError, match="must have one shape"):
        read_labelled("a", images=images, labels=folder, truth="acsnet")
    save(folder / "a.nii.gz", np.minimum(labels, 1))
    with pytest.raises(InputError, match=r"a\.nii\.gz holds no healthy myocardium"):
        read_labelled("a", images=images, labels=folder, truth="acsnet")


class ByBrightness:
    """Stands in for the pipeline and its result."""

    @classmethod
    def load(cls):
        return cls()

    def __call__(self, scan):
        self.labels = by_brightness(scan)
        return self

    def label_map(self):
        return self.labels


def stress_command(folders, *more):
    images, labels = folders
    options = ("--stress", "--images", str(images), "--labels", str(labels), "--truth", "acsnet")
    return CliRunner().invoke(app, ["evaluate", *options, *more])


def test_the_command_fails_and_names_what_is_lost(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(stress_module, "Pipeline", ByBrightness)
    changes = {"x 0.01": CHANGES["intensity x 0.01"], "- 500": CHANGES["intensity - 500"]}
    monkeypatch.setattr(stress_module, "CHANGES", changes)
    result = stress_command(folders, "--json", str(tmp_path / "out.json"))
    assert result.exit_code == 1, result.output
    numbers = json.loads((tmp_path / "out.json").read_text())
    assert (numbers["passed"], numbers["max_loss"]) == (False, 0.05)
    assert numbers["verdict"] == "More than 0.05 wall Dice lost: x 0.01 (1.000). Failed: - 500 (1)."
    clean, dim, negative = numbers["changes"]
    assert clean["dice"] == {"lv": 1.0, "myocardium": 1.0, "enhancement": 1.0}
    assert (dim["loss"], dim["costly"]) == (1.0, True)
    assert negative["failures"] == ["a: ZeroDivisionError: negative"]


def test_the_command_says_so_when_nothing_is_lost(folders, monkeypatch):
    monkeypatch.setattr(stress_module, "Pipeline", ByBrightness)
    monkeypatch.setattr(stress_module, "CHANGES", {"reversed": slices_reversed})
    result = stress_command(folders, "--cases", "a")
    assert result.exit_code == 0, result.output
    assert "No change costs more than 0.05 wall Dice." in result.output


def test_options_that_do_not_go_together_are_refused(folders, tmp_path):
    common = ("evaluate", "--labels", str(folders[1]), "--truth", "acsnet")
    for more in (
        (),
        ("--stress",),
        ("--images", str(tmp_path)),
        ("--predictions", str(tmp_path), "--cases", "a"),
        ("--predictions", str(tmp_path), "--stress", "--images", str(tmp_path)),
    ):
        assert CliRunner().invoke(app, [*common, *more]).exit_code == 2
    assert stress_command(folders, "--cases", "nobody").exit_code == 2


def test_what_a_header_can_tell_costs_the_shipped_networks_nothing(pipeline):
    phantom = make_phantom(SAMPLE_PATIENTS[0])
    case = LabelledScan(scan=phantom.scan, labels=np.minimum(phantom.labels, 3))
    changes = {n: CHANGES[n] for n in ("turned 90, in header", "slices reversed")}
    runs = stress(
        [case],
        lambda scan: pipeline(scan).label_map(),
        changes,
        truth="acsnet",
        console=Console(file=io.StringIO()),
    )
    report = summarise(runs, "acsnet")
    assert [row.worst_loss for row in report.rows] == pytest.approx([0.0] * 3, abs=0.002)

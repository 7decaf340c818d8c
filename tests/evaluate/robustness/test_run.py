import io
import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from labelled_stack import AFFINE, case_of, labels_of
from rich.console import Console
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.evaluate.robustness import run as stress_module
from acsnet.evaluate.robustness.intensity import rescaled
from acsnet.evaluate.robustness.labelled_scans import case_names, read_labelled
from acsnet.evaluate.robustness.run import CHANGES, run_stress, score, stress
from acsnet.evaluate.robustness.spatial import LabelledScan, slices_reversed
from acsnet.evaluate.robustness.table import CaseRun, print_report, summarise
from acsnet.label_conventions import ENH, LV, MYO
from acsnet.phantom import make_phantom
from sample_patients import SAMPLE_PATIENTS

pytestmark = pytest.mark.slow


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
    enhanced, wall = (np.isin(bright.labels, values).sum() for values in ((3,), (2, 3)))
    assert runs["reversed"][0].burden_percent == pytest.approx(100.0 * enhanced / wall)
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
    assert runs["clean"][0].burden_percent is None


def test_no_enhancement_drawn_is_no_score(bright):
    healthy = replace(bright, labels=np.minimum(bright.labels, 2))
    assert score(healthy, by_brightness, [MYO, ENH]).dice == {MYO: 1.0, ENH: None}


def run_of(case, wall):
    if wall is None:
        return CaseRun(case=case, dice={}, error="ValueError: no")
    return CaseRun(case=case, dice={LV: 0.9, MYO: wall, ENH: None}, burden_percent=10.0 * wall)


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
    assert hard.burden_change == pytest.approx(-0.7)


def test_a_change_that_moves_the_burden_fails_though_it_costs_no_dice():
    dice = {LV: 0.9, MYO: 0.8, ENH: 0.6}
    burdens = {"clean": (10.0, 0.0), "even": (13.0, -3.0), "dim": (8.5, -2.6), "gone": (None, 0.0)}
    report = summarise(
        {
            name: [
                CaseRun(case=case, dice=dice, burden_percent=burden)
                for case, burden in zip("ab", pair, strict=True)
            ]
            for name, pair in burdens.items()
        },
        "emidec",
    )
    assert [row.burden_change for row in report.rows] == pytest.approx([0.0, 0.0, -2.05, 0.0])
    assert [row.moves_burden for row in report.rows] == [False, False, True, False]
    assert not report.passed
    assert report.verdict == "Scar burden moved by more than 2 points on average: dim (-2.0)."
    # `even` moves the burden of each by 3 points, and the mean not at all.
    assert [row.burden_moved for row in report.rows] == pytest.approx([0.0, 3.0, 2.05, 0.0])
    assert [row.burden_most for row in report.rows] == pytest.approx([0.0, 3.0, 2.6, 0.0])


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
    burden = ["-0.7", "0.7", "1.0"]
    assert hard == ["hard", "0.780", "+0.070", "+0.100", "0.900", "-", *burden, "-", "a"]
    assert "broken: a: ValueError: no" in lines
    assert "More than 0.05 wall Dice lost: hard (0.070). Failed: broken (1)." in lines
    print_report(report_of(clean=(0.8, 0.9), mild=(0.8, 0.89)), console)
    assert (
        "No change costs more than 0.05 wall Dice or 2 points of scar burden on average."
        in console.file.getvalue()
    )


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
    save(folder / "a.nii.gz", labels[1:], AFFINE @ np.diag([1.1, 1.1, 1.1, 1.0]))
    with pytest.raises(InputError, match=r"a\.nii\.gz must lie on its image"):
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
    monkeypatch.setattr(stress_module, "run_stress", partial(run_stress, changes=changes))
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
    changes = {"reversed": slices_reversed}
    monkeypatch.setattr(stress_module, "run_stress", partial(run_stress, changes=changes))
    result = stress_command(folders, "--cases", "a")
    assert result.exit_code == 0, result.output
    told = "No change costs more than 0.05 wall Dice or 2 points of scar burden on average."
    assert told in " ".join(result.output.split())


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

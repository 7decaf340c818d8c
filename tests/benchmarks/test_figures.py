import io

import numpy as np
import pytest
from matplotlib.image import imread

from acsnet.evaluate.cases import CaseScores, RegionScores
from acsnet.evaluate.summary import summarise
from results_page import figures
from results_page.examples import ExampleFiles, example_figures, ranked, read_example
from results_page.figures import all_figures, burdens, drawn_dice, volume_error_percent

THIRDS = ("apex", "apex", "middle", "base")


def region(dice, drew, expert_ml, predicted_ml):
    return RegionScores(
        expert_drew=np.array(drew, dtype=bool),
        predicted_drew=np.array(drew, dtype=bool),
        dice=np.array(dice),
        balanced_accuracy=np.full(4, 0.9),
        hausdorff_mm=np.full(4, 5.0),
        expert_ml=expert_ml,
        predicted_ml=predicted_ml,
        volume_dice=float(np.mean(dice)),
    )


def case(name, dice, *, enhancement=(10.0, 5.0), wall=(100.0, 110.0)):
    regions = {
        "lv": region(dice, (0, 1, 1, 1), 200.0, 190.0),
        "myocardium": region(dice, (0, 1, 1, 1), *wall),
    }
    if enhancement:
        regions["enhancement"] = region(dice, (0, 0, 1, 0), *enhancement)
    return CaseScores(name=name, spacing_mm=(8.0, 1.5, 1.5), thirds=THIRDS, regions=regions)


CASES = [
    case("a", [1.0, 0.5, 0.8, 0.9]),
    case("b", [1.0, 0.7, 0.6, 0.9], enhancement=(0.0, 11.0)),
    case("c", [0.0, 0.0, 0.1, 0.2], enhancement=(30.0, 22.0)),
]


def lines_at(axes):
    """Positions of the upright lines."""
    return sorted(line.get_xdata()[0] for line in axes.lines)


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return imread(io.BytesIO(buffer.getvalue()))


def test_dice_is_that_of_slices_the_expert_drew():
    # Of the two apical slices the expert drew the second.
    assert drawn_dice(CASES, "lv", "apex").tolist() == [0.5, 0.7, 0.0]
    assert drawn_dice(CASES, "enhancement", "base").tolist() == []


def test_the_histograms_mark_mean_and_percentiles():
    grid = np.reshape(figures.dice_by_third(CASES).axes, (3, 2))
    assert [axes.get_title().split(":")[0] for axes in grid[:, 0]] == [
        "LV ROI, base",
        "LV ROI, middle",
        "LV ROI, apex",
    ]
    # 0, 0.5, 0.7: mean 0.4; the 5th percentile lies a tenth of the way from 0 to 0.5.
    assert lines_at(grid[2, 0]) == pytest.approx([0.05, 0.4, 0.68])
    assert "mean 0.40, 3 slices" in grid[2, 1].get_title()
    assert grid[0, 0].get_xlim() == (0.0, 1.0)


def test_a_third_without_slices_is_said_to_be_empty():
    short = CaseScores(
        name="short", spacing_mm=(8.0, 1.5, 1.5), thirds=("middle",) * 4, regions=CASES[0].regions
    )
    figure = figures.dice_by_third([short])
    assert figure.axes[0].get_title() == "LV ROI, base: no slice"


def test_volume_errors_are_normalised_by_the_expert():
    expert, error = volume_error_percent(CASES, "enhancement")
    assert expert.tolist() == [10.0, 30.0]
    assert error.tolist() == pytest.approx([50.0, 80 / 3])
    figure = figures.volume_errors(CASES)
    assert [axes.get_title() for axes in figure.axes] == [
        "LV ROI: mean 5.0 %, n = 3",
        "Myocardium: mean 10.0 %, n = 3",
        "Enhancement: mean 38.3 %, n = 2",
    ]
    assert len(figure.axes[2].collections[0].get_offsets()) == 2


def test_burden_figures_show_every_patient_at_the_right_place():
    evaluation = summarise(CASES, "emidec")
    expert, predicted = burdens(CASES)
    assert expert.tolist() == [10.0, 0.0, 30.0]
    assert predicted.tolist() == pytest.approx([50 / 11, 10.0, 20.0])
    difference = figures.bland_altman(CASES, evaluation.burden).axes[0]
    with_scar, without = (dots.get_offsets().tolist() for dots in difference.collections)
    assert without == [pytest.approx([5.0, 10.0])]
    assert with_scar[1] == pytest.approx([25.0, -10.0])
    heights = [line.get_ydata()[0] for line in difference.lines]
    low, high = evaluation.burden.limits_points
    assert heights == pytest.approx([0.0, evaluation.burden.bias_points, low, high])
    scatter = figures.burden_concordance(CASES, evaluation.burden).axes[0]
    (identity,) = scatter.lines
    assert identity.get_xdata() == pytest.approx(identity.get_ydata())
    assert f"{evaluation.burden.concordance:.3f}" in scatter.get_title()


def test_a_patient_without_a_predicted_wall_has_no_burden_to_show():
    cases = [*CASES, case("lost", [0.0] * 4, enhancement=(10.0, 0.0), wall=(100.0, 0.0))]
    evaluation = summarise(cases, "emidec")
    assert len(burdens(cases)[0]) == 3
    assert "n = 3" in figures.bland_altman(cases, evaluation.burden).axes[0].get_title()


@pytest.mark.slow
def test_cine_has_no_burden_figures():
    cases = [case("a", [1.0, 0.5, 0.8, 0.9], enhancement=None)]
    drawn = all_figures(summarise(cases, "acdc"))
    assert set(drawn) == {figures.DICE, figures.VOLUMES}


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3])
def test_figures_fit_a_page_and_are_drawn(count):
    drawn = all_figures(summarise(CASES[:count], "emidec"))
    assert len(drawn) == 4
    for figure in drawn.values():
        image = pixels(figure)
        assert image.shape[1] <= 1100
        assert image[..., :3].std() > 0.05


@pytest.mark.slow
def test_a_perfect_prediction_can_be_drawn():
    perfect = case("p", [1.0] * 4, enhancement=(10.0, 10.0), wall=(100.0, 100.0))
    for figure in all_figures(summarise([perfect, perfect], "emidec")).values():
        pixels(figure)


def test_examples_are_best_median_and_worst_of_whom_the_expert_drew():
    chosen = ranked(CASES, "myocardium")
    assert {rank: case.name for rank, case in chosen.items()} == {
        "best": "a",
        "median": "b",
        "worst": "c",
    }
    chosen = ranked(CASES, "enhancement")  # the expert drew none in b
    assert {rank: case.name for rank, case in chosen.items()} == {"best": "a", "worst": "c"}
    assert ranked(CASES[1:2], "enhancement") == {}


@pytest.fixture
def files(tmp_path, save, labels):
    """One patient: the prediction is the expert's map shifted by one column."""
    image = labels.astype(np.float32) * 100 + np.arange(4, dtype=np.float32)
    return ExampleFiles(
        image=save(tmp_path / "images" / "a.nii.gz", image),
        expert=save(tmp_path / "labels" / "a.nii.gz", labels),
        predicted=save(tmp_path / "a" / "segmentation.nii.gz", np.roll(labels, 1, axis=1)),
    )


def test_an_example_is_the_middle_slice_of_the_wall_or_that_with_most_enhancement(files, labels):
    wall = read_example(CASES[0], files, "acsnet", region="myocardium", rank="best")
    # Array axes are slice, row, column = file axes 2, 1, 0: the stack's plane is turned.
    assert "slice 3 of 4" in wall.title
    assert np.array_equal(wall.expert["myocardium"].T, labels[..., 2] >= 2)
    assert np.array_equal(wall.predicted["lv"].T, np.roll(labels[..., 2] > 0, 1, axis=1))
    assert np.array_equal(wall.pixels.T, labels[..., 2] * 100.0 + 2)
    scar = read_example(CASES[0], files, "acsnet", region="enhancement", rank="worst")
    assert scar.title.startswith("worst: a\nDice 0.80, slice 3 of 4")


def test_example_figures_outline_both(files):
    drawn = example_figures(CASES[:1], {"a": files}, "acsnet")
    assert set(drawn) == {"examples_myocardium.png", "examples_enhancement.png"}
    image, expert, predicted = drawn["examples_enhancement.png"].axes
    assert [len(axes.collections) for axes in (image, expert, predicted)] == [0, 2, 2]
    assert pixels(drawn["examples_enhancement.png"]).shape[1] <= 1100
    assert "Not a medical device" in drawn["examples_myocardium.png"].get_suptitle()

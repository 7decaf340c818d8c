"""How experiments on the networks of folds keep, print and refuse."""

import json

import pytest

from acsnet.errors import InputError
from training.fold_arms import arms_parser, recipe_of, report


def test_all_measures_are_written_and_compared_with_the_base(tmp_path, capsys):
    patients = {f"Case_P00{k}": {"wall_dice": 0.8 + 0.01 * k} for k in range(6)}
    for measures in patients.values():
        measures |= dict.fromkeys(
            ("enhancement_dice", "wall_bias_percent", "burden_bias_points", "false_scar_percent")
        )
    better = {n: {**m, "wall_dice": m["wall_dice"] + 0.02} for n, m in patients.items()}
    scores = {"as it is": patients, "changed": better}
    report(lambda: scores, tmp_path / "arms.json", base="as it is")
    assert json.loads((tmp_path / "arms.json").read_text()) == scores
    rows = [line for line in capsys.readouterr().out.splitlines() if "wall Dice" in line]
    assert "0.825" in rows[0]
    for text in ("0.845", "+0.020", "better"):
        assert text in rows[1]


def test_what_goes_wrong_is_a_sentence_and_leaves_no_file(tmp_path):
    def refused():
        msg = "RUN holds measures of other settings"
        raise InputError(msg)

    with pytest.raises(SystemExit, match="RUN holds measures of other settings"):
        report(refused, tmp_path / "arms.json", base="as it is")

    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match="interrupted: the same command goes on"):
        report(interrupted, tmp_path / "arms.json", base="as it is")
    assert list(tmp_path.iterdir()) == []


def test_options_reach_the_recipe():
    options = ["--data", "d", "--run", "r", "--epochs", "5", "--images", "64", "--batch", "8"]
    recipe = recipe_of(arms_parser("About.").parse_args([*options, "--rate", "0.01"]))
    assert (recipe.epochs, recipe.images_an_epoch, recipe.batch) == (5, 64, 8)
    assert recipe.learning_rate == pytest.approx(0.01)

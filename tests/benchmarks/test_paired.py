import numpy as np
import pytest

from training.paired import Change, cells, changes, patient_measures

WIDTH = 20


def row(pixels):
    """(1, 1, WIDTH): the first pixels are in."""
    return (np.arange(WIDTH) < pixels)[None, None]


def stack(*pixels):
    return np.concatenate([row(n) for n in pixels])


def probability(wall, enhancement):
    return np.stack([wall, enhancement]).astype(np.float32)


def test_measures_of_a_patient_with_scar():
    # Expert: walls of 10, 10 and 0 pixels, scar of 4 in the first. Predicted: walls of 10 and 6,
    # one of 5 beyond the expert's; scar above 0.5 on 2 pixels, below it on 2 more, and outside.
    wall = stack(10, 6, 5) * 0.9
    enhancement = np.where(stack(2, 0, 5), 0.9, np.where(stack(4, 0, 0), 0.4, 0.0))
    enhancement[1, 0, 12:] = 0.9
    found = patient_measures(probability(wall, enhancement), stack(10, 10, 0), stack(4, 0, 0))
    assert found == pytest.approx(
        {
            "wall_dice": (1.0 + 12 / 16) / 2,
            "enhancement_dice": 4 / 6,
            "wall_bias_percent": 100 * (16 / 20 - 1),
            "burden_bias_points": 100 * 2 / 16 - 100 * 4 / 20,
            "false_scar_percent": None,
        }
    )


def test_measures_of_a_normal():
    wall, enhancement = stack(8, 12) * 0.9, stack(1, 0) * 0.9
    found = patient_measures(probability(wall, enhancement), stack(10, 10), stack(0, 0))
    assert found["enhancement_dice"] is None
    assert found["wall_bias_percent"] == pytest.approx(0.0)
    assert found["burden_bias_points"] == found["false_scar_percent"] == pytest.approx(5.0)


def test_a_patient_without_a_predicted_wall_has_no_burden_but_a_dice_of_0():
    found = patient_measures(probability(stack(0), stack(5)), stack(10), stack(3))
    assert found["wall_dice"] == found["enhancement_dice"] == 0.0
    assert found["wall_bias_percent"] == -100.0
    assert found["burden_bias_points"] is None


def patients(**values):
    """Measures of patients, those not given being None."""
    names = (
        "wall_dice",
        "enhancement_dice",
        "wall_bias_percent",
        "burden_bias_points",
        "false_scar_percent",
    )
    n = len(next(iter(values.values())))
    return {
        str(k): {name: values[name][k] if name in values else None for name in names}
        for k in range(n)
    }


def test_a_gain_in_every_patient_is_better_and_the_same_loss_worse():
    base = [0.5, 0.9, 0.7, 0.8, 0.6]
    gains = [0.02, 0.03, 0.04, 0.05, 0.06]
    up = [b + g for b, g in zip(base, gains, strict=True)]
    (gain,) = changes(patients(wall_dice=base), patients(wall_dice=up))
    assert gain.patients == 5
    assert gain.mean == pytest.approx(0.74)
    assert gain.difference == pytest.approx(0.04)
    # Paired: the spread between patients, 0.4, is not in the interval.
    assert 0.02 <= gain.interval[0] < 0.04 < gain.interval[1] <= 0.06
    assert gain.verdict == "better"
    (loss,) = changes(patients(wall_dice=up), patients(wall_dice=base))
    assert loss.interval == pytest.approx((-gain.interval[1], -gain.interval[0]), abs=0.002)
    assert loss.verdict == "worse"


def test_gains_and_losses_of_one_size_show_no_difference():
    base = [0.5, 0.9, 0.7, 0.8, 0.6, 0.5]
    other = [b + (0.1 if k % 2 else -0.1) for k, b in enumerate(base)]
    (change,) = changes(patients(wall_dice=base), patients(wall_dice=other))
    assert change.verdict == "no difference shown"
    (same,) = changes(patients(wall_dice=base), patients(wall_dice=base))
    assert same.interval == (0.0, 0.0)
    assert same.verdict == "no difference shown"


def test_of_a_bias_the_distance_from_0_counts():
    base = [20.0, 21.0, 22.0, 19.0, 18.0]
    other = [-5.0, -4.0, -6.0, -5.0, -5.0]
    (change,) = changes(patients(wall_bias_percent=base), patients(wall_bias_percent=other))
    assert change.mean == pytest.approx(-5.0)
    assert change.difference == pytest.approx(-15.0)
    assert change.verdict == "better"
    assert cells(change, base=False)[2:4] == ("-5.0", "-15.0")
    assert cells(change, base=True)[2:] == ("-5.0", "", "", "")


def test_only_patients_with_the_measure_both_ways_count():
    base = patients(wall_dice=[0.5, 0.6, None])
    other = patients(wall_dice=[0.7, None, 0.9])
    other["elsewhere"] = other["0"]
    (change,) = changes(base, other)
    assert change.patients == 1
    assert change.difference == pytest.approx(0.2)
    assert change.interval is None
    assert change.verdict == "too few patients"


def test_a_row_says_all_in_words():
    change = Change(
        measure="enhancement_dice",
        patients=40,
        mean=0.51234,
        difference=0.02,
        interval=(-0.001, 0.04),
    )
    assert cells(change, base=False) == (
        "enhancement Dice",
        "40",
        "0.512",
        "+0.020",
        "-0.001 to +0.040",
        "no difference shown",
    )

"""What is measured of a patient, on stacks of a few pixels."""

from types import SimpleNamespace

import numpy as np
import pytest

from acsnet.fine_tuning.promotion import GATE_MEASURES, mean_measures, measure_patient
from acsnet.labels import Label
from acsnet.train.data.case import BACKGROUND, POOL, SCAR, WALL


def measured_row(drawn, expert, *, reversed_slices=False, reversed_case=False, failed=()):
    """The measures of a stack of slices of one row of pixels each.

    drawn: of `Label`; reversed_slices, reversed_case: whether the file has the slices of what is
    drawn, or of the case of the expert, in reverse; failed: slices whose wall is not valid.
    """
    labels, tissue = (np.array(values, np.uint8)[:, None] for values in (drawn, expert))
    anatomy = SimpleNamespace(
        slices=[SimpleNamespace(failed=k in failed) for k in range(len(labels))]
    )
    result = SimpleNamespace(scan=scan_of(reversed_slices), labels=labels, anatomy=anatomy)
    return measure_patient(result, SimpleNamespace(scan=scan_of(reversed_case), tissue=tissue))


def scan_of(reversed_slices):
    """A scan whose grid has the slices of the file in this order."""

    def ordered(stack):
        return stack[::-1] if reversed_slices else stack

    return SimpleNamespace(grid=SimpleNamespace(to_input=ordered, from_input=ordered))


def test_what_is_drawn_beyond_the_slices_of_the_expert_counts():
    wall, scar = int(Label.LV_MYOCARDIUM), int(Label.CORE_SCAR)
    expert = [[BACKGROUND] * 4, [WALL, WALL, SCAR, SCAR], [BACKGROUND] * 4]
    exact = measured_row([[0] * 4, [wall, wall, scar, scar], [0] * 4], expert)
    assert [exact[name] for name in ("lv_dice", "wall_dice", "enhancement_dice")] == [1.0] * 3
    beyond = measured_row([[wall] * 4, [wall, wall, scar, scar], [wall, wall, scar, scar]], expert)
    # 4 of the 12 voxels drawn are the expert's 4; of the scar 2 of 4 are the expert's 2.
    assert beyond["lv_dice"] == beyond["wall_dice"] == pytest.approx(2 * 4 / (12 + 4))
    assert beyond["enhancement_dice"] == pytest.approx(2 * 2 / (4 + 2))


def test_a_patient_without_scar_has_no_dice_of_it():
    found = measured_row([[int(Label.CORE_SCAR), int(Label.LV_MYOCARDIUM)]], [[WALL, WALL]])
    assert found["enhancement_dice"] is None
    assert found["burden_error_points"] == pytest.approx(50.0)


DRAWN_POOL, DRAWN_WALL, DRAWN_SCAR = Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.CORE_SCAR


def test_the_burden_is_a_share_of_the_wall_and_its_error_has_no_sign():
    # Of 50 pixels of wall, in a left ventricle of 100, 10 or 30 are scar: 20 and 60 %.
    expert = [[POOL] * 50 + [WALL] * 30 + [SCAR] * 20]  # 40 %
    for scar in (10, 30):
        drawn = [[DRAWN_POOL] * 50 + [DRAWN_WALL] * (50 - scar) + [DRAWN_SCAR] * scar]
        assert measured_row(drawn, expert)["burden_error_points"] == pytest.approx(20.0)


@pytest.mark.parametrize(("slices", "missed"), [((0, 1), 0.0), ((0, 2), 50.0), ((2,), 100.0)])
def test_missed_are_slices_in_which_the_expert_alone_drew_scar(slices, missed):
    expert = [[WALL, SCAR], [WALL, SCAR], [WALL, WALL]]
    drawn = [[DRAWN_WALL, DRAWN_SCAR if k in slices else DRAWN_WALL] for k in range(3)]
    assert measured_row(drawn, expert)["missed_scar_percent"] == missed


def test_a_stack_that_the_pipeline_reversed_is_measured_slice_by_slice():
    drawn, expert = [[0, DRAWN_WALL], [DRAWN_WALL, DRAWN_SCAR]], [[WALL, SCAR], [BACKGROUND, WALL]]
    exact = measured_row(drawn, expert, reversed_slices=True)
    assert [exact[name] for name in ("lv_dice", "wall_dice", "enhancement_dice")] == [1.0] * 3
    assert exact["missed_scar_percent"] == 0.0


def test_a_case_that_was_read_in_reverse_is_measured_slice_by_slice():
    drawn, expert = [[0, DRAWN_WALL], [DRAWN_WALL, DRAWN_SCAR]], [[WALL, SCAR], [BACKGROUND, WALL]]
    exact = measured_row(drawn, expert, reversed_case=True)
    assert [exact[name] for name in ("lv_dice", "wall_dice", "enhancement_dice")] == [1.0] * 3


def test_where_nothing_is_drawn_all_scar_of_the_expert_is_the_error():
    nothing = measured_row([[0] * 5], [[WALL, WALL, WALL, SCAR, SCAR]])
    assert (nothing["wall_dice"], nothing["burden_error_points"]) == (0.0, pytest.approx(40.0))


def test_obstruction_is_enhancement():
    drawn = [[DRAWN_WALL, Label.GREY_ZONE, DRAWN_SCAR, Label.MICROVASCULAR_OBSTRUCTION]]
    exact = measured_row(drawn, [[WALL, SCAR, SCAR, SCAR]])
    assert (exact["enhancement_dice"], exact["burden_error_points"]) == (1.0, 0.0)


def test_invalid_slices_are_a_share_of_all_slices_drawn_or_not():
    # 1 of 4 slices, of which 2 are drawn.
    drawn = [[0, 0], [DRAWN_WALL, DRAWN_WALL], [DRAWN_WALL, DRAWN_WALL], [0, 0]]
    measured = measured_row(drawn, [[WALL, WALL]] * 4, failed=(2,))
    assert measured["invalid_slices_percent"] == 25.0


SCAN = dict.fromkeys(GATE_MEASURES, 0.5)


def test_the_scans_of_a_patient_count_once():
    mean = mean_measures([{**SCAN, "wall_dice": 0.6, "enhancement_dice": None}, SCAN])
    assert mean["wall_dice"] == pytest.approx(0.55)
    assert mean["enhancement_dice"] == 0.5
    assert mean.keys() == GATE_MEASURES.keys()

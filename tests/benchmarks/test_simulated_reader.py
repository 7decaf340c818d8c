import numpy as np

from acsnet.interaction.clicks import Click, Kind
from acsnet.labels import Label
from acsnet.train.data.case import SCAR, WALL
from shared.simulated_reader import Drawn, scar_click


def patient(*, scar, expert):
    """Three slices that are all wall, 9 by 20 pixels, with scar of a draft and of an expert."""
    labels = np.full((3, 9, 20), Label.LV_MYOCARDIUM, np.uint8)
    tissue = np.full(labels.shape, WALL, np.uint8)
    for box in scar:
        labels[box] = Label.CORE_SCAR
    for box in expert:
        tissue[box] = SCAR
    return Drawn(
        name="boxes",
        pixels=np.zeros(labels.shape, np.float32),
        labels=labels,
        tissue=tissue,
        spacing_mm=(9.0, 1.0, 1.0),
    )


LARGE_IN_ONE_SLICE = np.s_[2, 1:8, 11:18]
"""49 voxels."""

SMALLER_IN_EACH = (np.s_[0, 2:7, 1:6], np.s_[1, 2:7, 1:8])
"""25 and 35 voxels that touch."""


def test_the_largest_gap_is_largest_over_all_its_slices():
    drawn = patient(scar=(), expert=(LARGE_IN_ONE_SLICE, *SMALLER_IN_EACH))
    click = scar_click(drawn.labels, drawn)
    assert (click.slice, click.row, click.kind) == (1, 4, Kind.SCAR)
    assert 3 <= click.column <= 5  # 3 mm from the border, as far as it gets


def test_where_too_much_is_drawn_the_excess_is_clicked_though_a_gap_is_larger():
    few = (np.s_[0, 4:7, 1:6], np.s_[0, 0:3, 8:13], np.s_[2, 0:7, 1:6])
    drawn = patient(scar=few, expert=(np.s_[1, 1:8, 11:17],))
    click = scar_click(
        drawn.labels, drawn
    )  # 65 voxels too many, in parts of 35 and less; 42 missed
    assert click == Click(slice=2, row=click.row, column=3, kind=Kind.HEALTHY)
    assert 2 <= click.row <= 4


def test_nothing_is_clicked_where_the_scar_is_right():
    drawn = patient(scar=SMALLER_IN_EACH, expert=SMALLER_IN_EACH)
    assert scar_click(drawn.labels, drawn) is None

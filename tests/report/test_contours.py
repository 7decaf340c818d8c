"""The outlines of a report have the colours of their labels, and no mark is left out."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from acsnet.labels import LABELS, Label
from acsnet.report import contours
from acsnet.report.contours import (
    CORE,
    ENDOCARDIUM,
    GREY_ZONE,
    OBSTRUCTION,
    STROKES,
    shown_slices,
)

COLOURS = {info.label: tuple(part / 255 for part in info.colour) for info in LABELS}


def test_scar_has_one_colour_in_reports_and_viewers():
    for stroke, label in (
        (CORE, Label.CORE_SCAR),
        (GREY_ZONE, Label.GREY_ZONE),
        (OBSTRUCTION, Label.MICROVASCULAR_OBSTRUCTION),
    ):
        assert to_rgb(stroke.colour) == COLOURS[label]


def test_no_other_outline_looks_like_a_label():
    for stroke in set(STROKES) - {CORE, GREY_ZONE, OBSTRUCTION}:
        for colour in COLOURS.values():
            apart = sum(abs(a - b) for a, b in zip(to_rgb(stroke.colour), colour, strict=True))
            assert apart > 0.5, (stroke.name, colour)
    assert to_rgb(ENDOCARDIUM.colour) != (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("insertion", "given", "shown"),
    [
        (None, [], [0, 4, 8]),
        (8, [], [0, 4, 8]),
        (3, [], [0, 3, 8]),
        (3, [7], [0, 3, 7]),
        (4, [3], [3, 4, 8]),  # the insertion stays
        (2, [1, 5, 6], [1, 2, 5]),  # more than there is room for
    ],
)
def test_a_stack_that_is_thinned_out_keeps_the_slices_with_a_mark(
    measured, monkeypatch, insertion, given, shown
):
    monkeypatch.setattr(contours, "MAX_SLICES", 3)
    remote = measured.quantification.remote
    mask = np.isin(np.arange(9), given)[:, None, None]
    placed = replace(remote, mask=mask, source="given" if given else "automatic")
    point = None if insertion is None else (insertion, 0.0, 0.0)
    marks = replace(measured.quantification, insertion_point=point, remote=placed)
    stack = replace(measured, labels=np.ones((9, 2, 2), np.uint8), quantification=marks)
    assert shown_slices(stack) == shown

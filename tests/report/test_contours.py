"""The outlines of a report have the colours of their labels."""

from matplotlib.colors import to_rgb

from acsnet.labels import LABELS, Label
from acsnet.report.contours import CORE, ENDOCARDIUM, GREY_ZONE, OBSTRUCTION, STROKES

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

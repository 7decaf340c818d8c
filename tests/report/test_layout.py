"""Text is broken by how wide it is printed, and what no font has is said."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from acsnet.report.layout import fonts
from acsnet.report.layout.fonts import MISSING, UNPRINTABLE, families, printable, printable_name
from acsnet.report.layout.page import (
    A4,
    LINE,
    MARGIN,
    Section,
    ended,
    facts,
    flow,
    new_page,
    table,
    text,
    wrapped,
)

FIRST, SECOND = "\N{CJK UNIFIED IDEOGRAPH-5C71}", "\N{CJK UNIFIED IDEOGRAPH-7530}"


def boxes(page):
    page.set_dpi(600)  # the widths of a PDF, but for the rounding to pixels
    FigureCanvasAgg(page).figure.draw_without_rendering()
    return [(drawn.get_text(), drawn.get_window_extent()) for drawn in page.texts]


@pytest.mark.parametrize("words", ["W" * 300, "i" * 900, "wide WORDS " * 60, FIRST * 200])
@pytest.mark.parametrize(("points", "bold"), [(8.0, False), (10.0, True)])
def test_lines_are_as_wide_as_they_are_printed(words, points, bold):
    lines = wrapped(words, 5.0, points=points, bold=bold)
    assert "".join(lines).replace(" ", "") == printable(words).replace(" ", "")
    page = new_page()
    for line in lines:
        text(page, MARGIN, 5.0, line, points=points, bold=bold)
    for line, box in boxes(page):
        assert box.width / page.dpi < 5.15, line
    if "W" * 9 in words:
        assert boxes(page)[0][1].width / page.dpi > 4.75


def test_a_texts_own_lines_and_their_indents_stay():
    assert wrapped("one\n\n  two\tthree") == ["one", "", "  two   three"]
    assert wrapped("") == []


def test_a_line_that_is_cut_says_so_within_its_width():
    lines = wrapped("W" * 200)
    short = ended(lines, most=2, rest="... continued on page 2")
    assert short[0] == lines[0]
    assert short[1].endswith("W ... continued on page 2")
    assert wrapped(short[1]) == [short[1]]
    assert ended(lines[:2], most=2, rest="...") == lines[:2]


def test_wide_facts_keep_to_the_page():
    page = new_page()
    facts(page, 9.0, [("Patient ID", "W" * 36), ("Sex", "male")], most=2, rest="...")
    for words, box in boxes(page):
        assert box.x1 / page.dpi < A4[0] - MARGIN, words


def test_the_head_of_a_column_of_words_that_are_digits_stands_over_it():
    page = new_page()
    rows = [("1", "0", "0"), ("2", "12", "\N{EN DASH}")]
    table(page, 9.0, (0.0, 1.0, 1.1), ("", "tr.", "class"), rows, numbers=(1,))
    ends = {words: box for words, box in boxes(page) if words in ("tr.", "class")}
    assert ends["tr."].x1 < ends["class"].x0


def test_sections_go_on_over_pages_without_losing_a_line():
    page, lines = new_page(), [f"line {k}" for k in range(150)]
    sections = [Section("First", lines[:3]), Section("Second", lines[3:])]
    further = flow(page, A4[1] - MARGIN, sections, foot=MARGIN)
    said = [drawn.get_text() for one in (page, *further) for drawn in one.texts]
    assert [words for words in said if words.startswith("line")] == lines
    assert said.count("Second") == 1
    assert said.count("Second, continued") == len(further) == 2
    for one in (page, *further):
        assert min(box.y0 for _, box in boxes(one)) / one.dpi > MARGIN - LINE


def test_what_no_font_has_is_replaced_or_said(monkeypatch):
    monkeypatch.setattr(fonts, "FAMILIES", ("DejaVu Sans",))
    assert printable("M\u00fcller \u0414 \u2265 1") == "M\u00fcller \u0414 \u2265 1"
    assert printable(f"{FIRST} {SECOND}") == UNPRINTABLE
    assert printable(f"LGE {FIRST}") == f"LGE {MISSING}"
    assert printable("a\x1bb\u3000c\nd") == "ab c\nd"


def test_cases_whose_names_no_font_has_are_told_apart(monkeypatch):
    monkeypatch.setattr(fonts, "FAMILIES", ("DejaVu Sans",))
    assert printable_name("LGE \u0414_1") == "LGE \u0414_1"
    assert printable_name("\u5f20\u4e09_lge") == r"\u5f20\u4e09_lge"
    assert printable_name("\u5f20\U00020000") == r"\u5f20\U00020000"
    assert printable_name("a\x1bb") == "ab"


def test_further_fonts_are_named_where_the_first_lacks_a_character_only(monkeypatch):
    monkeypatch.setattr(fonts, "FAMILIES", ("cmr10", "cmss10", "DejaVu Sans"))
    assert families("abc") == ["cmr10"]
    assert families("a\u2265") == ["cmr10", "DejaVu Sans"]

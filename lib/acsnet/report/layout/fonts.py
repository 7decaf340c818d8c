"""Which characters can be printed, and how wide they are.

DejaVu Sans comes with matplotlib and has Latin, Greek, Cyrillic and Arabic letters. Chinese,
Japanese and Korean ones are printed where one of the usual fonts for them is installed.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate, takewhile
from unicodedata import category

from matplotlib.font_manager import FontProperties, fontManager, get_font

POINTS_PER_INCH = 72
FAMILIES = (
    "DejaVu Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans CJK TC",
    "Noto Sans CJK KR",
    "Source Han Sans",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "IPAGothic",
    "NanumGothic",
    "Hiragino Sans",
    "Hiragino Sans GB",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
)
"""In the order in which they are tried; the first is always there."""
MISSING = "\N{REPLACEMENT CHARACTER}"
UNPRINTABLE = "cannot be printed with the fonts of this computer"


def printable(words: str) -> str:
    """A text with what no font has replaced; `UNPRINTABLE` where no letter of it would be left."""
    out = "".join(map(_printable, words))
    if MISSING in out and not any(character.isalpha() for character in out):
        return UNPRINTABLE
    return out


def printable_name(name: str) -> str:
    """The name of a case: what no font has is there as code points, which tell cases apart."""
    shown = ((character, _printable(character)) for character in name)
    return "".join(ascii(as_is)[1:-1] if out == MISSING else out for as_is, out in shown)


def families(words: str, *, bold: bool = False) -> list[str]:
    """The fonts that a text needs: the first of `FAMILIES`, and what it lacks."""
    glyphs = (_glyph(character, bold, FAMILIES) for character in words)
    return list(dict.fromkeys((FAMILIES[0], *(glyph[0] for glyph in glyphs if glyph))))


def fitting(words: str, width: float, *, points: float, bold: bool = False) -> int:
    """How many of the first characters of a text fit in a width, inches."""
    room = width * POINTS_PER_INCH / points
    return sum(1 for _ in takewhile(lambda end: end <= room, accumulate(_advances(words, bold))))


def _advances(words: str, bold: bool) -> Iterator[float]:
    """The width of each character as a share of the size of the font."""
    for character in words:
        glyph = _glyph(character, bold, FAMILIES)
        yield 1.0 if glyph is None else glyph[1]


def _printable(character: str) -> str:
    if character == "\n" or _glyph(character, False, FAMILIES):
        return character
    if character.isspace():
        return " "
    return "" if category(character) in ("Cc", "Cf") else MISSING


@lru_cache(maxsize=8192)
def _glyph(character: str, bold: bool, wanted: tuple[str, ...]) -> tuple[str, float] | None:
    """The first font that has a character and its width there; None if there is none."""
    for family in _installed(wanted):
        weight = "bold" if bold and family == wanted[0] else "normal"
        font = get_font(fontManager.findfont(FontProperties(family=[family], weight=weight)))
        if font.get_char_index(ord(character)):
            font.set_size(100.0, POINTS_PER_INCH)
            return family, font.load_char(ord(character)).linearHoriAdvance / 65536 / 100.0
    return None


@lru_cache
def _installed(wanted: tuple[str, ...]) -> tuple[str, ...]:
    known = {font.name for font in fontManager.ttflist}
    return tuple(family for family in wanted if family in known)

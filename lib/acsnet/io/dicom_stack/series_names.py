"""What the name of a series tells of its place in a stack: which part it is, and when it was taken.

Names are the site's own. Ours.
"""

import re
from collections.abc import Sequence

from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.series_words import ABBREVIATION, NO_LGE, OTHER_CONTRAST

TIME = re.compile(
    r"""
    (?<![^\W\d_]) ti [\W_]* \d+
    | \d+ (?: [.,]\d+ )? [\s_-]* (?: min (?: utes? )? | ms (?: ec )? | sec (?: onds? )? ) (?![^\W_])
    | \d+ (?: [.,]\d+ )? s (?![^\W_])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""After contrast, or of inversion."""

PART = re.compile(
    r"""
    (?<![^\W\d_]) (?:
        api [ck] al e? | apex | apice | spitze | basal e? | bas (?: e | is )
        | cont (?: inued | d )? | weiter | suite | medi [oa] | moyen (?: ne )? | mitte
        | mid (?: dle )? (?: [\s_-]* ventric [^\W\d_]* )?
        | (?: upper | lower | first | second | 1st | 2nd ) [\s_-]* half
        | part (?: e | ie )? | teil
        | (?: additional | extra ) (?: [\s_-]* slices? )?
        | (?<= \d ) [\s_]* (?: of | von | de ) (?= [\s_]* \d )
    ) (?![^\W\d_])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Which part of the ventricle it shows."""

AGAIN = re.compile(
    r"""
    (?<![^\W\d_]) (?:
        rep (?: eat (?: ed )? | t )? | rpt | again | redo | retake | new
        | neu | nochmals? | wdh | wh | wiederh [^\W\d_]*
        | bis | r[ée]p[ée]t [^\W\d_]* | ripet [^\W\d_]*
    ) (?![^\W\d_])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""That it was taken again: English, German, French, Spanish, Portuguese and Italian words."""

COUNT = re.compile(
    r"(?<![^\W\d_]) (?: [^\W\d_] | (?= [ivx] ) x{0,3} (?: ix | iv | v? i{0,3} ) ) (?= [\W\d_]* $ )",
    re.IGNORECASE | re.VERBOSE,
)
"""A letter or Roman numeral at the end: which of several it is."""

OWN = re.compile(
    r"""
    (?<![^\W\d_]) (?:
        (?: pre | post ) (?= [ck]ont | gad | gd | km | [\W\d_] | $ )
        | (?: vor | nach | before | after | avant | apr[eè]s | late r? | rest | fs | test | rv | mpa
            | pulm (?: onal \w* )? | insp\w* | exsp\w* | exp ) (?![^\W\d_])
        | nati[vf] | baseline | early | fr (?: ue? | u? [^a-z\d\s_-]{1,2} ) h | pr[eé]coce
        | sp (?: ae? | a? [^a-z\d\s_-]{1,2} ) t | tard | diast | syst | stress | dobu | adeno
        | aort | atri | vorh[oö]f | rvot | lvot | fat [\s_-]* s (?: at | upp ) | spair
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A moment, a place or a purpose that is not that of every part of a ventricle.

Umlauts also as two letters or two characters, and as a wrong SpecificCharacterSet leaves them.
"""

AID = re.compile(
    r"(?<![^\W\d_]) (?: plan | scout | survey | lo[ck]al | loc (?![^\W\d_]) | subtr"
    r" | (?: sub | diff | mip | mpr ) (?![^\W\d_]) )",
    re.IGNORECASE | re.VERBOSE,
)
"""Of planning images, and of pictures made of a scan."""

OF_SINGLE_SLICES = (NO_LGE, OTHER_CONTRAST, ABBREVIATION)
"""What is scanned at a base, a middle and an apex, and is no stack."""


def series_name(file: DicomFile) -> str:
    """What the scanner calls the series of an image."""
    return file.text("SeriesDescription") or file.text("ProtocolName")


def person(name: str) -> str:
    """A PatientName without empty parts at its end and differences of case (PS3.5 6.2)."""
    return name.rstrip("^ ").casefold()


def letters(name: str) -> str:
    """The letters of a name, small: without numbers and what stands between words."""
    return re.sub(r"[\W\d_]+", "", name.casefold())


def times_in(name: str) -> tuple[str, ...]:
    """The times in a name, however they are written."""
    return tuple(re.sub(r"[\W_]+", "", time) for time in TIME.findall(name.casefold()))


def first_name(name: str) -> str:
    """The letters of a name, as they were before the slice was taken again."""
    return letters(AGAIN.sub("", name))


def own_words(name: str) -> set[str]:
    """The words in a name by `OWN` and `AID`, small."""
    return {word[0].casefold() for words in (OWN, AID) for word in words.finditer(name)}


def part_stem(name: str) -> str:
    """The letters of a name, but for which part of the ventricle it shows.

    Of maps and perfusion, which are single slices called so, that is kept.
    """
    if any(words.search(name) for words in OF_SINGLE_SLICES):
        return letters(name)
    return letters(PART.sub("", name))


def name_stem(name: str) -> str:
    """What the names of all series share that may be of one stack.

    As `part_stem`, also without what counts them or tells that a slice was taken again.
    """
    if any(words.search(name) for words in OF_SINGLE_SLICES):
        return letters(name)
    return letters(COUNT.sub("", PART.sub("", AGAIN.sub("", name))))


def join_remarks(files: Sequence[DicomFile]) -> list[str]:
    """What to tell of a stack that was joined from several series."""
    count = len({file.text("SeriesInstanceUID") for file in files})
    if count < 2:
        return []
    called = [file.text("SeriesDescription") or "no description" for file in files]
    names: dict[object, str] = {}
    for name in called:
        names.setdefault((letters(name), times_in(name)), repr(name))  # but for other numbers
    words = ", ".join(names.values())
    return [f"{count} series of one slice or a few each ({words}) joined to one stack"]

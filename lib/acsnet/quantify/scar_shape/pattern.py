"""Pattern of scar by its depth in the wall: subendocardial, transmural, mid-wall or epicardial.

The patterns are those used in reports (SCMR reporting guidelines 2021,
doi:10.1186/s12968-021-00827-z). Not from the paper: the rule, which is applied to each radial
chord. Scar that fills more than 75 % of a chord, rounded as for its class of transmurality, is
transmural. Otherwise it is subendocardial if it begins within 2 mm of the endocardium, epicardial
if it ends within 2 mm of the epicardium, and mid-wall if it does neither. If it does both, the
nearer side counts. In a wall thinner than 6 mm, a third of the wall replaces the 2 mm. The pattern
of a segment, or of all scar, is the one that holds most of the scar; if it holds less than 60 %,
the pattern is mixed. The pattern is certain if it stays the same with 1 mm and with 3 mm instead of
2 mm, about a pixel to either side.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from acsnet.quantify.field_metadata import described
from acsnet.quantify.scar_shape.transmurality import CLASSES, Chords

PATTERNS = ("subendocardial", "transmural", "mid-wall", "epicardial")
MIXED = "mixed"
TRANSMURAL_PERCENT = CLASSES["51-75"]
TOUCH_MM, LESS_MM, MORE_MM = 2.0, 1.0, 3.0
MOST_OF_WALL = 1 / 3  # largest reach of the touch, share of the wall
MOST_OF_SCAR = 60.0  # percent of the scar that a pattern needs
SOURCE = "SCMR reporting 2021, doi:10.1186/s12968-021-00827-z; own rule"


@dataclass(frozen=True, kw_only=True)
class ScarPattern:
    """Pattern of all scar; None where scar is unknown or there is none."""

    scar_pattern: Annotated[
        str | None,
        described(
            "",
            f"{', '.join(PATTERNS)}, or {MIXED}; null where no scar lies on a radial chord",
            SOURCE,
        ),
    ]
    scar_pattern_certain: Annotated[
        bool | None,
        described(
            "", "whether the pattern stays the same if the edges of the wall move by a pixel"
        ),
    ]
    scar_pattern_percent: Annotated[
        dict[str, float] | None, described("%", "share of the scar with each pattern")
    ]


def chord_patterns(chords: Chords, *, touch_mm: float = TOUCH_MM) -> NDArray[np.intp]:
    """(slice, chord) index in `PATTERNS` of the scar along each chord, -1 where there is none."""
    touch = np.minimum(touch_mm, MOST_OF_WALL * chords.wall_mm)
    inner, outer = chords.inner_gap_mm, chords.outer_gap_mm
    lines, reaches = inner < touch, outer < touch
    both = lines & reaches
    lines &= ~both | (inner <= outer)
    out = np.full(inner.shape, PATTERNS.index("mid-wall"), np.intp)
    out[reaches] = PATTERNS.index("epicardial")
    out[lines] = PATTERNS.index("subendocardial")
    out[chords.transmurality_percent >= TRANSMURAL_PERCENT] = PATTERNS.index("transmural")
    out[~(chords.transmurality_percent > 0)] = -1
    return out


def pattern_shares(
    chords: Chords, inside: NDArray[np.bool_], *, touch_mm: float = TOUCH_MM
) -> dict[str, float] | None:
    """Percent of the scar with each pattern; inside: (slice, chord), None where it has no scar."""
    patterns = chord_patterns(chords, touch_mm=touch_mm)
    scarred = inside & (patterns >= 0)
    scar_mm = (chords.transmurality_percent * chords.wall_mm)[scarred]
    if not scar_mm.size:
        return None
    sums = np.bincount(patterns[scarred], weights=scar_mm, minlength=len(PATTERNS))
    shares = 100.0 * sums / sums.sum()
    return dict(zip(PATTERNS, shares.tolist(), strict=True))


def main_pattern(shares: dict[str, float] | None) -> str | None:
    """The pattern with most of the scar, or mixed; None without scar."""
    if shares is None:
        return None
    name = max(shares, key=lambda pattern: shares[pattern])
    return name if shares[name] >= MOST_OF_SCAR else MIXED


def scar_pattern(chords: Chords, *, scar_known: bool = True) -> ScarPattern:
    """The pattern of all scar of a stack."""
    everywhere = np.ones(chords.transmurality_percent.shape, bool)
    shares = pattern_shares(chords, everywhere) if scar_known else None
    name = main_pattern(shares)
    others = {
        main_pattern(pattern_shares(chords, everywhere, touch_mm=touch_mm))
        for touch_mm in (LESS_MM, MORE_MM)
    }
    return ScarPattern(
        scar_pattern=name,
        scar_pattern_certain=None if name is None else others == {name},
        scar_pattern_percent=shares,
    )

"""What clicks demand of the borders of a wall: movements along the ray on which a click lies.

A click that the draft does not hold says more than that its own pixel is wrong: readers point at
the middle of what is wrong, so that the border lies further on. Not from the paper.
"""

from collections.abc import Mapping
from typing import Final

from acsnet.interaction.clicks import Click, Kind, holds_wall
from acsnet.interaction.displacement import Border, Demand, Terms
from acsnet.interaction.radial_profile import MIN_CAVITY_MM, MIN_THICKNESS_MM, Profile
from acsnet.interaction.slice_draft import SliceDraft

BEYOND = 0.2
"""A border moves so much further than to the click, as a share. Of 0 to 1.2 the best after one
click that is no worse after three, on 16 patients of the EMIDEC train list."""

MAX_BEYOND_MM = 3.0
MARGIN_PIXELS = 0.5

EPI_OUT: Final[Terms] = ((Border.EPI, 1.0),)
EPI_IN: Final[Terms] = ((Border.EPI, -1.0),)
ENDO_OUT: Final[Terms] = ((Border.ENDO, 1.0),)
ENDO_IN: Final[Terms] = ((Border.ENDO, -1.0),)
THICKER: Final[Terms] = (*EPI_OUT, *ENDO_IN)


def demands_of(
    draft: SliceDraft,
    profile: Profile,
    *,
    position_mm: float,
    room_pixels: Mapping[Click, float] | None = None,
) -> list[Demand]:
    """The demands of the clicks on a slice.

    Args:
        draft: the slice.
        profile: of its wall.
        position_mm: of the slice along the stack.
        room_pixels: added to `MARGIN_PIXELS` where a click did not hold after all.
    """
    out = []
    pixel_mm = max(draft.spacing_mm)
    for click in draft.clicks:
        at_mm = click.row * draft.spacing_mm[0], click.column * draft.spacing_mm[1]
        radius, angle = profile.polar(*at_mm)
        endo, epi = profile.radii_at(angle)
        room = (room_pixels or {}).get(click, 0.0)
        margin = (MARGIN_PIXELS + room) * pixel_mm
        wanted = _wanted(click.kind, radius=radius, endo=endo, epi=epi, margin=margin)
        if click.kind not in (Kind.EPICARDIUM, Kind.ENDOCARDIUM):
            stays = not room and holds_wall(click, draft.wall, draft.pool)
            wanted = {
                terms: min(least, 0.0) if stays else _beyond(least)
                for terms, least in wanted.items()
            }
        # The other border makes room: no wall is pressed to nothing, no cavity closed.
        wanted[THICKER] = min(epi - endo, MIN_THICKNESS_MM) - (epi - endo)
        wanted.setdefault(ENDO_OUT, min(endo, MIN_CAVITY_MM) - endo)
        out += [
            Demand(position_mm=position_mm, angle=angle, terms=terms, least_mm=least)
            for terms, least in wanted.items()
        ]
    return out


def _wanted(
    kind: Kind, *, radius: float, endo: float, epi: float, margin: float
) -> dict[Terms, float]:
    """Movements that a click at a radius asks for, each with the least of it; all in mm."""
    if kind is Kind.OUTSIDE:
        return {EPI_IN: epi - radius + margin}
    if kind is Kind.CAVITY:
        return {ENDO_OUT: radius + margin - endo}
    if kind is Kind.EPICARDIUM:
        return {EPI_OUT: radius - epi, EPI_IN: epi - radius}
    if kind is Kind.ENDOCARDIUM:
        return {ENDO_OUT: radius - endo, ENDO_IN: endo - radius}
    return {EPI_OUT: radius + margin - epi, ENDO_IN: endo - radius + margin}


def _beyond(least_mm: float) -> float:
    return least_mm + min(BEYOND * max(least_mm, 0.0), MAX_BEYOND_MM)

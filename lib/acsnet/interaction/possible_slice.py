"""The possible wall of one slice that holds the most clicks, of the walls that are tried.

The likeliest movement of the borders mostly is possible. Where it is not, or its pixels miss a
click, a smoother movement is tried, then the nearest possible wall in the latent space, moved in
turn. Not from the paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.checks import check
from acsnet.interaction.clicks import Click
from acsnet.interaction.demands import demands_of
from acsnet.interaction.displacement import DRAFT_ERRORS, Border, Movement, likeliest
from acsnet.interaction.radial_profile import ANGLES, Profile, moved, profile_of
from acsnet.interaction.shape_search import walls_towards_clicks
from acsnet.interaction.slice_draft import SliceDraft
from acsnet.stages.correction import Corrector, tidy

ROUNDS = 4
"""Of moving a wall until its pixels hold the clicks."""

MORE_PIXELS = 0.5
"""Of room for a click that its pixel missed, each round."""

SMOOTHER = (1.7, 3.0)
"""Times the usual angle over which a movement fades, for a wall that would be impossible."""

SHARES = (1.0, 0.5, 0.25)
"""Of a movement, for a slice without clicks: the largest that leaves its wall possible."""


@dataclass(frozen=True, kw_only=True)
class SliceMover:
    """Moves the wall of a slice; what leaves passes the limits of the corrector."""

    corrector: Corrector

    def to_clicks(self, draft: SliceDraft, likely: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """The wall that holds most clicks, of those tried; None where none of them is possible.

        likely: (row, column) wall by the likeliest movement of the whole stack.
        """
        best, fewest = None, len(draft.clicks) + 1
        for candidate in self._candidates(draft, likely):
            wall = self._possible(candidate, draft)
            missed = fewest if wall is None else len(draft.missed_by(wall))
            if missed < fewest:
                best, fewest = wall, missed
            if not fewest:
                break
        if fewest < len(draft.clicks) or len(draft.clicks) == 1:
            return best
        return self._newest_alone(draft)

    def _newest_alone(self, draft: SliceDraft) -> NDArray[np.bool_] | None:
        """The wall of the newest click that one holds by itself, where none holds any together."""
        for click in reversed(draft.clicks):
            alone = replace(draft, clicks=(click,))
            wall = self.to_clicks(alone, next(self._rounds(alone)))
            if wall is not None and not alone.missed_by(wall):
                return wall
        return None

    def beside(
        self, draft: SliceDraft, profile: Profile, movement: Movement, position_mm: float
    ) -> NDArray[np.bool_] | None:
        """The wall of a slice without clicks, moved as far as it stays possible, or None."""
        for share in SHARES:
            part = replace(movement, weights=share * movement.weights)
            wall = self._possible(shifted(draft, profile, part, position_mm), draft)
            if wall is not None:
                return wall
        return None

    def _candidates(
        self, draft: SliceDraft, likely: NDArray[np.bool_]
    ) -> Iterator[NDArray[np.bool_]]:
        """Walls to try, the likeliest first."""
        yield likely
        yield from self._rounds(draft)
        yield draft.wall
        for drawn in (likely, draft.painted(likely)):
            closed = np.array([draft.closed])
            corrected = self.corrector(drawn[None], draft.spacing_mm, closed=closed)[0].wall
            if corrected.any():
                yield corrected
                moving = replace(draft, wall=corrected, pool=draft.pool_of(corrected))
                yield from self._rounds(moving)
        like = likely if likely.any() else draft.wall
        for wall in walls_towards_clicks(draft, like, self.corrector.walk):
            if self._possible(wall, draft) is not None:
                yield wall
                moving = replace(draft, wall=wall, pool=draft.pool_of(wall))
                yield from self._rounds(moving, (1.0,))

    def _rounds(
        self, draft: SliceDraft, smoother: tuple[float, ...] = (1.0, *SMOOTHER)
    ) -> Iterator[NDArray[np.bool_]]:
        """The wall moved to the clicks of its slice, with more room for those that it missed."""
        profile = profile_of(draft.wall, draft.pool, draft.spacing_mm)
        for times in smoother:
            covariance = replace(DRAFT_ERRORS, local_deg=times * DRAFT_ERRORS.local_deg)
            room: dict[Click, float] = {}
            for _ in range(ROUNDS):
                demands = demands_of(draft, profile, position_mm=0.0, room_pixels=room)
                wall = shifted(draft, profile, likeliest(demands, covariance), 0.0)
                yield wall
                missed = draft.missed_by(wall)
                if not missed:
                    break
                room |= {click: room.get(click, 0.0) + MORE_PIXELS for click in missed}

    def _possible(self, wall: NDArray[np.bool_], draft: SliceDraft) -> NDArray[np.bool_] | None:
        """The wall without loose pixels, if it passes the checks."""
        whole = tidy(wall)
        limits = self.corrector.limits
        if not whole.any() or not check(whole, draft.spacing_mm, limits, closed=draft.closed).valid:
            return None
        return whole


def shifted(
    draft: SliceDraft, profile: Profile, movement: Movement, position_mm: float
) -> NDArray[np.bool_]:
    """(row, column) wall of a draft after a movement of its borders."""
    return moved(
        draft.wall,
        profile,
        draft.spacing_mm,
        endo_mm=movement.at(position_mm, Border.ENDO, ANGLES),
        epi_mm=movement.at(position_mm, Border.EPI, ANGLES),
    )

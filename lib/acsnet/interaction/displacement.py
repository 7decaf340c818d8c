"""The smallest movement of the borders of a wall that does what clicks ask for.

How a draft is wrong in one place says how it is wrong around it: errors of the two borders are
taken as jointly normal, with a covariance over angle, border and slice, and of all movements that
fulfil the demands the likeliest is taken. It is a quadratic programme with one unknown a demand,
and does not depend on the order of the clicks. Not from the paper.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from acsnet.interaction.least_change import multipliers


class Border(IntEnum):
    """The two borders of a wall."""

    ENDO = 0
    EPI = 1


Terms = tuple[tuple[Border, float], ...]
"""Borders, each with its sign in a sum of outward movements."""


@dataclass(frozen=True, kw_only=True)
class Covariance:
    """How errors of drafts go together, from drafts of 16 patients of the EMIDEC train list.

    size: share of the variance that is the same all round; local_deg: angle over which the rest
    fades, as a Matern function of order 3/2; together: correlation of the two borders; beside:
    correlation of slices that lie side by side, as the distance goes to 0; slice_mm: distance over
    which it falls to 1 / e.
    """

    size: float = 0.15
    local_deg: float = 45.0
    together: float = 0.4
    beside: float = 0.55
    slice_mm: float = 22.0

    def __call__(
        self, first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n, 3) and (m, 3) of position along the stack (mm), border, angle -> (n, m)."""
        apart = np.abs(first[:, None] - second[None])
        # Along the chord: of the arc this would be no covariance where it fades slowly.
        chord = 2.0 * np.abs(np.sin(apart[..., 2] / 2.0))
        scaled = np.sqrt(3.0) * chord / np.deg2rad(self.local_deg)
        around = self.size + (1.0 - self.size) * (1.0 + scaled) * np.exp(-scaled)
        border = np.where(apart[..., 1] == 0, 1.0, self.together)
        out: NDArray[np.float64] = around * border * self.along(apart[..., 0])
        return out

    def along(self, apart_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Correlation of slices so far apart."""
        return np.where(apart_mm == 0, 1.0, self.beside * np.exp(-apart_mm / self.slice_mm))


DRAFT_ERRORS = Covariance()


@dataclass(frozen=True, kw_only=True)
class Demand:
    """`sum(sign * movement of border at angle)` is at least `least_mm`, in one slice.

    terms: border and sign of each; position_mm: of the slice along the stack.
    """

    position_mm: float
    angle: float
    terms: Terms
    least_mm: float


@dataclass(frozen=True, kw_only=True)
class Movement:
    """A movement of all borders of a stack: a sum of covariances with the demands."""

    covariance: Covariance
    places: NDArray[np.float64]
    weights: NDArray[np.float64]

    def at(
        self, position_mm: float, border: Border, angles: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Movement (mm, outwards) of a border of the slice at a position, one for each angle."""
        if not len(self.weights):
            return np.zeros(len(angles))
        wanted = np.stack(
            [np.full(len(angles), position_mm), np.full(len(angles), float(border)), angles], axis=1
        )
        out: NDArray[np.float64] = self.covariance(wanted, self.places) @ self.weights
        return out


def likeliest(demands: list[Demand], covariance: Covariance) -> Movement:
    """The likeliest movement that meets all demands; where they clash, one in between."""
    terms = [
        (row, (d.position_mm, float(border), d.angle), sign)
        for row, d in enumerate(demands)
        for border, sign in d.terms
    ]
    if not terms:
        return Movement(covariance=covariance, places=np.zeros((0, 3)), weights=np.zeros(0))
    places = np.array([place for _, place, _ in terms])
    rows = np.zeros((len(demands), len(terms)))
    for column, (row, _, sign) in enumerate(terms):
        rows[row, column] = sign
    gram = rows @ covariance(places, places) @ rows.T
    least = np.array([demand.least_mm for demand in demands])
    return Movement(covariance=covariance, places=places, weights=rows.T @ multipliers(gram, least))

"""When to train by itself: after enough new reviewed labels, once the readers pause. Ours."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Review:
    """A reviewed label; sha256: of its file; at: seconds since 1970 of the review."""

    sha256: str
    at: float


def new_reviews(reviewed: Mapping[str, Review], seen: Mapping[str, str]) -> list[str]:
    """Images whose label no training has seen yet; seen: image -> digest of its label then."""
    return sorted(name for name, review in reviewed.items() if seen.get(name) != review.sha256)


def waits_for(
    reviewed: Mapping[str, Review],
    seen: Mapping[str, str],
    *,
    now: float,
    labels: int,
    pause_s: float,
) -> str | None:
    """Why no training begins now, in words; None: it may.

    seen: as in `new_reviews`; labels: so many new ones are waited for, 0: training never begins by
    itself; pause_s: and so long after the last of them.
    """
    if labels == 0:
        return "training begins on request only"
    new = new_reviews(reviewed, seen)
    if len(new) < labels:
        return f"{len(new)} of {labels} newly reviewed labels are there"
    if now - max(reviewed[name].at for name in new) < pause_s:
        return "readers are at work"
    return None

"""Automatic trigger of a training: enough new reviewed labels, and a pause of the readers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Review:
    """A reviewed label; sha256: of its file; at: time of the review, seconds since 1970."""

    sha256: str
    at: float


def new_reviews(reviewed: Mapping[str, Review], trained_labels: Mapping[str, str]) -> list[str]:
    """Images whose label was not trained on yet; trained_labels: image -> digest then."""
    return sorted(
        name for name, review in reviewed.items() if trained_labels.get(name) != review.sha256
    )


def waits_for(
    reviewed: Mapping[str, Review],
    trained_labels: Mapping[str, str],
    *,
    now: float,
    labels: int,
    pause_s: float,
) -> str | None:
    """Why no training starts now, in words; None if it may.

    trained_labels: as in `new_reviews`; labels: required number of new ones, 0 for never; pause_s:
    required time since the last review; one that lies further ahead is of before the clock was
    set back.
    """
    if labels == 0:
        return "training begins on request only"
    new = new_reviews(reviewed, trained_labels)
    if len(new) < labels:
        return f"{len(new)} of {labels} newly reviewed labels so far"
    if any(abs(now - reviewed[name].at) < pause_s for name in new):
        return "readers are at work"
    return None

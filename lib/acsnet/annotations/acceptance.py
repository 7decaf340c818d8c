"""An acceptance of a label map that somebody accepted before: the first one stays on record."""

from datetime import datetime

from acsnet.errors import AcsnetError


class AcceptedError(AcsnetError):
    """A label map on which another acceptance is on record than the one that comes in."""

    status = 409


def check_kept(
    *,
    reviewer: str,
    at: datetime | None,
    kept_comment: str,
    is_replaced: bool,
    by: str,
    comment: str,
) -> None:
    """Check that the acceptance on record is the one that comes in, and that it holds.

    Args:
        reviewer: who accepted the label map, as it is on record; empty if unknown.
        at: when; None if unknown.
        kept_comment: what they said of it.
        is_replaced: whether a newer label map holds in its place.
        by: who accepts it now.
        comment: what they say of it; empty for nothing.

    Raises:
        AcceptedError: it is another one, or holds no more.
    """
    is_same = reviewer == by and comment in ("", kept_comment)
    if is_same and not is_replaced:
        return
    when = "" if at is None else f" on {at.astimezone():%Y-%m-%d %H:%M %Z}"
    lost = "" if is_same else f"; your {'comment' if comment else 'acceptance'} is not kept"
    what_to_do = (
        "a newer label map holds: withdraw that one to make this valid"
        if is_replaced
        else "correct or withdraw the label map if you disagree"
    )
    msg = f"this label map was already accepted by {reviewer or 'somebody'}{when}{lost}; "
    raise AcceptedError(msg + what_to_do)

"""Assignment of scans to readers, so that no two readers label the same one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A scan given to a reader; at: seconds since 1970; reader: empty if unknown."""

    at: float
    reader: str
    strategy: str
    reason: str


NEVER = Offer(at=0.0, reader="", strategy="", reason="")


@dataclass(frozen=True, kw_only=True)
class Shared:
    """Ids of open scans: unassigned, assigned to this reader, assigned to other readers."""

    fresh: tuple[str, ...]
    own: tuple[str, ...]
    taken: tuple[str, ...]


def last_offer(info: Mapping[str, Any]) -> Offer:
    """The latest offer in the record of an image, `NEVER` if there is none.

    info: as MONAI Label keeps it, {"strategy": {name: {"ts": ..., "client_id": ...}}}.
    """
    given = info.get("strategy")
    if not given:
        return NEVER
    offers = [
        Offer(
            at=float(entry.get("ts") or 0.0),
            reader=str(entry.get("client_id") or ""),
            strategy=name,
            reason=str(entry.get("reason") or ""),
        )
        for name, entry in given.items()
    ]
    return max(offers, key=lambda offer: offer.at, default=NEVER)


def share_out(
    open_ids: Iterable[str],
    offers: Mapping[str, Offer],
    *,
    reader: str,
    now: float,
    busy_seconds: float,
) -> Shared:
    """Divide the open scans by assignment; an offer holds for `busy_seconds`.

    Readers without a name count as one person. An offer from the future was made before the clock
    was set back: it holds no longer than another.
    """
    ids = tuple(open_ids)
    busy = [image for image in ids if abs(now - offers[image].at) < busy_seconds]
    return Shared(
        fresh=tuple(image for image in ids if image not in busy),
        own=tuple(image for image in busy if offers[image].reader == reader),
        taken=tuple(image for image in busy if offers[image].reader != reader),
    )

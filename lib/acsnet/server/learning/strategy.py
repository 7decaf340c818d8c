"""The scan a reader gets next: `acsnet.active_learning.acquisition` on what the server knows."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from acsnet.active_learning.acquisition import COMBINED, PARTS, choose
from acsnet.active_learning.assignments import Offer, last_offer, share_out
from acsnet.server.datastores.label_intake import NOBODY
from acsnet.server.datastores.label_records import READER_DRAFT
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.learning.image_scores import ScoreBook

PATIENCE_S, GLANCE_S = 5.0, 0.05
"""How long a reader waits for the first scan of a new folder to be checked. Ours."""

DESCRIPTIONS = {
    COMBINED: "The scan that would teach most: by doubt, corrections, disagreement and diversity",
    "uncertainty": "The scan in which the network is least sure of the wall",
    "correction": "The scan whose wall the anatomical checks moved furthest",
    "disagreement": "The scan most like those in which reviewers changed most",
    "diversity": "The scan least like those reviewed or being worked on",
}
"""Strategy -> what a client shows of it."""


class NextScan(Strategy):
    """Picks among the scans that are not reviewed, refused, or with another reader.

    No network runs when it is asked: it goes by the scores that there are.
    """

    def __init__(
        self, name: str, book: ScoreBook, *, busy_seconds: float, patience_s: float = PATIENCE_S
    ) -> None:
        super().__init__(DESCRIPTIONS[name])
        self.name = name
        self._book = book
        self._busy_seconds = busy_seconds
        self._patience_s = patience_s

    def __call__(self, request: dict[str, Any], datastore: StudyStore) -> dict[str, Any]:
        """The `id` of the next scan, its `scores` and the `reason`; only a reason if there is none.

        request: `client_id`, the name of the reader.
        """
        open_ids = datastore.get_unlabeled_images()
        if not open_ids:
            some = "every scan is reviewed or refused" if datastore.list_images() else "no scans"
            return {"reason": f"nothing to pick from: {some}"}
        offers = {image: last_offer(datastore.image_notes(image)) for image in open_ids}
        shared = share_out(
            open_ids,
            offers,
            reader=str(request.get("client_id") or ""),
            now=time.time(),
            busy_seconds=self._busy_seconds,
        )
        if not shared.fresh:
            if shared.own:
                return _again(shared.own, offers)
            return _with_others(offers.values(), busy_seconds=self._busy_seconds)
        fresh = _looked_at(shared.fresh, datastore, patience_s=self._patience_s)
        if not fresh:
            return {"reason": "nothing to pick from yet: scans are being checked, ask again soon"}
        begun = [
            image
            for image in datastore.list_images()
            if READER_DRAFT in datastore.get_labels_by_image_id(image)
        ]
        others = tuple(
            dict.fromkeys((*datastore.get_labeled_images(), *begun, *shared.own, *shared.taken))
        )
        known = self._book.known((*fresh, *others))
        shown = [replace(known[image], shown=offers[image].at) for image in fresh]
        (best,) = choose(shown, [known[image] for image in others], strategy=self.name)
        scores = {part: round(best.values[part], 4) for part in PARTS if part in best.values}
        return {"id": best.id, "reason": best.reason, "scores": scores}


def _looked_at(
    fresh: tuple[str, ...], datastore: StudyStore, *, patience_s: float
) -> tuple[str, ...]:
    """Those that were checked and are to be offered; the first of them are waited for a while.

    Nobody gets a scan that might turn out to be a cine, or refused.
    """
    until = time.monotonic() + patience_s
    while True:
        verdicts = {image: datastore.verdict(image) for image in fresh}
        checked = [image for image, verdict in verdicts.items() if verdict.checked]
        offered = tuple(image for image in checked if verdicts[image].is_offered)
        if offered or len(checked) == len(fresh) or time.monotonic() > until:
            return offered
        time.sleep(GLANCE_S)


def _again(own: tuple[str, ...], offers: dict[str, Offer]) -> dict[str, Any]:
    """What the reader passed over longest ago."""
    image = min(own, key=lambda name: (offers[name].at, name))
    return {
        "id": image,
        "reason": "all other open scans were given to readers in the meantime",
        "scores": {},
    }


def _with_others(offers: Iterable[Offer], *, busy_seconds: float) -> dict[str, Any]:
    """Who has the open scans, and until when: it may be the same person in another program."""
    last = sorted(offers, key=lambda offer: offer.at)
    names = ", ".join(dict.fromkeys(offer.reader or NOBODY for offer in last))
    free = datetime.fromtimestamp(last[0].at + busy_seconds, timezone.utc).astimezone()
    return {
        "reason": f"nothing to pick from: every open scan was given to others ({names}), the first "
        f"until {free:%Y-%m-%d %H:%M %Z}; any can be opened in the work list"
    }

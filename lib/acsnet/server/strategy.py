"""Which scan a reader gets next."""

from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy


class LeastRecent(Strategy):
    """The scan without a final label that was shown longest ago; ties by name.

    Asking again and again goes round all of them.
    """

    def __init__(self) -> None:
        super().__init__("The unlabelled scan shown longest ago")

    def __call__(self, request: dict[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """The id of the next scan, or None when every scan has its label."""
        images = datastore.get_unlabeled_images()
        if not images:
            return None
        return {"id": min(images, key=lambda image: (_last_shown(datastore, image), image))}


def _last_shown(datastore: Datastore, image: str) -> int:
    """Seconds since 1970 when any strategy last offered the image; 0 for never."""
    shown = datastore.get_image_info(image).get("strategy", {}).values()
    return max((int(entry.get("ts", 0)) for entry in shown), default=0)

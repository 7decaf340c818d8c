"""Batch inference: drafts for chosen images, one after another beside interactive requests.

MONAI Label's own batch inference divides by zero without a GPU and takes all images or none.
"""

import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from acsnet.errors import ON_SERVER, AcsnetError, worded
from acsnet.server.errors import BusyError

logger = logging.getLogger(__name__)

MAX_IMAGES = 200
"""Not from the paper: a night's work on a machine without a GPU."""


class Batch:
    """One batch at a time; the outcome of the last one is kept until the next.

    segment: segments and keeps one image of the datastore, by its id.
    """

    def __init__(self, segment: Callable[[str], None]) -> None:
        self._segment = segment
        self._change = threading.Lock()
        self._worker: threading.Thread | None = None
        self._stopped = threading.Event()
        self._images: dict[str, str] = {}

    def start(self, images: Sequence[str]) -> None:
        """Begin with a list of ids. Raises BusyError while another batch runs."""
        with self._change:
            if self._worker is not None and self._worker.is_alive():
                msg = "a batch is running: wait for it or stop it"
                raise BusyError(msg)
            self._stopped.clear()
            self._images = dict.fromkeys(images, "waiting")
            # In the name of who asked for it.
            run = contextvars.copy_context().run
            self._worker = threading.Thread(
                target=run, args=(self._run,), name="batch", daemon=True
            )
            self._worker.start()

    def status(self) -> dict[str, Any]:
        """Whether a batch runs, and for each image: waiting, running, done, or why it failed."""
        running = self._worker is not None and self._worker.is_alive()
        return {"running": running, "images": dict(self._images)}

    def stop(self) -> None:
        """End after the image at hand."""
        self._stopped.set()

    def _run(self) -> None:
        for image in list(self._images):
            if self._stopped.is_set():
                self._images[image] = "stopped"
                continue
            self._images[image] = "running"
            try:
                self._segment(image)
                self._images[image] = "done"
            except AcsnetError as error:
                self._images[image] = f"refused: {worded(error, ON_SERVER)}"
            except Exception:
                logger.exception("an image of a batch failed")
                self._images[image] = "failed: the log has details"

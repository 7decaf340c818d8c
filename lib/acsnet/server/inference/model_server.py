"""The networks that are served: the live version of the site, replaced as a whole.

A request takes the chain once and keeps it to its end: it sees the old chain or the new one, never
a mix, and a replaced chain goes when its last request has.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from acsnet.errors import AcsnetError, WeightsError
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_status import inference
from acsnet.pipeline import Pipeline

logger = logging.getLogger(__name__)


DAMAGED = "aliases.json"
"""`ModelServer.refused` while the file that says which model is live cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """All networks of the method, and their version in the site's registry."""

    version: str
    pipeline: Pipeline


class ModelServer:
    """Serves the live version of the registry; a promotion, of another process too, is followed.

    A version that cannot be loaded does not stop a running server: the one before stays, and the
    log and `refused` say so. Raises WeightsError at start where the live version is not whole.
    """

    def __init__(self, models: Models) -> None:
        models.repair()
        self._models = models
        self._following = Lock()
        self.refused: str | None = None
        self._chain = self._load(models.aliases().live)

    def current(self) -> Chain:
        """The chain that is served now."""
        return self._chain

    @contextmanager
    def serving(self) -> Iterator[Chain]:
        """The live chain for one request; trainings rest meanwhile."""
        chain = self.follow()
        with inference(self._models.root):
            yield chain

    def follow(self) -> Chain:
        """Serve another version from now on if another is live by now; the chain that is served."""
        with self._following:
            try:
                live = self._models.aliases().live
            except WeightsError:
                if self.refused != DAMAGED:
                    logger.exception("the model served so far stays")
                live = self.refused = DAMAGED
            if live not in (self._chain.version, self.refused):
                try:
                    self._chain = self._load(live)
                    self.refused = None
                    logger.info("model %s is served from now on", live)
                except (AcsnetError, OSError):
                    self.refused = live
                    logger.exception("model %s cannot be served", live)
            elif live == self._chain.version:
                self.refused = None
            return self._chain

    def _load(self, name: str) -> Chain:
        pipeline = Pipeline.load(weights=self._models.weights(name))
        pipeline.warm_up()
        return Chain(version=name, pipeline=pipeline)

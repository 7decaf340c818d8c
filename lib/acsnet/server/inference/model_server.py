"""The networks that are served: the live version of the site, replaced as a whole.

A request takes the model once and keeps it to its end: it sees the old model or the new one, never
a mix, and a replaced model goes when its last request has.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from acsnet.errors import AcsnetError, WeightsError
from acsnet.fine_tuning.inference_pause import trainings_paused
from acsnet.fine_tuning.model_registry import Models, name_with_release
from acsnet.pipeline import Pipeline

logger = logging.getLogger(__name__)


ALIASES_DAMAGED = "aliases.json"
"""`ModelServer.refused` while the file that says which model is live cannot be read."""


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """All networks of the method, and their version in the site's registry."""

    version: str
    pipeline: Pipeline

    @property
    def name(self) -> str:
        """The version as labels, replies and audit log name it."""
        return name_with_release(self.version)


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
        self._model = self._load(models.aliases().live)

    def current(self) -> ServedModel:
        """The model that is served now."""
        return self._model

    @contextmanager
    def serving(self) -> Iterator[ServedModel]:
        """The live model for one request; trainings rest meanwhile."""
        model = self.follow()
        with trainings_paused(self._models.root):
            yield model

    def follow(self) -> ServedModel:
        """Serve another version from now on if another is live by now; the model that is served."""
        with self._following:
            try:
                live = self._models.aliases().live
            except WeightsError:
                if self.refused != ALIASES_DAMAGED:
                    logger.exception("the model served so far stays")
                live = self.refused = ALIASES_DAMAGED
            if live not in (self._model.version, self.refused):
                try:
                    self._model = self._load(live)
                    self.refused = None
                    logger.info("model %s is served from now on", live)
                except (AcsnetError, OSError):
                    self.refused = live
                    logger.exception("model %s cannot be served", live)
            elif live == self._model.version:
                self.refused = None
            return self._model

    def _load(self, name: str) -> ServedModel:
        pipeline = Pipeline.load(weights=self._models.weights(name))
        pipeline.warm_up()
        return ServedModel(version=name, pipeline=pipeline)

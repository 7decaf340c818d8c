"""The chain that is served follows the version that is live, from one request to the next."""

import logging
from collections.abc import Callable
from threading import Lock

from acsnet.errors import AcsnetError
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_status import inference
from acsnet.pipeline import Pipeline
from acsnet.server.inference.model_server import Answer, Chain, ServedModels

logger = logging.getLogger(__name__)


class LiveModels(ServedModels):
    """Serves the live version of `models`; whoever promotes, another process too, is followed.

    A version that cannot be loaded does not stop a running server: the one before stays, and the
    log and `refused` say so. Raises WeightsError at start where the live version is not whole.
    """

    def __init__(self, models: Models) -> None:
        models.repair()
        self._models = models
        self._following = Lock()
        self.refused: str | None = None
        super().__init__(self._load(models.aliases().live))

    def run(self, work: Callable[[Chain], Answer]) -> Answer:
        """As `ServedModels.run`, with the version that is live now; trainings rest meanwhile."""
        self.follow()
        with inference(self._models.root):
            return super().run(work)

    def when_idle(self, work: Callable[[Chain], Answer], *, quiet_s: float) -> Answer | None:
        """As `ServedModels.when_idle`, with the version that is live now."""
        self.follow()
        return super().when_idle(work, quiet_s=quiet_s)

    def follow(self) -> None:
        """Serve another version if another is live by now."""
        with self._following:
            live = self._models.aliases().live
            if live in (self.current().version, self.refused):
                return
            try:
                self.replace(self._load(live))
                self.refused = None
                logger.info("model %s is served from now on", live)
            except (AcsnetError, OSError):
                self.refused = live
                logger.exception("model %s cannot be served", live)

    def _load(self, name: str) -> Chain:
        pipeline = Pipeline.load(weights=self._models.weights(name))
        pipeline.warm_up()
        return Chain(version=name, pipeline=pipeline)

"""What the server knows of its scans: scores of each, and how far the model is from the review."""

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from acsnet.active_learning.acquisition import Known
from acsnet.active_learning.score_store import ScoreStore, Stamp, model_version
from acsnet.active_learning.scores import Scores, disagreement, scores_of
from acsnet.errors import AcsnetError
from acsnet.io.label_map import read_labels
from acsnet.io.nifti import DAMAGED
from acsnet.result import Result
from acsnet.server.datastores.label_records import REVIEWED
from acsnet.server.datastores.protocol import StudyStore, record_under_tag

logger = logging.getLogger(__name__)

Review = tuple[Stamp, str]
"""What was compared: the scored scan, and the id of the version that was reviewed."""


class ScoreBook:
    """Scores for the scans of a datastore, as they are and by the model that is served.

    model: gives the `model_version` of the one served now. Asking costs no inference and opens no
    image.
    """

    def __init__(
        self, datastore: StudyStore, store: ScoreStore, *, model: Callable[[], str]
    ) -> None:
        self._datastore = datastore
        self._store = store
        self._model = model
        self._compared: dict[str, tuple[Review, float | None]] = {}
        self._change = threading.Lock()

    def keep(self, image: str, result: Result) -> None:
        """Score an image from the result of its inference."""
        stamp = self._stamp(image, model=model_version(result.weights))
        if stamp is not None:
            self._store.put(stamp, scores_of(result), result.label_map())

    def scores(self, image: str) -> Scores | None:
        """Its scores; None where it has none by this model and in this state."""
        stamp = self._stamp(image, model=self._model())
        return None if stamp is None else self._store.get(stamp)

    def known(self, images: Iterable[str]) -> dict[str, Known]:
        """All that is known of images without opening one."""
        model = self._model()
        return {image: self._known(image, model) for image in images}

    def _known(self, image: str, model: str) -> Known:
        scores = None
        if self._store.holds(image) and (stamp := self._stamp(image, model=model)):
            scores = self._store.get(stamp)
        compared, far = self._compared.get(image), None
        if scores is not None and compared is not None and compared[0] == self._review(image):
            far = compared[1]
        return Known(id=image, scores=scores, disagreement=far, shown=0.0)

    def compare(self, image: str) -> None:
        """Find out how far model and review of an image are apart, unless that is known."""
        review = self._review(image)
        known = self._compared.get(image)
        if review is None or (known and known[0] == review):
            return
        far = self._disagreement(image, review[0])
        with self._change:
            self._compared[image] = review, far

    def _disagreement(self, image: str, stamp: Stamp) -> float | None:
        try:
            drawn = self._store.labels(stamp)
            reviewed = read_labels(Path(self._datastore.get_label_uri(image, REVIEWED)))
        except (AcsnetError, *DAMAGED) as error:
            logger.warning("model and review cannot be compared: %s", type(error).__name__)
            return None
        if drawn is None or drawn.shape != reviewed.shape:
            return None
        return disagreement(drawn, reviewed)

    def _review(self, image: str) -> Review | None:
        """What there is to compare; None where the image has no scores or no review."""
        stamp = self._stamp(image, model=self._model())
        if stamp is None or self._store.get(stamp) is None:
            return None
        record = record_under_tag(self._datastore.label_records(image), REVIEWED)
        return None if record is None else (stamp, record.id)

    def _stamp(self, image: str, *, model: str) -> Stamp | None:
        fingerprint = self._datastore.image_fingerprint(image)
        return Stamp(image=image, fingerprint=fingerprint, model=model) if fingerprint else None

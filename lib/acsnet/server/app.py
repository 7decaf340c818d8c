"""The MONAI Label app: datastore, inference tasks, trainers, strategies."""

import logging
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.sessions import Sessions

from acsnet import __version__
from acsnet.active_learning.acquisition import COMBINED, STRATEGIES
from acsnet.active_learning.score_store import ScoreStore, model_version
from acsnet.annotations.label_versions import VersionStore
from acsnet.errors import InputError
from acsnet.files.temporary import discard
from acsnet.fine_tuning.model_registry import Models
from acsnet.labels import LABEL_VALUES
from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.server.corrections.click_tasks import correction_desk, correction_tasks
from acsnet.server.corrections.points import BACKGROUND
from acsnet.server.corrections.starts import saved_label
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_reports import given_for, kept_features, with_given
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.protocol import StudyStore
from acsnet.server.identity import login_name
from acsnet.server.inference.batch import Batch
from acsnet.server.inference.infer_options import unused
from acsnet.server.inference.model_server import ModelServer
from acsnet.server.inference.request import InferenceRequest
from acsnet.server.inference.response import Answer, with_warning
from acsnet.server.inference.tasks import AcsnetTask, CorrectTask, MyocardiumTask, RoiTask
from acsnet.server.inference.work_queue import InferenceQueue
from acsnet.server.learning.background_scoring import IdleScorer
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.server.learning.scoring import AgreementScoring
from acsnet.server.learning.strategy import NextScan
from acsnet.server.learning.trainers import trainers
from acsnet.server.learning.training_supervisor import Trainings
from acsnet.server.state.audit_trail import complete, note
from acsnet.server.state.folder_checks import is_empty, is_readable, is_writable
from acsnet.server.state.paths import (
    VERSIONS,
    audit_log_file,
    models_folder,
    of_studies,
    private_folder,
    state_folder,
    training_lock,
)
from acsnet.server.state.repair import alone_on, repair, scratch_folder
from acsnet.server.state.schema import settle_state
from acsnet.server.web import metrics
from acsnet.server.web.drift import Drift, measures_of, read_reference
from acsnet.server.web.shown_versions import ShownVersions
from acsnet.settings import read_settings

logger = logging.getLogger(__name__)

DRAFT_NOT_KEPT = (
    "the scan's files were replaced or changed while it was segmented: the draft is not kept, "
    "segment the scan again"
)

settings.__init__()  # reads the environment again, in place: ours was perhaps not yet set


class AcsnetApp(MONAILabelApp):
    """ACSNet for MONAI Label. Raises WeightsError at start without verified weights."""

    scratch: Path
    """The folder of all temporary files, private, and gone when the server stops."""

    _book: ScoreBook
    _scorer: IdleScorer

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        site = read_settings()
        self._pick = site.pick
        self._picking = threading.Lock()
        self.queue = InferenceQueue(site.limits)
        self.studies = studies
        self._alone = alone_on(private_folder(self.store_folder()))
        settle_state(state_folder())
        models = models_folder(str(studies))
        repair(state_folder(), store=self.store_folder(), models=models)
        complete(VersionStore(self.store_folder() / VERSIONS), Models(models))
        self.scratch = private_folder(scratch_folder(self.store_folder()))
        super().__init__(
            app_dir,
            studies,
            conf,
            name="ACSNet",
            description="Scar on late gadolinium enhancement cardiac MRI. "
            "Research use only, not a medical device.",
            version=__version__,
            labels=[*LABEL_VALUES, BACKGROUND],  # 3D Slicer sends points of what is listed here
        )
        self.batch = Batch(self._draft)
        self.session_owners: dict[str, str] = {}
        self.shown_versions = ShownVersions()
        metrics.watch_queue(lambda: self.queue.waiting, lambda: self.queue.running)
        # Of all that asks for no folder, too: forms that come in, label maps before they are kept.
        tempfile.tempdir = str(self.scratch)

    @property
    def models(self) -> list[str]:
        """Names of the inference tasks; `info` would count all scans to tell them."""
        return sorted(self._infers)

    def drain(self, *, limit_s: float) -> bool:
        """Finish the running inference and start no other; returns whether it ended in time."""
        self.batch.stop()
        self.trainings.close()
        return self.queue.close(limit_s=limit_s)

    def close(self) -> None:
        """Stop the background work and remove temporary files."""
        self.batch.stop()
        self._scorer.close()
        self.trainings.close()
        self.datastore().close()
        tempfile.tempdir = None
        discard(self.scratch)
        self._alone.release()

    def init_datastore(self) -> StudyStore:
        """The scans of a local folder or of a PACS; raises InputError for anything else."""
        if is_dicomweb(self.studies):
            settings = pacs_settings(self.studies)
            return DicomWebDatastore(settings, store=self.store_folder())
        studies = Path(self.studies)
        if not studies.is_dir():
            msg = f"studies must be a folder, got {self.studies}"
            raise InputError(msg)
        return StudiesDatastore(studies=studies, store=self.store_folder())

    def init_infers(self) -> dict[str, InferTask]:
        """The inference tasks: the whole method and its parts, all with the served model."""
        self._models = Models(models_folder(str(self.studies)))
        self.served = ModelServer(self._models)
        scores = ScoreStore(self.store_folder() / "scores")
        self._book = ScoreBook(self.datastore(), scores, model=self._model_version)
        self._drift = Drift(read_reference())
        common = self.served, self.queue
        self.click_desk = correction_desk(
            self.datastore(),
            self.served,
            self.segment,
            folder=self.store_folder(),
            scratch=self.scratch,
        )
        task = AcsnetTask(*common)
        notes = self.store_folder() / "begun"
        saved = partial(saved_label, self.datastore())
        self._scorer = IdleScorer(self._book, task, self.datastore(), self._pick, notes=notes)
        return {
            "acsnet": task,
            "roi": RoiTask(*common),
            "myo": MyocardiumTask(*common),
            "acsnet_correct": CorrectTask(*common, saved=saved),
            **correction_tasks(self.click_desk),
        }

    def init_trainers(self) -> dict[str, TrainTask]:
        """Fine-tuning of the live model on reviewed labels, on request or by itself."""
        private_folder(state_folder())
        self.trainings = Trainings(
            self._models,
            lock=training_lock(),
            audit=audit_log_file(),
            reviewed=self.datastore().reviewed,
            settings=read_settings().train,
        )
        return trainers(self.trainings, self.served)

    def on_init_complete(self) -> None:
        """Start the background work: training supervisor and scoring."""
        super().on_init_complete()
        self.trainings.watch()
        self._scorer.start()

    def init_scoring_methods(self) -> dict[str, ScoringMethod]:
        """The scoring method: agreement of reviewed labels with the drafts of the model."""
        self.scoring_methods = {"agreement": AgreementScoring(self.datastore().scores)}
        return dict(self.scoring_methods)

    def init_strategies(self) -> dict[str, Strategy]:
        """The strategies; the combined one also as `random`, which OHIF's panel always asks for."""
        busy_seconds = 60.0 * self._pick.busy_minutes
        strategies: dict[str, Strategy] = {
            name: NextScan(name, self._book, busy_seconds=busy_seconds) for name in STRATEGIES
        }
        return strategies | {"random": strategies[COMBINED]}

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """The next scan for a reader: its record with `id`, `scores` and `reason`.

        request: `strategy`, and `client_id`, the name of the reader. Without an `id` there is none,
        and the reason says why. Raises InputError for a strategy that there is not.
        """
        name = request.get("strategy") or COMBINED
        if name not in self._strategies:
            msg = f"there is no strategy {name!r}; there is {', '.join(self._strategies)}"
            raise InputError(msg)
        store = self.datastore()
        # Two readers who ask at once must not get the same scan.
        with self._picking:
            answer: dict[str, Any] = self._strategies[name](request, store)
            if "id" in answer:
                offer = {
                    "ts": int(time.time()),
                    "client_id": request.get("client_id"),
                    "reason": answer["reason"],
                }
                before = store.get_image_info(answer["id"]).get("strategy", {})
                given = {**before, self._strategies[name].name: offer}
                store.update_image_info(answer["id"], {"strategy": given})
        self._scorer.wake()
        return {**store.get_image_info(answer["id"]), **answer} if "id" in answer else answer

    def _model_version(self) -> str:
        """Version of the served networks, under which scores are stored."""
        return model_version(self.served.current().pipeline.weights)

    def store_folder(self) -> Path:
        """The server's own folder for these studies."""
        return of_studies(str(self.studies))

    def missing_folders(self) -> list[str]:
        """Folders that cannot be read or written, in words for anybody: no path."""
        reasons = []
        store = self.datastore()
        if isinstance(store, StudiesDatastore):
            if not is_readable(Path(self.studies)):
                reasons.append("the studies folder cannot be read")
            elif is_empty(Path(self.studies)) and store.expects_scans():
                reasons.append("the studies folder is empty, and was not: is its disk mounted?")
        if not all(is_writable(place) for place in (self.store_folder(), self.scratch)):
            reasons.append("the state folder cannot be written: is its disk full?")
        return reasons

    def segment(self, request: InferenceRequest) -> Answer:
        """Run a task on a scan when it is its turn; keep the draft, and write the audit line.

        Raises AcsnetError for what is no scan, LoadError where the queue is full.
        """
        task, image = request.model, request.image_id
        start, answer, done = time.perf_counter(), None, False
        state = self.datastore().drawn_state_now(image) if image else ""
        try:
            answer = self._infers[task].run(request)
            if answer.draft is not None:
                self._keep(image, answer, state=state)
            if ignored := unused(request.parameters, options=self._infers[task].takes):
                answer = with_warning(answer, f"not parameters of {task}, ignored: {ignored}")
            metrics.observe_stages(task, {"wait": answer.waited_s, **answer.params["latencies"]})
            done = True
            return answer
        finally:
            metrics.INFERENCES.labels(task, "done" if done else "failed").inc()
            waited_s = answer.waited_s if answer else 0.0
            note(
                "infer",
                user=request.user,
                model=answer.version if answer else self.served.current().name,
                image=image,
                seconds=time.perf_counter() - start - waited_s,
                details={"task": task, "done": done},
            )

    def _keep(self, image: str, answer: Answer, *, state: str) -> None:
        """Watch a result of the whole method for drift; keep it as the draft of its image.

        state: of the scan's files when it was asked for; of other files it is no draft.
        """
        result = answer.draft
        assert result is not None  # noqa: S101 # asked for by `segment` alone
        self._drift.add(measures_of(result.scan, result.features.scar_burden_percent))
        if not image:
            return
        features = answer.params["features"]
        try:
            store = self.datastore()
            if store.drawn_state_now(image) != state:
                features["warnings"] = (*features["warnings"], DRAFT_NOT_KEPT)
                return
            kept = with_given(result, given_for(store.folder, image, scan=state))
            answer.params["features"] = features = kept_features(kept)
            store.keep_draft(image, kept, answer.version)
            self._book.keep(image, result)
        except OSError as error:
            logger.exception("a draft could not be kept")
            warning = f"the draft could not be kept: {error.strerror}"
            features["warnings"] = (*features["warnings"], warning)
        self._scorer.wake()

    def _draft(self, image: str) -> None:
        """Segment one image of the datastore and keep the draft."""
        self.segment(
            InferenceRequest(
                model="acsnet",
                image=Path(self.datastore().get_image_uri(image)),
                image_id=image,
                user=login_name(),
                client="batch",
                background=True,
            )
        )

    def _load_sessions(self, load: bool = False) -> Any:
        """Sessions in the scratch folder, so that uploads go when the server stops."""
        if not load:
            return None
        return Sessions(str(self.scratch / "sessions"), settings.MONAI_LABEL_SESSION_EXPIRY)


def load_app() -> AcsnetApp:
    """The app of this process, loaded once.

    Raises WeightsError without verified weights, InputError for studies that are not there.
    """
    app: AcsnetApp = app_instance()
    return app


def app_of(request: Request) -> AcsnetApp:
    """The app behind the web application that answers a request."""
    app: AcsnetApp = request.app.state.acsnet
    return app


App = Annotated[AcsnetApp, Depends(app_of)]
"""The app as the dependency of a route."""

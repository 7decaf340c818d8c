"""The MONAI Label app: which datastore, which tasks, which order of scans."""

import tempfile
from pathlib import Path
from typing import Any

from monailabel.config import settings
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.tasks.infer_v2 import InferTask
from monailabel.interfaces.tasks.strategy import Strategy
from monailabel.utils.sessions import Sessions

from acsnet import __version__
from acsnet.errors import InputError
from acsnet.pacs.settings import is_dicomweb, pacs_settings
from acsnet.pipeline import Pipeline
from acsnet.server.datastore import StudiesDatastore
from acsnet.server.dicomweb_datastore import DicomWebDatastore
from acsnet.server.infer_task import AcsnetInferTask
from acsnet.server.state import pacs_store, store_folder
from acsnet.server.strategy import LeastRecent


class AcsnetApp(MONAILabelApp):
    """ACSNet for MONAI Label. Raises WeightsError at start without verified weights."""

    def __init__(self, app_dir: str, studies: str, conf: dict[str, str]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="acsnet-")
        super().__init__(
            app_dir,
            studies,
            conf,
            name="ACSNet",
            description="Scar on late gadolinium enhancement cardiac MRI. "
            "Research use only, not a medical device.",
            version=__version__,
        )

    @property
    def scratch(self) -> Path:
        """A private folder for uploads, sessions and results, gone when the server stops."""
        return Path(self._scratch.name)

    def close(self) -> None:
        """Remove everything that was kept for one run only."""
        self.datastore().close()
        self._scratch.cleanup()

    def init_datastore(self) -> StudiesDatastore | DicomWebDatastore:
        """The scans of a local folder or of a PACS; raises InputError for anything else."""
        if is_dicomweb(self.studies):
            settings = pacs_settings(self.studies)
            return DicomWebDatastore(settings, store=pacs_store(settings.url))
        studies = Path(self.studies)
        if not studies.is_dir():
            msg = f"studies must be a folder, got {self.studies}"
            raise InputError(msg)
        return StudiesDatastore(studies=studies, store=store_folder(studies))

    def init_infers(self) -> dict[str, InferTask]:
        """The one segmentation task."""
        keep = self.datastore().keep_draft
        task = AcsnetInferTask(Pipeline.load(), folder=self.scratch, keep=keep)
        return {"acsnet": task}

    def init_strategies(self) -> dict[str, Strategy]:
        """Ours, also under the name that OHIF's panel always asks for."""
        strategy = LeastRecent()
        return {"least_recent": strategy, "random": strategy}

    def _load_sessions(self, load: bool = False) -> Any:
        """Sessions in the scratch folder: an uploaded scan does not outlive the server."""
        if not load:
            return None
        return Sessions(str(self.scratch / "sessions"), settings.MONAI_LABEL_SESSION_EXPIRY)

"""The trainers that clients list, and what they show of a training."""

import time
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.train import TrainTask

from acsnet.errors import InputError
from acsnet.fine_tuning.training_request import read_request
from acsnet.fine_tuning.training_status import CANCELLED, DONE, FAILED, Status
from acsnet.server.datastores.label_intake import author_of, login_author
from acsnet.server.inference.model_server import ModelServer
from acsnet.server.learning.training_supervisor import LOG, Trainings, best_device
from acsnet.server.state.audit_trail import note
from acsnet.train.run import STEPS

DESCRIPTIONS = {
    "all": "All networks and the latent prior",
    "roi": "ROI network: the left ventricle",
    "myo": "Myocardium network: wall and enhancement",
    "autoencoder": "Autoencoder of wall shapes, with its latent prior",
    "prior": "Latent prior only",
}
LINES = 20
"""Of the log, that a client is shown."""

CLIENT_STATES = {DONE: "DONE", FAILED: "ERROR", CANCELLED: "STOPPED"}
"""As MONAI Label calls them; RUNNING before."""


class Trainer(TrainTask):
    """Fine-tunes what its name says from the live model, on reviewed labels, in the background."""

    def __init__(self, name: str, trainings: Trainings, served: ModelServer) -> None:
        super().__init__(f"{DESCRIPTIONS[name]}, fine-tuned on reviewed labels")
        self._name = name
        self._trainings, self._served = trainings, served

    def config(self) -> dict[str, Any]:
        """What a client may set; epochs: 0 as usual."""
        devices = [best_device(), "cpu"]
        return {"epochs": 0, "device": list(dict.fromkeys(devices))}

    def stats(self) -> dict[str, Any]:
        """Of the newest run, whichever trainer's: clients show those of the first in the list."""
        latest = self._trainings.latest()
        return {} if latest is None else stats_of(*latest)

    def __call__(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Begin, and write the line of the audit log; does not wait.

        Errors as `Trainings.start`, and InputError for a wrong setting or name.
        """
        began, user = time.perf_counter(), author_of(request)
        epochs, device = settings_of(request)
        folder = self._trainings.start(self._name, epochs=epochs, device=device)
        note(
            "train",
            user=user,
            model=self._served.current().name,
            seconds=time.perf_counter() - began,
            details={"trainer": self._name, "run": folder.name, "state": "asked for"},
        )
        return task_of(folder)


def settings_of(request: dict[str, Any]) -> tuple[int | None, str]:
    """Epochs, None as usual, and device. Raises InputError for a value that there is not."""
    epochs = request.get("epochs")
    epochs = 0 if epochs is None else epochs  # OHIF's panel, of an emptied field
    if isinstance(epochs, bool) or not isinstance(epochs, int) or not 0 <= epochs <= 1000:
        msg = f"epochs must be a whole number from 0 to 1000, got {epochs!r}"
        raise InputError(msg)
    device = request.get("device") or best_device()
    device = device[0] if isinstance(device, list) else device
    if device not in {best_device(), "cpu"}:
        msg = f"device must be {' or '.join(sorted({best_device(), 'cpu'}))}, got {device!r}"
        raise InputError(msg)
    return epochs or None, device


def stop_training(trainings: Trainings) -> tuple[Path, Status] | None:
    """Stop the run that is under way, and write the line of the audit log; None for no run."""
    stopped = trainings.stop()
    if stopped is not None:
        details = {"run": stopped[0].name, "state": "stopped"}
        note("train", user=login_author(), details=details)
    return stopped


def trainers(trainings: Trainings, served: ModelServer) -> dict[str, TrainTask]:
    """All, the whole chain first; served: the model that they begin from."""
    names = sorted(STEPS, key=list(DESCRIPTIONS).index)
    return {name: Trainer(name, trainings, served) for name in names}


def stats_of(folder: Path, status: Status) -> dict[str, Any]:
    """What `/info/` tells of a run; the first names are those that 3D Slicer reads."""
    return {
        "epoch": round(status.epoch + status.share, 2) if status.share else status.epoch,
        "total_epochs": max(1, status.epochs),
        "run": folder.name,
        "state": status.state,
        "step": status.step,
        "share": status.share,
        "time_left_s": status.time_left_s,
        "candidate": status.candidate,
        "promoted": status.promoted,
        "detail": status.detail,
    }


def progress_line(status: Status) -> str:
    """How far a run is, in a line; 3D Slicer shows the last line of the details and needs one."""
    if not status.under_way:
        return status.detail or status.state
    if not status.epochs:
        return "the training has been asked for and begins soon"
    done = f"epoch {status.epoch} of {status.epochs}, {100 * status.share:.0f} % of the next"
    return f"{', '.join(filter(None, (status.state, status.step)))}: {done}"


def task_of(folder: Path, status: Status | None = None) -> dict[str, Any]:
    """A run as `/train/` tells of it."""
    status = Status() if status is None else status
    log = folder / LOG
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    lines = lines[-LINES:] or [progress_line(status)]
    request = read_request(folder)
    return {
        "id": folder.name,
        "status": CLIENT_STATES.get(status.state, "RUNNING"),
        "request": {"model": request.trainer, "device": request.device, "epochs": request.epochs},
        "start_ts": status.started,
        "end_ts": status.ended,
        "details": lines,
        **stats_of(folder, status),
    }

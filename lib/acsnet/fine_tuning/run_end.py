"""How a run ends that is cut short: its status says of the candidate what is served."""

from pathlib import Path

from acsnet.errors import AcsnetError
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_request import read_request
from acsnet.fine_tuning.training_status import DONE, Status, change_status, read_status


def end_early(folder: Path, models: Models, *, state: str, detail: str) -> Status:
    """End a run that is stopped or fails; it is done all the same if its candidate went live.

    Args:
        folder: of the run, none of whose processes is left but the caller.
        models: the registry of the run.
        state: of a run that changed nothing.
        detail: why it ends.
    """
    try:
        served = _served(folder, models)
    except AcsnetError:  # it cannot be read which model is live
        served = ""
    if not served:
        return change_status(folder, state=state, detail=detail)
    return change_status(
        folder, state=DONE, promoted=True, detail=f"{served}; after that: {detail}"
    )


def _served(folder: Path, models: Models) -> str:
    """Whether the candidate of a run is or was live, in words; empty if not."""
    candidate = read_status(folder).candidate
    if candidate is None:
        return ""
    promoted = models.promotion(candidate, run=folder.name) is not None
    if models.aliases().live != candidate:
        return "promoted, and no longer served" if promoted else ""
    return "served from now on" if promoted or candidate != read_request(folder).base else ""

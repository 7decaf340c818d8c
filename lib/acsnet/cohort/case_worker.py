"""One case of a cohort: passed over where it is done, else segmented, written and recorded.

A case is done when the record beside its results tells the same content, software, weights and
options as hold now. The record is written last and removed first, so that results without one, or
with another, are made again, whenever the program was stopped. Where somebody has changed the label
map since, or measured one that somebody drew, the case fails and all stays.
"""

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from acsnet import __version__
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import Source
from acsnet.errors import (
    IN_TABLE,
    AcsnetError,
    DeviceError,
    InputError,
    WeightsError,
    worded,
)
from acsnet.export import (
    FEATURES,
    RECORD,
    RECORDED_LABELS,
    SEGMENTATION,
    check_unchanged,
    read_object,
    remove_result,
    write_result,
)
from acsnet.files.reasons import is_full, output_full
from acsnet.nets.weights import read_manifest
from acsnet.pipeline import Pipeline
from acsnet.quantify.scar import ScarMethod
from acsnet.storage import sha256_of, write_json


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """The options of `acsnet segment` that change results."""

    scar_method: ScarMethod = "remote"
    smooth_walls: bool = False
    ignore_window: bool = False


class CaseWorker:
    """Segments cases one after another; networks are loaded at the first that needs them.

    threads: of the processor, for the networks.
    """

    def __init__(self, *, output: Path, options: CohortOptions, device: str, threads: int) -> None:
        self._output = output
        self._options = options
        self._device = device
        self._threads = threads

    def work(self, source: Source) -> Outcome:
        """One case. Raises what is no fault of it: WeightsError, DeviceError, OutputFullError."""
        outcome = Outcome(case=source.case, place=source.place)
        try:
            return replace(outcome, computed=self._work(source))
        except (WeightsError, DeviceError):
            raise
        except (AcsnetError, OSError) as error:
            if is_full(error):
                raise output_full(error, self._output) from error
            return replace(outcome, reason=worded(error, IN_TABLE))

    def _work(self, source: Source) -> bool:
        """Whether there was anything to do."""
        folder = self._output / source.case
        record = {**self._conditions, "content_sha256": source.content()}
        check_unchanged(folder)
        check_not_drawn(folder)
        if is_done(folder, record):
            return False
        pipeline = self._pipeline  # before anything is removed: it may be that no case can be run
        remove_result(folder)  # of other content, or made otherwise
        scan = replace(source.read(), name=source.case)
        if self._options.ignore_window:
            scan = replace(scan, windows=None)
        result = pipeline(scan)
        write_result(result, self._output)
        labels = sha256_of(folder / SEGMENTATION)
        write_json(folder / RECORD, {**record, RECORDED_LABELS: labels})
        return True

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        weights = {name: entry["sha256"] for name, entry in read_manifest().items()}
        return {
            "software": __version__,
            "weights_sha256": weights,
            "settings": asdict(self._options),
        }

    @cached_property
    def _pipeline(self) -> Pipeline:
        return Pipeline.load(
            device=self._device,
            threads=self._threads,
            scar_method=self._options.scar_method,
            keep_valid=not self._options.smooth_walls,
        )


def check_not_drawn(folder: Path) -> None:
    """Raises InputError where the result in a folder is of a label map that somebody drew.

    A result of the networks that has no record, of a run that was stopped, names their weights.
    """
    software = (read_object(folder / FEATURES) or {}).get("software")
    if isinstance(software, dict) and software.get("weights_sha256") == {}:
        msg = f"{folder} holds measures of a label map that somebody drew: move it away"
        raise InputError(msg)


def is_done(folder: Path, record: dict[str, Any]) -> bool:
    """Whether a folder holds results, and this record of how they came about."""
    known = read_object(folder / RECORD) or {}
    known.pop(RECORDED_LABELS, None)
    there = (folder / SEGMENTATION).is_file() and read_object(folder / FEATURES) is not None
    return there and known == record

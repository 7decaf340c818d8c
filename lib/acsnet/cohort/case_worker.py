"""One case of a cohort: passed over where it is done, else segmented, written and recorded.

A case is done when the record beside its results tells the same content, software, weights and
settings as hold now. The record is written last and removed first, so that results without one, or
with another, are made again, whenever the program was stopped.
"""

import errno
import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from acsnet import __version__
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import Source
from acsnet.errors import IN_TABLE, AcsnetError, OutputFullError, WeightsError, worded
from acsnet.export import FEATURES, RECORD, SEGMENTATION, remove_result, write_result
from acsnet.nets.weights import read_manifest
from acsnet.pipeline import Pipeline
from acsnet.quantify.scar import ScarMethod
from acsnet.storage import write_json


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of `acsnet segment` that change results."""

    scar_method: ScarMethod = "remote"
    smooth_walls: bool = False
    ignore_window: bool = False


class CaseWorker:
    """Segments cases one after another; networks are loaded at the first that needs them.

    threads: of the processor, for the networks.
    """

    def __init__(self, *, output: Path, settings: Settings, device: str, threads: int) -> None:
        self._output = output
        self._settings = settings
        self._device = device
        self._threads = threads

    def work(self, source: Source) -> Outcome:
        """One case. Raises WeightsError and OutputFullError, which are no fault of the case."""
        outcome = Outcome(case=source.case, place=source.place)
        try:
            return replace(outcome, computed=self._work(source))
        except WeightsError:
            raise
        except (AcsnetError, OSError) as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                msg = f"{self._output} is full: free some space, then run the same command again"
                raise OutputFullError(msg) from error
            return replace(outcome, reason=worded(error, IN_TABLE))

    def _work(self, source: Source) -> bool:
        """Whether there was anything to do."""
        folder = self._output / source.case
        record = {**self._conditions, "content_sha256": source.content()}
        if is_done(folder, record):
            return False
        remove_result(folder)  # of other content, or made otherwise
        scan = replace(source.read(), name=source.case)
        if self._settings.ignore_window:
            scan = replace(scan, windows=None)
        result = self._pipeline(scan)
        write_result(result, self._output)
        write_json(folder / RECORD, record)
        return True

    @cached_property
    def _conditions(self) -> dict[str, Any]:
        weights = {name: entry["sha256"] for name, entry in read_manifest().items()}
        return {
            "software": __version__,
            "weights_sha256": weights,
            "settings": asdict(self._settings),
        }

    @cached_property
    def _pipeline(self) -> Pipeline:
        return Pipeline.load(
            device=self._device,
            threads=self._threads,
            scar_method=self._settings.scar_method,
            keep_valid=not self._settings.smooth_walls,
        )


def is_done(folder: Path, record: dict[str, Any]) -> bool:
    """Whether a folder holds results, and this record of how they came about."""
    try:
        known = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        features = json.loads((folder / FEATURES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    there = (folder / SEGMENTATION).is_file() and isinstance(features, dict)
    return there and bool(known == record)

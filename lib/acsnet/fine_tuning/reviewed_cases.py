"""The scans and labels of a training request, as far as they can be used; each other has a reason.

A label that is too small, lacks the blood pool or the wall, or is drawn on what is no short-axis
LGE, teaches something false, and a model cannot be measured on it.
"""

import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning.training_request import RequestedScan
from acsnet.io.containers import content_digest
from acsnet.preprocess import standardise
from acsnet.scan import is_unfit
from acsnet.storage import sha256_of
from acsnet.train.data.case import POOL, WALL, TrainingCase, read_case
from acsnet.train.samples.slices import drawn_tissue


@dataclass(frozen=True, kw_only=True)
class ReadCases:
    """Cases of a request that can be used, and the reasons why others are left out."""

    cases: tuple[tuple[RequestedScan, TrainingCase], ...]
    left_out: tuple[str, ...]


def read_cases(cases: Sequence[RequestedScan]) -> ReadCases:
    """Read scans and labels; what is missing, altered since or does not fit is left out."""
    read, left_out = [], []
    for case in cases:
        try:
            with named(case.name):
                read.append((case, _read(case)))
        except AcsnetError as error:
            left_out.append(str(error))
    return ReadCases(cases=tuple(read), left_out=tuple(left_out))


def _read(case: RequestedScan) -> TrainingCase:
    if sha256_of(case.label) != case.sha256:
        msg = "the copy of its label was altered"
        raise InputError(msg)
    if case.scan is not None and content_digest(case.image) != case.scan:
        msg = "its scan was replaced or changed after its label"
        raise InputError(msg)
    content = read_case(case.image, case.label, convention="acsnet", source="lge")
    unfit = next(filter(is_unfit, content.scan.warnings), None)
    if unfit is not None:
        raise InputError(unfit)
    drawn_tissue(content, standardise(content.scan))
    missing = {POOL: "no blood pool", WALL: "no myocardium without enhancement"}
    for tissue, what in missing.items():
        if not (content.tissue == tissue).any():
            msg = f"{what} is drawn, so it would count as background"
            raise InputError(msg)
    return content


@contextmanager
def named(scan: str) -> Iterator[None]:
    """Raises AcsnetError, naming the scan, for whatever goes wrong with it."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, (AcsnetError, OSError)):
            traceback.print_exc()  # nobody foresaw it: for the log of the training
        msg = f"{scan}: {in_words(error)}"
        raise AcsnetError(msg) from error


def in_words(error: Exception) -> str:
    """The message of an error, with its kind where that was not made to be read alone."""
    is_worded = isinstance(error, (AcsnetError, OSError))
    return str(error) if is_worded else f"{type(error).__name__}: {error}"

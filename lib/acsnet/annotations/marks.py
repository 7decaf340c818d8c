"""Measures of a label map with what a reader entered for its case, as far as it can be used there.

A reader's marks belong to a case, and its label maps come and go: a mark that fits one may lie
where another has no blood pool or no wall. It is then left out, with a warning, so that it keeps no
label map from being saved or reported.
"""

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acsnet.annotations.reading_details import ReadingDetails
from acsnet.errors import AcsnetError
from acsnet.measure import measure_labels
from acsnet.quantify.body_size import HEADER_NOT_USED
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan

NOT_USED = "a reader's mark is not used on this label map: "
"""How the warning of a mark begins that cannot be used."""

_OF_WHAT_IS_ENTERED = re.compile(
    "|".join(
        (
            NOT_USED,
            "the right ventricle was not (found in the image|looked for)",
            "neither header nor image tell anterior from inferior",
            "the header does not tell anterior from inferior",
            "the brighter side of the ventricle, the inferior one as a rule, is that of the RV",
            "the RV insertion that was given lies",
            r"\d+ % of the remote region, ",
            "scar (by n-SD )?depends on the given remote region",
            HEADER_NOT_USED,
        )
    )
)
"""How those warnings of `acsnet.quantify` begin that what a reader enters may end or change."""

_REPLACED = re.compile(
    "|".join(
        (
            r"left ventricular volume of \d+ ml is implausible",
            r"the blood pool has \d+%",
            r"the apex may be missing: the lowest slice has \d+%",
        )
    )
)
"""How warnings of versions before 0.3.0 begin that a measurement of now gives otherwise, or not."""


def given_of(details: ReadingDetails) -> Given:
    """What a reader entered that changes measures."""
    return Given(
        height_cm=details.height_cm,
        weight_kg=details.weight_kg,
        rv_insertion_by_slice=details.rv_insertion,
        remote_by_slice=details.remote_region,
    )


def depends_on_given(warning: str) -> bool:
    """Whether what a reader enters may end or change a warning, so that an old one says nothing."""
    return _OF_WHAT_IS_ENTERED.match(warning) is not None


def is_replaced(warning: str) -> bool:
    """Whether a measurement of now tells whether a warning holds, and in which words."""
    return depends_on_given(warning) or _REPLACED.match(warning) is not None


def measure_marked(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    *,
    given: Given = NOTHING,
    notes: tuple[str, ...] = (),
) -> Measured:
    """Check and measure a label map; a mark that cannot be used is left out, as a warning says.

    Args:
        scan: the scan it was drawn on.
        labels: (`scan.grid.shape`) values of `acsnet.labels.Label`.
        given: what a reader entered.
        notes: what its reader noticed, to be among the warnings.

    Raises:
        InputError: there is no left ventricle.
        AcsnetError: the label map cannot be measured on this scan.
    """
    try:
        measured = measure_labels(scan, labels, given=given)
        return replace(measured, given=given, warnings=(*measured.warnings, *notes))
    except AcsnetError:
        marks = _marks_of(given)
        if not marks:
            raise
    used = replace(given, rv_insertion_by_slice=None, remote_by_slice=None)
    measured = measure_labels(scan, labels, given=used)
    unused = []
    for mark in marks:
        wider = _with_mark(used, mark)
        try:
            measured, used = measure_labels(scan, labels, given=wider), wider
        except AcsnetError as error:
            unused.append(f"{NOT_USED}{error}")
    return replace(measured, given=given, warnings=(*measured.warnings, *unused, *notes))


def _marks_of(given: Given) -> list[Given]:
    """Each mark by itself; the places of a remote region are one, which may need all of them."""
    points = (given.rv_insertion_by_slice or {}).items()
    marks = [Given(rv_insertion_by_slice={number: point}) for number, point in points]
    if given.remote_by_slice is not None:
        marks.append(Given(remote_by_slice=given.remote_by_slice))
    return marks


def _with_mark(given: Given, mark: Given) -> Given:
    if mark.rv_insertion_by_slice is None:
        return replace(given, remote_by_slice=mark.remote_by_slice)
    points = {**(given.rv_insertion_by_slice or {}), **mark.rv_insertion_by_slice}
    return replace(given, rv_insertion_by_slice=points)

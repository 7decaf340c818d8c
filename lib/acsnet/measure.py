"""Measure a label map that somebody drew or corrected, as the pipeline measures its own."""

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.checks import read_limits
from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.label_conventions import (
    CONVENTIONS,
    CORE,
    OTHER_CONVENTION,
    OWN,
    convention_doubts,
    to_labels,
)
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.preprocess import check_image
from acsnet.quantify.features import Features
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement, grey_alone
from acsnet.result import NO_SCAR_DRAWN, Measured
from acsnet.scan import ShortAxisScan, apex_first_by_area
from acsnet.stages.label_checks import label_flags
from acsnet.stages.quality_flags import doubts, messages

GREY_ALONE = (
    "grey zone is drawn and no core scar: if value 3 stands for infarct in this label map, as in "
    f"EMIDEC's, {OTHER_CONVENTION}"
)

OBSTRUCTION_ALONE = (
    "microvascular obstruction is drawn and no scar around it: if value 5 stands for scar in this "
    f"label map, {OTHER_CONVENTION}"
)

OBSTRUCTION_BRIGHT = (
    "microvascular obstruction (value 5) has a median signal of {other:.4g}, above the {core:.4g} "
    f"of core scar (value 4): if value 5 stands for scar in this label map, {OTHER_CONVENTION}"
)

DARKER_THAN_CORE = {
    OWN: (
        Label.GREY_ZONE,
        "core scar (value 4) has a median signal of {core:.4g}, below the {other:.4g} of grey zone "
        "(value 3): if value 4 stands for no-reflow in this label map, as in EMIDEC's, "
        f"{OTHER_CONVENTION}",
    ),
    "emidec": (
        Label.MICROVASCULAR_OBSTRUCTION,
        "no-reflow (value 4) has a median signal of {other:.4g}, above the {core:.4g} of infarct "
        "(value 3): if value 4 stands for core scar in this label map, as in ACSNet's own, "
        f"{OTHER_CONVENTION}",
    ),
}
"""Convention -> the enhancement that is darker in it than core scar, and what to say if it is not.

Grey zone is so by its definition, no-reflow in each of the 27 of 71 label maps of EMIDEC that have
it. The conventions give value 4 to the brighter part and to the darker one.
"""

MOST_ENHANCED_PERCENT = 95.0
"""Share of the wall that scar does not exceed in a label map that is read rightly. Own rule."""

ALL_ENHANCED = (
    "scar is {percent:.0f} % of the wall: if the values of wall and scar are others in this label "
    f"map, {OTHER_CONVENTION}"
)

MEASURES = frozenset(field.name for field in fields(Features))


def measure_label_file(
    image: Path,
    labels: Path,
    *,
    phase: int | None = None,
    series: str | Sequence[str] | None = None,
    truth: str = OWN,
    scar_method: ScarMethod | None = None,
    given: Given = NOTHING,
) -> Measured:
    """Measure the label map of a file on the image it was drawn on.

    image, phase, series: as `read_scan` takes them; labels: file with a volume on its grid, axes in
    any order, or a DICOM SEG; truth: a name in `acsnet.label_conventions`, for values that
    no segment names. Core scar and grey zone
    of our own labels are taken as drawn unless a scar_method is given; EMIDEC's infarct is split by
    it ("remote" if none is given); ACDC's labels have no scar, so that nothing is said of it. A
    warning says where labels that may hold scar hold none: nothing tells that somebody looked.
    Others say where how much scar there is, or how bright obstruction is, tells that `truth` is the
    wrong convention.

    Raises InputError for files that cannot be read, do not lie on one grid or hold unknown labels
    or no left ventricle, and for an image that is a label map itself, GeometryError for a stack
    without true volumes, AcsnetError as `quantify`.
    """
    start = time.perf_counter()
    scan = read_scan(image, phase=phase, series=series)
    drawn = read_drawn_labels(labels, scan=scan, image=image, truth=truth)
    read = time.perf_counter() - start
    measured = measure_labels(
        scan,
        drawn.labels,
        truth=drawn.convention,
        scar_method=scar_method,
        given=given,
        source=str(labels),
    )
    doubts_of_file = _share_doubt(measured.features)
    if drawn.convention == OWN:
        values = measured.scan.grid.from_input(drawn.labels)
        doubts_of_file = (*_obstruction_doubt(measured.scan, values), *doubts_of_file)
    return replace(
        measured,
        warnings=(*measured.warnings, *drawn.warnings, *doubts_of_file),
        seconds={"read": read, **measured.seconds},
    )


def measure_labels(
    scan: ShortAxisScan,
    label_map: NDArray[np.integer[Any]],
    *,
    truth: str = OWN,
    scar_method: ScarMethod | None = None,
    given: Given = NOTHING,
    source: str = "the label map",
) -> Measured:
    """Check and measure a label map on its scan; see `measure_label_file`.

    label_map: values of the convention `truth`, on the grid of the input, `scan.grid.shape`;
    source: what errors call it. Raises as `measure_label_file` does of labels and of an image. A
    warning says where anatomy or signal tells that `truth` is the wrong convention; what else may
    tell that of a file is left to `measure_label_file`: labels drawn in the browser follow ours.
    """
    start = time.perf_counter()
    check_image(scan)
    convention = CONVENTIONS[truth]
    labels = _checked_labels(label_map, truth, scar_method=scar_method, source=source)
    scan = replace(apex_first_by_area(scan, labels > 0), apex_first=True)
    drawn = values = scan.grid.from_input(labels)
    threshold: ScarThreshold | None = None
    if convention.has_scar and (CORE not in convention.regions or scar_method is not None):
        values, threshold = _core_split(scan, values, scar_method or "remote", given)
    right_ventricle = None
    if convention.right_ventricle is not None:
        right_ventricle = scan.grid.from_input(label_map) == convention.right_ventricle
    quantification = quantify(
        scan,
        values,
        threshold=threshold,
        scar_known=convention.has_scar,
        right_ventricle=right_ventricle,
        given=given,
    )
    flags = (
        *doubts(values, scan.pixels, quantification.features.lv_volume_ml, signal=scan.signal),
        *label_flags(
            values,
            scan.spacing_mm[1:],
            limits=read_limits(),
            reversed_slices=scan.grid.reversed_slices,
        ),
    )
    as_drawn = truth == OWN and scar_method is None
    core_known = quantification.features.core_scar_volume_ml is not None
    darker = DARKER_THAN_CORE.get(truth)
    remarks = (
        *((GREY_ALONE,) if as_drawn and core_known and grey_alone(values) else ()),
        *(_brighter_than_core(scan, drawn, *darker) if darker else ()),
        *convention_doubts(drawn),
    )
    return Measured(
        scan=scan,
        labels=values,
        quantification=quantification,
        quality=flags,
        warnings=(*scan.warnings, *quantification.warnings, *messages(flags), *remarks),
        weights={},
        seconds={"quantify": time.perf_counter() - start},
    )


def numbers_of(features: dict[str, Any]) -> dict[str, float]:
    """The measures of the whole scan that are numbers, by name."""
    return {
        name: value
        for name, value in features.items()
        if isinstance(value, (int, float)) and name in MEASURES
    }


def _checked_labels(
    label_map: NDArray[np.integer[Any]],
    truth: str,
    *,
    scar_method: ScarMethod | None,
    source: str,
) -> NDArray[np.uint8]:
    """Our labels, of the same shape. Raises InputError where there is nothing to measure."""
    labels = to_labels(label_map, truth, source=source)
    if not labels.any():
        msg = f"{source} holds no left ventricle: it is empty, nothing is drawn in it"
        raise InputError(msg)
    if not CONVENTIONS[truth].has_scar and scar_method is not None:
        msg = f"a scar method has no meaning for labels of '{truth}', which hold no scar"
        raise InputError(msg)
    return labels


def _obstruction_doubt(scan: ShortAxisScan, labels: NDArray[np.uint8]) -> tuple[str, ...]:
    """A warning where obstruction, which is the dark core of other scar, is not that.

    labels: (slice, row, column) our labels as drawn.
    """
    present = set(np.unique(labels[np.isin(labels, ENHANCEMENT)]).tolist())
    if scan.shows_scar and present == {Label.MICROVASCULAR_OBSTRUCTION}:
        return (OBSTRUCTION_ALONE,)
    return _brighter_than_core(scan, labels, Label.MICROVASCULAR_OBSTRUCTION, OBSTRUCTION_BRIGHT)


def _brighter_than_core(
    scan: ShortAxisScan, drawn: NDArray[np.uint8], label: Label, words: str
) -> tuple[str, ...]:
    """A warning where what should be darker than core scar is brighter; words: with both signals.

    drawn: (slice, row, column) our labels of what the values stand for in the convention.
    """
    if not scan.shows_scar:
        return ()
    core, other = (
        scan.pixels[(drawn == value) & scan.measured] for value in (Label.CORE_SCAR, label)
    )
    if not (core.size and other.size and np.median(core) < np.median(other)):
        return ()
    return (words.format(core=np.median(core), other=np.median(other)),)


def _share_doubt(features: Features) -> tuple[str, ...]:
    """A warning where a wall has no scar, or is nearly all scar."""
    percent = features.scar_burden_percent
    if features.myocardium_volume_ml and features.enhancement_volume_ml == 0:
        return (NO_SCAR_DRAWN,)
    if percent is None or percent <= MOST_ENHANCED_PERCENT:
        return ()
    return (ALL_ENHANCED.format(percent=percent),)


def _core_split(
    scan: ShortAxisScan, labels: NDArray[np.uint8], method: ScarMethod, given: Given
) -> tuple[NDArray[np.uint8], ScarThreshold]:
    """(slice, row, column) labels with their enhancement split into core and grey zone anew."""
    zones = classify_enhancement(
        scan.pixels,
        np.isin(labels, MYOCARDIUM),
        np.isin(labels, ENHANCEMENT),
        method=method,
        remote=given.remote_on(scan),
        measured=scan.measured,
    )
    values = labels.copy()
    values[np.isin(labels, ENHANCEMENT)] = Label.LV_MYOCARDIUM
    values[zones.grey_zone] = Label.GREY_ZONE
    values[zones.core] = Label.CORE_SCAR
    values[labels == Label.MICROVASCULAR_OBSTRUCTION] = Label.MICROVASCULAR_OBSTRUCTION
    return values, zones.threshold

"""Measure a label map that somebody drew or corrected, as the pipeline measures its own."""

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.label_conventions import CONVENTIONS, CORE, OWN, to_labels
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.preprocess import check_image
from acsnet.quantify.features import Features
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan, apex_first_by_area
from acsnet.stages.label_checks import label_flags
from acsnet.stages.label_doubts import convention_doubts, file_doubts
from acsnet.stages.quality_flags import doubts, messages

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
    doubts_of_file = file_doubts(
        measured.scan,
        measured.scan.grid.from_input(drawn.labels),
        truth=drawn.convention,
        features=measured.features,
    )
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
    features = quantification.features
    flags = (*doubts(values, scan, features.lv_volume_ml), *label_flags(values, scan))
    remarks = convention_doubts(scan, drawn, truth=truth, features=features)
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

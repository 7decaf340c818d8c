"""Measure a label map that somebody drew or corrected, as the pipeline measures its own."""

import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.seg_on_scan import is_dicom, seg_on_scan
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels_on
from acsnet.label_conventions import CONVENTIONS, CORE, OWN, to_labels
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.quantify.features import Features
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan, apex_first_by_area
from acsnet.stages.quality_flags import doubts, messages

GREY_ALONE = (
    "grey zone is drawn and no core scar: if value 3 stands for infarct in this label map, as in "
    "EMIDEC's, name the convention (--truth emidec)"
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
    any order, or a DICOM SEG; truth: a name in `acsnet.label_conventions`. Core scar and grey zone
    of our own labels are taken as drawn unless a scar_method is given; EMIDEC's infarct is split by
    it ("remote" if none is given); ACDC's labels have no scar, so that nothing is said of it.

    Raises InputError for files that cannot be read, do not lie on one grid or hold unknown labels
    or no left ventricle, GeometryError for a stack without true volumes, AcsnetError as `quantify`.
    """
    start = time.perf_counter()
    scan = read_scan(image, phase=phase, series=series)
    remarks: tuple[str, ...] = ()
    label_map: NDArray[np.integer[Any]]
    if labels.is_file() and is_dicom(labels):
        reading = seg_on_scan(labels, scan, image=image)
        label_map, remarks = reading.labels, reading.warnings
    else:
        label_map = read_labels_on(labels, scan=scan, image=image, by_value=truth != OWN)
    read = time.perf_counter() - start
    measured = measure_labels(
        scan, label_map, truth=truth, scar_method=scar_method, given=given, source=str(labels)
    )
    is_own = truth == OWN and scar_method is None
    features = measured.features
    if is_own and _grey_alone(measured.labels) and features.core_scar_volume_ml is not None:
        remarks = (*remarks, GREY_ALONE)
    return replace(
        measured,
        warnings=(*measured.warnings, *remarks),
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
    """Measure a label map on its scan; see `measure_label_file`.

    label_map: on the grid of the input, `scan.grid.shape`; source: what errors call it.
    """
    start = time.perf_counter()
    convention = CONVENTIONS[truth]
    labels = to_labels(label_map, truth, source=source)
    if not labels.any():
        msg = f"{source} holds no left ventricle"
        raise InputError(msg)
    if not convention.has_scar and scar_method is not None:
        msg = f"a scar method has no meaning for labels of '{truth}', which hold no scar"
        raise InputError(msg)
    scan = replace(apex_first_by_area(scan, labels > 0), apex_first=True)
    values, threshold = scan.grid.from_input(labels), None
    if convention.has_scar and (CORE not in convention.regions or scar_method is not None):
        values, threshold = _core_split(scan, values, scar_method or "remote", given)
    elif convention.has_scar and _grey_alone(values):
        # Drawn so by us where nothing tells core from grey zone; then neither has a volume.
        _, split = _core_split(scan, values, "remote", given)
        threshold = None if split is None or split.value is not None else split
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
    flags = doubts(values, scan.pixels, quantification.features.lv_volume_ml, signal=scan.signal)
    return Measured(
        scan=scan,
        labels=values,
        quantification=quantification,
        quality=flags,
        warnings=(*scan.warnings, *quantification.warnings, *messages(flags)),
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


def _grey_alone(labels: NDArray[np.uint8]) -> bool:
    """Whether grey zone is drawn and no core scar."""
    return bool((labels == Label.GREY_ZONE).any() and not (labels == Label.CORE_SCAR).any())


def _core_split(
    scan: ShortAxisScan, labels: NDArray[np.uint8], method: ScarMethod, given: Given
) -> tuple[NDArray[np.uint8], ScarThreshold | None]:
    """(slice, row, column) labels with their enhancement split into core and grey zone anew."""
    zones = classify_enhancement(
        scan.pixels,
        np.isin(labels, MYOCARDIUM),
        np.isin(labels, ENHANCEMENT),
        method=method,
        remote=given.remote_on(scan),
    )
    values = labels.copy()
    values[np.isin(labels, ENHANCEMENT)] = Label.LV_MYOCARDIUM
    values[zones.grey_zone] = Label.GREY_ZONE
    values[zones.core] = Label.CORE_SCAR
    values[labels == Label.MICROVASCULAR_OBSTRUCTION] = Label.MICROVASCULAR_OBSTRUCTION
    return values, zones.threshold

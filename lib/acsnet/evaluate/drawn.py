"""A mask that a person drew or corrected -> the measures that the pipeline gives for its own."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.evaluate.seg_labels import is_dicom, seg_labels
from acsnet.evaluate.truth import (
    ENH,
    LV,
    MYO,
    LabelFile,
    apex_first_by_area,
    check_same_grid,
    read_label_file,
    region_masks,
    turned_to,
)
from acsnet.io import read_scan
from acsnet.io.label_map import LabelMap, on_grid
from acsnet.io.volume import SplitGrid, places_of
from acsnet.labels import Label
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan
from acsnet.stages.doubts import doubts, messages

NO_REFLOW = 4
"""Microvascular obstruction in EMIDEC's label maps (Lalande et al., Data 2020;5:89)."""

ACDC_RIGHT_VENTRICLE = 1
"""The right ventricle in ACDC's label maps (Bernard et al., IEEE TMI 2018;37:2514)."""


def quantify_drawn(
    image: Path,
    labels: Path,
    *,
    truth: str = "acsnet",
    scar_method: ScarMethod | None = None,
    given: Given = NOTHING,
) -> Measured:
    """Measure the label map of a file on the image it was drawn on.

    image: NIfTI file or DICOM folder; labels: NIfTI file on its grid, axes in any order; truth: a
    name of `acsnet.evaluate.truth.TRUTHS`. Core scar and grey zone of our own labels are taken as
    drawn unless a scar_method is given; EMIDEC's infarct is split by it ("remote" if none is
    given); ACDC's labels have no scar, so that nothing is said of it.

    Raises InputError for files that cannot be read, do not lie on one grid or hold unknown labels
    or no left ventricle, GeometryError for a stack without true volumes, AcsnetError as `quantify`.
    """
    start = time.perf_counter()
    scan = read_scan(image)
    drawn = on_grid_of(scan, image, labels)
    read = time.perf_counter() - start
    measured = measure_drawn(
        scan, drawn, truth=truth, scar_method=scar_method, given=given, source=str(labels)
    )
    return replace(measured, seconds={"read": read, **measured.seconds})


def measure_drawn(
    scan: ShortAxisScan,
    drawn: NDArray[np.integer[Any]],
    *,
    truth: str = "acsnet",
    scar_method: ScarMethod | None = None,
    given: Given = NOTHING,
    source: str = "the label map",
) -> Measured:
    """As `quantify_drawn`, for a label map of `scan.grid.shape`; source: what errors call it."""
    start = time.perf_counter()
    masks = region_masks(drawn, truth, source=source)
    if not masks[LV].any():
        msg = f"{source} holds no left ventricle"
        raise InputError(msg)
    if ENH not in masks and scar_method is not None:
        msg = f"a scar method has no meaning for labels of '{truth}', which hold no scar"
        raise InputError(msg)
    scan = replace(apex_first_by_area(scan, masks[LV]), apex_first=True)
    stack = scan.grid.from_input(drawn)
    values, threshold = _our_labels(scan, stack, truth, scar_method, given)
    found = quantify(
        scan,
        values,
        threshold=threshold,
        scar_known=ENH in masks,
        right_ventricle=stack == ACDC_RIGHT_VENTRICLE if truth == "acdc" else None,
        given=given,
    )
    flags = doubts(values, scan.pixels, found.features.lv_volume_ml, signal=scan.signal)
    return Measured(
        scan=scan,
        labels=values,
        quantification=found,
        quality=flags,
        warnings=(*scan.warnings, *found.warnings, *messages(flags)),
        weights={},
        seconds={"quantify": time.perf_counter() - start},
    )


def on_grid_of(scan: ShortAxisScan, image: Path, labels: Path) -> NDArray[np.int64]:
    """The label map of a file, axes turned to those of the image that a scan was read from.

    A file is a volume of any format that is read, or a DICOM SEG. What was cut off round the labels
    is put back. Raises InputError or GeometryError where it does
    not lie on the grid of the image.
    """
    if is_dicom(labels):
        return seg_labels(labels, scan)
    grid = scan.grid
    affine = grid.header_affine if isinstance(grid, SplitGrid) else grid.affine
    place = LabelFile(path=image, labels=np.broadcast_to(np.int64(0), grid.shape), affine=affine)
    file = read_label_file(labels)
    drawn = turned_to(file, place)
    if drawn.labels.shape != grid.shape or len(places_of(grid)) > 1:
        label_map = LabelMap(name=str(labels), labels=file.labels, affine=file.affine)
        try:
            return on_grid(label_map, grid)
        except GeometryError:
            check_same_grid(drawn, place)
            raise
    check_same_grid(drawn, place)
    return drawn.labels


def _our_labels(
    scan: ShortAxisScan,
    stack: NDArray[np.integer[Any]],
    truth: str,
    scar_method: ScarMethod | None,
    given: Given,
) -> tuple[NDArray[np.uint8], ScarThreshold | None]:
    """(slice, row, column) values of `acsnet.labels.Label`, and what split core and grey zone."""
    masks = region_masks(stack, truth, source="labels")
    if truth == "acsnet" and scar_method is None:
        return stack.astype(np.uint8), None
    values = np.zeros(stack.shape, np.uint8)
    values[masks[LV]] = Label.LV_BLOOD_POOL
    values[masks[MYO]] = Label.LV_MYOCARDIUM
    if ENH not in masks:
        return values, None
    zones = classify_enhancement(
        scan.pixels,
        masks[MYO],
        masks[ENH],
        method=scar_method or "remote",
        remote=given.remote_on(scan),
    )
    values[zones.grey_zone] = Label.GREY_ZONE
    values[zones.core] = Label.CORE_SCAR
    obstruction = NO_REFLOW if truth == "emidec" else Label.MICROVASCULAR_OBSTRUCTION
    values[stack == obstruction] = Label.MICROVASCULAR_OBSTRUCTION
    return values, zones.threshold

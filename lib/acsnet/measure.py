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
from acsnet.label_conventions import CONVENTIONS, CORE, OWN, to_labels
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.preprocess import check_image
from acsnet.quantify.features import Features
from acsnet.quantify.quantification import NOTHING, Given, quantify
from acsnet.quantify.scar import ScarMethod, ScarThreshold, classify_enhancement, grey_alone
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan, apex_first_by_area
from acsnet.stages.label_checks import label_flags
from acsnet.stages.quality_flags import doubts, messages

OTHER_CONVENTION = "it follows another convention"
"""How a warning ends where the signal tells that the values of a label map may mean others."""

GREY_ALONE = (
    "grey zone is drawn and no core scar: if value 3 stands for infarct in this label map, as in "
    f"EMIDEC's, {OTHER_CONVENTION}"
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
    it ("remote" if none is given); ACDC's labels have no scar, so that nothing is said of it.

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
    return replace(
        measured,
        warnings=(*measured.warnings, *drawn.warnings),
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

    label_map: on the grid of the input, `scan.grid.shape`; source: what errors call it. A warning
    says where the signal tells that `truth` is the wrong convention.
    """
    start = time.perf_counter()
    check_image(scan)
    convention = CONVENTIONS[truth]
    labels = to_labels(label_map, truth, source=source)
    if not labels.any():
        msg = f"{source} holds no left ventricle: it is empty, nothing is drawn in it"
        raise InputError(msg)
    if not convention.has_scar and scar_method is not None:
        msg = f"a scar method has no meaning for labels of '{truth}', which hold no scar"
        raise InputError(msg)
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
    remarks = (
        *((GREY_ALONE,) if as_drawn and core_known and grey_alone(values) else ()),
        *_convention_doubt(scan, drawn, truth),
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


def _convention_doubt(scan: ShortAxisScan, drawn: NDArray[np.uint8], truth: str) -> tuple[str, ...]:
    """A warning where what should be darker than core scar is brighter (`DARKER_THAN_CORE`).

    drawn: (slice, row, column) our labels of what the values stand for in the convention.
    """
    if truth not in DARKER_THAN_CORE or not scan.shows_scar:
        return ()
    label, words = DARKER_THAN_CORE[truth]
    core, other = (scan.pixels[drawn == value] for value in (Label.CORE_SCAR, label))
    if not (core.size and other.size and np.median(core) < np.median(other)):
        return ()
    return (words.format(core=np.median(core), other=np.median(other)),)


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
    )
    values = labels.copy()
    values[np.isin(labels, ENHANCEMENT)] = Label.LV_MYOCARDIUM
    values[zones.grey_zone] = Label.GREY_ZONE
    values[zones.core] = Label.CORE_SCAR
    values[labels == Label.MICROVASCULAR_OBSTRUCTION] = Label.MICROVASCULAR_OBSTRUCTION
    return values, zones.threshold

"""The label map that somebody drew on a scan, of any format, and what its values mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from acsnet.dicom.seg_on_scan import seg_on_scan
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import (
    has_mark,
    head_of,
    is_volume,
    quiet_pydicom,
    read_header,
)
from acsnet.io.label_map import placed_on, read_label_file
from acsnet.label_conventions import OWN
from acsnet.labels import is_only_numbered
from acsnet.scan import ShortAxisScan


@dataclass(frozen=True, kw_only=True)
class DrawnLabels:
    """Labels of `scan.grid.shape`, the convention that their values follow, and remarks."""

    labels: NDArray[Any]
    convention: str
    warnings: tuple[str, ...]


def read_drawn_labels(
    path: Path, *, scan: ShortAxisScan, image: Path, truth: str = OWN
) -> DrawnLabels:
    """The label map in a file, or the DICOM SEG, on the grid of a scan.

    scan: what was read from `image`; truth: the convention of values that no segment names. Where
    segments have our names the values are ours, whatever it is. Raises InputError and GeometryError
    as `read_label_file`, `placed_on` and `seg_on_scan`.
    """
    by_value = truth != OWN
    warnings: tuple[str, ...] = ()
    if _is_dicom(path):
        by_number = (lambda *_: True) if by_value else is_only_numbered
        reading = seg_on_scan(path, scan, image=image, by_number=by_number)
        labels: NDArray[Any] = reading.labels
        named, warnings = reading.named, reading.warnings
    else:
        drawn = read_label_file(path, by_value=by_value)
        labels = placed_on(drawn, scan=scan, image=image)
        named, warnings = drawn.named, drawn.warnings
    if named and by_value:
        remark = (
            f"segments of {path.name} have names of ACSNet, by which they are read: the "
            f"convention {truth!r} has no effect"
        )
        warnings = (*warnings, remark)
    return DrawnLabels(labels=labels, convention=OWN if named else truth, warnings=warnings)


def _is_dicom(path: Path) -> bool:
    """Whether a file is a DICOM object, also one without a mark of its format at its start.

    Whatever it is called: what is damaged or of another format is left to `read_label_file`.
    """
    if not path.is_file():
        return False
    if has_mark(head_of(path)):
        return True
    if is_volume(path):
        return False
    try:
        with quiet_pydicom():
            return read_header(path, str(path))[0] is not None
    except InputError:
        return False

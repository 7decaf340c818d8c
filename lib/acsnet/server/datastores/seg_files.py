"""The label maps of a DICOM series as DICOM segmentations, for viewers and for download."""

from pathlib import Path

import pydicom

from acsnet.dicom import AlgorithmType, State, make_seg, source_stack
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.dicom_files import quiet_pydicom
from acsnet.io.label_map import read_labels
from acsnet.storage import writing


def write_seg(
    path: Path,
    *,
    series: Path,
    labels: Path,
    state: State,
    algorithm_type: AlgorithmType,
    creator: str,
) -> str | None:
    """Write the NIfTI label map `labels` of the series in the folder `series` as SEG to `path`.

    creator: who drew or reviewed it. Returns None, or why there is no file: then there is none
    from before either, which would be of another label map.
    """
    path.unlink(missing_ok=True)
    try:
        scan = read_scan(series)
        with quiet_pydicom():
            headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in series.iterdir()]
        stack = scan.grid.from_input(read_labels(labels))
        seg = make_seg(
            stack,
            source_stack(scan, headers),
            state=state,
            algorithm_type=algorithm_type,
            creator=creator,
        )
    except AcsnetError as error:
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    with writing(path) as temporary:
        seg.save_as(temporary, write_like_original=False)
    return None

"""The label maps of a DICOM series as DICOM segmentations, for viewers and for download."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom

from acsnet.derived import AlgorithmType, State, make_seg, source_stack
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.dicom_files import quiet_pydicom


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
            headers = [
                pydicom.dcmread(file, stop_before_pixels=True, force=True)
                for file in sorted(series.iterdir())
            ]
        stack = scan.grid.from_input(np.asarray(nib.load(labels).dataobj, dtype=np.uint8))
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
    temporary = path.with_name(f".{path.name}")
    seg.save_as(temporary, write_like_original=False)
    temporary.replace(path)
    return None

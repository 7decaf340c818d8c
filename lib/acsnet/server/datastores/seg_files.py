"""The label maps of a DICOM series as DICOM segmentations, for viewers and for download."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom

from acsnet.dicom import AlgorithmType, make_seg, source_stack
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.dicom_files import quiet_pydicom
from acsnet.server.datastores.label_records import DRAFT, REVIEWED
from acsnet.server.datastores.protocol import LabelRecord


def write_seg(
    path: Path, *, series: Path, labels: Path, record: LabelRecord, edited: bool
) -> str | None:
    """Write the NIfTI label map `labels` of the series in the folder `series` as SEG to `path`.

    edited: whether a person had a draft of the model to begin from. Returns None, or why there is
    no file: then there is none from before either, which would be of another label map.
    """
    by_hand: AlgorithmType = "SEMIAUTOMATIC" if edited else "MANUAL"
    path.unlink(missing_ok=True)
    try:
        scan = read_scan(series)
        with quiet_pydicom():
            headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in series.iterdir()]
        stack = scan.grid.from_input(np.asarray(nib.load(labels).dataobj, dtype=np.uint8))
        seg = make_seg(
            stack,
            source_stack(scan, headers),
            state="reviewed" if record.tag == REVIEWED else "draft",
            algorithm_type="AUTOMATIC" if record.tag == DRAFT else by_hand,
            creator=record.author or "unknown",
        )
    except AcsnetError as error:
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}")
    seg.save_as(temporary, write_like_original=False)
    temporary.replace(path)
    return None

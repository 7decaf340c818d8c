"""The label maps of a DICOM series as DICOM segmentations, for viewers and for download."""

from pathlib import Path

from acsnet.dicom import AlgorithmType, State, make_seg, source_stack
from acsnet.dicom.source_images import file_content, read_headers
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.storage import write_bytes


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
        stack = scan.grid.from_input(read_labels(labels))
        seg = make_seg(
            stack,
            source_stack(scan, read_headers(series)),
            state=state,
            algorithm_type=algorithm_type,
            creator=creator,
        )
    except AcsnetError as error:
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, file_content(seg))
    return None

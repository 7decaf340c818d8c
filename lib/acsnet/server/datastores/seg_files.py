"""Label maps as files: NIfTI until it is kept, and of a DICOM series DICOM segmentations."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from acsnet.annotations.label_versions import by_networks
from acsnet.dicom.provenance import AlgorithmType
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import file_content, source_stack
from acsnet.errors import AcsnetError
from acsnet.io import read_scan, write_label_map
from acsnet.io.dicom_files.folder import headers_at
from acsnet.io.label_map import read_labels
from acsnet.result import Measured
from acsnet.server.datastores.label_records import MODEL_DRAFT, REVIEWED
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.web.request_checks import SCAN_SUFFIXES
from acsnet.storage import write_bytes


@contextmanager
def label_file(measured: Measured) -> Iterator[Path]:
    """A label map as NIfTI file on the grid of its image, for a while."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"label{SCAN_SUFFIXES[0]}"
        write_label_map(path, measured.label_map(), measured.scan.grid)
        yield path


def write_seg(
    path: Path, *, series: Path, labels: Path, record: LabelRecord, edited: bool
) -> str | None:
    """Write the NIfTI label map `labels` of the series in the folder `series` as SEG to `path`.

    edited: whether a person had a draft of the model to begin from. Returns None, or why there is
    no file: then there is none from before either, which would be of another label map. Until then,
    and after an OSError, the one from before is in place.
    """
    by_hand: AlgorithmType = "SEMIAUTOMATIC" if edited else "MANUAL"
    drawn_by_networks = record.tag == MODEL_DRAFT or by_networks(record.author)
    creator = record.reviewer if by_networks(record.author) else record.author
    try:
        scan = read_scan(series)
        stack = scan.grid.from_input(read_labels(labels))
        seg = make_seg(
            stack,
            source_stack(scan, headers_at(series)),
            state="reviewed" if record.tag == REVIEWED else "draft",
            algorithm_type="AUTOMATIC" if drawn_by_networks else by_hand,
            creator=creator or record.author or "unknown",
        )
    except AcsnetError as error:
        path.unlink(missing_ok=True)
        return str(error)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, file_content(seg))
    return None


def without_seg(record: LabelRecord) -> tuple[str, ...]:
    """What to tell of a label map that could not be written as SEG; nothing where it could."""
    reason = record.seg_refused
    return () if reason is None else (f"there is no DICOM SEG of this label map: {reason}",)

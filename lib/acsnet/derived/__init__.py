"""DICOM objects made from a scan: segmentation (SEG), measurement report (SR), encapsulated PDF.

Datasets in, datasets out: which file or which PACS is the caller's business.
"""

from acsnet.derived.header import source_faults
from acsnet.derived.pdf import make_pdf
from acsnet.derived.provenance import AlgorithmType, State
from acsnet.derived.seg_read import SegReading, read_seg
from acsnet.derived.seg_write import make_seg
from acsnet.derived.segments import is_mappable, written_by_acsnet
from acsnet.derived.sources import source_stack
from acsnet.derived.sr import make_sr

__all__ = [
    "AlgorithmType",
    "SegReading",
    "State",
    "is_mappable",
    "make_pdf",
    "make_seg",
    "make_sr",
    "read_seg",
    "source_faults",
    "source_stack",
    "written_by_acsnet",
]

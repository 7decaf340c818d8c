"""DICOM objects of a scan: segmentation (SEG), structured report (SR), encapsulated PDF.

Datasets in, datasets out: no files, no network.
"""

from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.dicom.header import source_faults
from acsnet.dicom.provenance import AlgorithmType, State
from acsnet.dicom.seg_labels import is_mappable, written_by_acsnet
from acsnet.dicom.seg_read import SegReading, read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.dicom.sr import make_sr
from acsnet.dicom.sr_content import Clinical, clinical_of

__all__ = [
    "AlgorithmType",
    "Clinical",
    "SegReading",
    "State",
    "clinical_of",
    "is_mappable",
    "make_pdf",
    "make_seg",
    "make_sr",
    "read_seg",
    "source_faults",
    "source_stack",
    "written_by_acsnet",
]

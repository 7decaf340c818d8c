"""A report as DICOM Encapsulated PDF."""

from collections.abc import Sequence
from datetime import datetime

from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from acsnet.dicom.header import clean_headers
from acsnet.dicom.provenance import State, equipment_and_series, finished, made_of
from acsnet.dicom.references import name_image, stand_ins
from acsnet.errors import InputError

SERIES_OFFSET = 3
DOCUMENT_TITLE = "Scar on LGE MRI (research use only)"


def make_pdf(pdf: bytes, sources: Sequence[Dataset], *, state: State) -> Dataset:
    """Encapsulate the bytes of a PDF file in the study of `sources`.

    Raises InputError for bytes that are not PDF and for images of which no object can be made.
    """
    if not pdf.startswith(b"%PDF-"):
        msg = f"a report must be a PDF file, got bytes that begin with {pdf[:8]!r}"
        raise InputError(msg)
    with made_of(sources):
        headers = clean_headers(sources)
        header = headers[0]
        document = SOPClass(
            study_instance_uid=header.StudyInstanceUID,
            sop_class_uid=EncapsulatedPDFStorage,
            modality="DOC",
            transfer_syntax_uid=ExplicitVRLittleEndian,
            patient_id=header.PatientID,
            patient_name=header.PatientName,
            patient_birth_date=header.PatientBirthDate,
            patient_sex=header.PatientSex,
            accession_number=header.AccessionNumber,
            study_id=header.StudyID,
            study_date=header.StudyDate,
            study_time=header.StudyTime,
            referring_physician_name=header.ReferringPhysicianName,
            **equipment_and_series(sources, offset=SERIES_OFFSET, state=state),
        )
        document.copy_patient_and_study_information(stand_ins(headers)[0])
        now = datetime.now()
        document.ContentDate, document.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
        document.AcquisitionDateTime = ""
        document.ConversionType = "WSD"
        document.BurnedInAnnotation = "YES"
        document.DocumentTitle = DOCUMENT_TITLE
        document.ConceptNameCodeSequence = []
        objects = {header.SOPInstanceUID: header for header in headers}  # of frames one object
        document.SourceInstanceSequence = list(map(_reference, objects.values()))
        document.MIMETypeOfEncapsulatedDocument = "application/pdf"
        document.EncapsulatedDocumentLength = len(pdf)
        document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
        return finished(document)


def _reference(source: Dataset) -> Dataset:
    item = Dataset()
    name_image(item, source)
    return item

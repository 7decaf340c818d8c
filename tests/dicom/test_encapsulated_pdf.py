"""A PDF report becomes a DICOM object of the scan's study."""

import pytest

from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.errors import InputError


@pytest.mark.parametrize("pdf", [b"%PDF-1.4\nodd", b"%PDF-1.4\neven"])
def test_the_bytes_come_back(sources, pdf):
    document = make_pdf(pdf, sources, state="reviewed")
    assert document.EncapsulatedDocument[: document.EncapsulatedDocumentLength] == pdf
    assert document.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_it_lies_in_the_study_of_the_images_and_names_them(sources):
    document = make_pdf(b"%PDF-1.4", sources, state="draft")
    assert (document.StudyInstanceUID, document.PatientID) == ("1.2.3", "P-1")
    found = [item.ReferencedSOPInstanceUID for item in document.SourceInstanceSequence]
    assert found == [source.SOPInstanceUID for source in sources]
    assert document.SeriesDescription == "ACSNet draft"
    assert "research use only" in document.DocumentTitle


def test_what_is_no_pdf_is_refused(sources):
    with pytest.raises(InputError, match="must be a PDF file, got bytes that begin with b'<html>'"):
        make_pdf(b"<html>", sources, state="draft")

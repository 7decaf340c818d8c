"""The head of a report from a DICOM header."""

import pytest
from pydicom.dataset import Dataset

from acsnet.report.patient import subject_of


def header(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_days_are_written_with_dashes():
    subject = subject_of(header(PatientBirthDate="19600229", StudyDate="20260131"))
    assert (subject.birth_date, subject.study_date) == ("1960-02-29", "2026-01-31")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("day", ["00000000", "20120000", "19600230", "1960", ""])
def test_what_is_no_day_is_left_out(day):
    assert subject_of(header(PatientBirthDate=day)).birth_date == ""


def test_names_and_contrast_agent_are_told():
    subject = subject_of(
        header(
            PatientName="Doe^Jane=\u7530\u4e2d",
            ReferringPhysicianName="Roe^Richard",
            ContrastBolusAgent="gadobutrol",
        )
    )
    assert subject.patient_name == "Doe Jane"
    assert (subject.referring_physician, subject.contrast) == ("Roe Richard", "gadobutrol")

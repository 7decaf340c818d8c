"""The head of a report from a DICOM header."""

import oblique_stack
import pydicom
import pytest
from enhanced_packings import enhanced_multi_frame
from pydicom.dataset import Dataset

from acsnet.io import read_scan
from acsnet.report.patient import UNKNOWN, read_subject, subject_of


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


@pytest.fixture
def enhanced(samples, tmp_path):
    """The first sample patient as one enhanced object."""
    stack = [pydicom.dcmread(file) for file in sorted((samples / "dicom/phantom-1").glob("*.dcm"))]
    enhanced_multi_frame(stack, tmp_path)
    (file,) = tmp_path.rglob("*.dcm")
    return file


def test_the_subject_of_an_enhanced_file_is_that_of_its_folder(enhanced):
    subject = read_subject(enhanced, read_scan(enhanced).instance_uids)
    assert (subject.patient_name, subject.patient_id) == ("PHANTOM 1", "PHANTOM-1")
    assert subject.study_date == "2020-01-01"
    assert subject == read_subject(enhanced.parent, read_scan(enhanced.parent).instance_uids)


def test_the_subject_of_images_without_uids_is_that_of_their_only_series(tmp_path):
    def anonymised(_, dataset):
        dataset.SOPInstanceUID, dataset.PatientID = "", "P1"

    folder = oblique_stack.folder(tmp_path, anonymised)
    assert read_scan(folder).instance_uids == ()
    assert read_subject(folder, ()).patient_id == "P1"
    oblique_stack.save(oblique_stack.image(0, series="1.2.9"), folder / "other.dcm")
    assert read_subject(folder, ()) == UNKNOWN


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("DOE^JANE", "DOE JANE"), ("YAMADA^TARO=\u5c71\u7530^\u592a\u90ce", "YAMADA TARO"), ("=", "")],
)
def test_a_name_is_shown_in_its_alphabetic_form(stored, shown):
    assert subject_of(header(PatientName=stored)).patient_name == shown


def test_the_subject_is_read_from_dicom_and_unknown_in_nifti(samples):
    folder = samples / "dicom" / "phantom-1"
    subject = read_subject(folder, read_scan(folder).instance_uids)
    assert (subject.patient_name, subject.patient_id) == ("PHANTOM 1", "PHANTOM-1")
    assert subject.study_date == "2020-01-01"
    nifti = samples / "nifti" / "phantom-1.nii.gz"
    assert read_subject(nifti, read_scan(nifti).instance_uids) == UNKNOWN

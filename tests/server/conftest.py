"""The web application in this process, over a folder of DICOM and NIfTI."""

import shutil
from types import SimpleNamespace

import pydicom
import pytest
from in_process import app_over, application_of, client_of

from acsnet.server.datastores.folder import StudiesDatastore


@pytest.fixture
def drawn_reports():
    """For tests that read a report in the PACS: it is drawn as it is everywhere else."""


@pytest.fixture(autouse=True)
def empty_reports(request, monkeypatch):
    """To draw a report takes a second at each save into a PACS, and few tests read one there."""
    if "drawn_reports" not in request.fixturenames:
        empty = "acsnet.server.datastores.label_reports.report_pdf"
        monkeypatch.setattr(empty, lambda *_, **__: b"%PDF-1.4")


@pytest.fixture(scope="module")
def web(tmp_path_factory, samples):
    """client: asks the server; application: that answers; app: behind it; series, study: UIDs of
    the first phantom; folder: holds studies and state.

    The studies folder holds both phantoms as DICOM, one of them as NIfTI, too, and a series with
    a missing slice, patient "<b>gap".
    """
    folder = tmp_path_factory.mktemp("web")
    studies = folder / "studies"
    shutil.copytree(samples / "dicom", studies)
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", studies / "a & <i>b.nii.gz")
    (studies / "gap").mkdir()
    for file in sorted((samples / "dicom" / "phantom-1").iterdir()):
        if file.name != "slice-04.dcm":
            dataset = pydicom.dcmread(file)
            dataset.PatientID, dataset.SeriesInstanceUID = "<b>gap", "1.2.3"
            dataset.StudyInstanceUID, dataset.SOPInstanceUID = "1.2", f"1.2.3.{int(file.name[6:8])}"
            dataset.save_as(studies / "gap" / file.name)
    with app_over(folder, studies) as app:
        application = application_of(app)
        first = pydicom.dcmread(min((studies / "phantom-1").iterdir()))
        yield SimpleNamespace(
            client=client_of(application),
            application=application,
            app=app,
            folder=folder,
            studies=studies,
            study=str(first.StudyInstanceUID),
            series=str(first.SeriesInstanceUID),
            first=first,
        )


@pytest.fixture
def make_store(studies, tmp_path):
    """Opens the folder datastore of the `studies` of a test, as a new start does."""
    stores = []

    def make():
        stores.append(StudiesDatastore(studies=studies, store=tmp_path / "store"))
        return stores[-1]

    yield make
    for store in stores:
        store.close()

"""The web application in this process, over a folder of DICOM and NIfTI."""

import shutil
from types import SimpleNamespace

import pydicom
import pytest
from fastapi.testclient import TestClient
from monailabel.endpoints import datastore, info, session

from acsnet.server import asgi
from acsnet.server.app import AcsnetApp


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_STATE", str(folder / "state"))
        app = AcsnetApp(app_dir=str(folder), studies=str(studies), conf={})
        for stock in (info, datastore, session):
            patch.setattr(stock, "app_instance", lambda: app)
        application = asgi.build()
        application.state.acsnet = app
        client = TestClient(
            application,
            base_url="http://127.0.0.1:8000",
            client=("127.0.0.1", 1),
            follow_redirects=False,
        )
        first = pydicom.dcmread(min((studies / "phantom-1").iterdir()))
        yield SimpleNamespace(
            client=client,
            application=application,
            app=app,
            folder=folder,
            studies=studies,
            study=str(first.StudyInstanceUID),
            series=str(first.SeriesInstanceUID),
            first=first,
        )
        app.close()

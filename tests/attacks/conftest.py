"""A server in this process with all its limits, and hostile clients that send to it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import in_process
import pydicom
import pytest
from in_process import app_over, application_of

from acsnet.server.auth.accounts import Accounts
from acsnet.server.identity import Role

HERE = Path(__file__).parent
PASSWORD = "correct horse battery"
PEOPLE = {"ana": Role.ANNOTATOR, "ann": Role.ANNOTATOR, "rea": Role.REVIEWER, "ada": Role.ADMIN}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("attacks")


def client_of(application, **options):
    return in_process.client_of(application, raise_server_exceptions=False, **options)


@pytest.fixture(scope="module")
def place(tmp_path_factory, samples):
    """A folder with studies and state, and the app over them; series: UID of the one in it."""
    folder = tmp_path_factory.mktemp("place")
    studies = folder / "studies"
    shutil.copytree(samples / "dicom" / "phantom-1", studies / "phantom-1")
    shutil.copy(samples / "nifti" / "phantom-2.nii.gz", studies)
    first = pydicom.dcmread(min((studies / "phantom-1").iterdir()))
    with app_over(folder, studies) as app:
        yield SimpleNamespace(
            folder=folder,
            state=folder / "state",
            studies=studies,
            app=app,
            series=str(first.SeriesInstanceUID),
            study=str(first.StudyInstanceUID),
        )


@pytest.fixture(scope="module")
def web(place):
    """The server without a login; client: asks it."""
    application = application_of(place.app)
    client = client_of(application)
    return SimpleNamespace(**vars(place), application=application, client=client)


@pytest.fixture(scope="module")
def locked(place):
    """The server behind its login; people: name -> a client that is logged in by token."""
    file = Accounts(place.state / "accounts.json", cost_log2=4, parallel=1)
    for name, role in PEOPLE.items():
        file.put(name, role, PASSWORD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_LOGIN_REQUIRED", "true")
        application = application_of(place.app)
    people = {}
    for name in PEOPLE:
        people[name] = client_of(application)
        form = {"username": name, "password": PASSWORD}
        token = people[name].post("/auth/token", data=form).json()["access_token"]
        people[name].headers["Authorization"] = f"Bearer {token}"
    return SimpleNamespace(
        **vars(place), application=application, client=client_of(application), people=people
    )

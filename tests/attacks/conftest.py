"""A server in this process with all its limits, and hostile clients that send to it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import in_process
import pydicom
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from in_process import app_over, application_of
from pretend_archive import pretend_archive

from acsnet.pacs.config import pacs_settings
from acsnet.server.auth.accounts import Accounts
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb import pacs_proxy
from acsnet.server.identity import Person, Role, request_of
from acsnet.server.web.error_responses import add_error_handlers

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


@pytest.fixture
def archive():
    with pretend_archive() as one:
        yield one


@pytest.fixture
def site(archive, patient, tmp_path, monkeypatch):
    """The proxy before an archive with one LGE series, one that is none, and another patient's."""
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    listed = patient(1, uid="1", SeriesDescription="LGE SAX")
    other = patient(1, uid="2", SeriesDescription="localizer")
    stranger = patient(2, uid="3", SeriesDescription="T1 brain")
    archive.datasets += [*listed, *other, *stranger]
    store = DicomWebDatastore(pacs_settings(archive.url), store=tmp_path / "store")
    application = FastAPI()
    application.include_router(pacs_proxy.router)
    add_error_handlers(application)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    application.state.acsnet = SimpleNamespace(datastore=lambda: store, scratch=scratch)
    people = {"person": Person("rea", Role.REVIEWER)}

    async def logged_in(scope, receive, send):
        with request_of(people["person"]):
            await application(scope, receive, send)

    yield SimpleNamespace(
        client=TestClient(logged_in, raise_server_exceptions=False),
        store=store,
        people=people,
        listed=listed,
        other=other,
        stranger=stranger,
        series=f"/dicomweb/studies/{listed[0].StudyInstanceUID}/series/"
        f"{listed[0].SeriesInstanceUID}",
    )
    store.close()

import pytest
from dicomweb_wire import LOGIN, URL, Wire
from requests.adapters import HTTPAdapter

from acsnet.pacs.archive import Archive
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.worklist import WorkList


@pytest.fixture
def settings(pacs):
    return PacsSettings(url=pacs.address, cache_seconds=1000.0)


@pytest.fixture
def worklist(pacs, settings, tmp_path):
    worklist = WorkList(pacs, settings, cache=tmp_path / "images")
    yield worklist
    worklist.close()


@pytest.fixture
def archive(pacs, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    archive = Archive(settings, cache=tmp_path / "images", unsent=tmp_path / "unsent")
    yield archive
    archive.close()


@pytest.fixture
def wire(monkeypatch):
    one = Wire()
    monkeypatch.setattr(HTTPAdapter, "send", lambda *args, **options: one.send(*args, **options))
    return one


@pytest.fixture
def client():
    return DicomWeb(PacsSettings(url=URL, **LOGIN))

"""Where the labels of a studies folder, or of a PACS, are kept."""

import hashlib

import pytest

from acsnet.server.state.paths import pacs_store, store_folder


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_a_pacs_has_one_store_however_its_address_is_written():
    store = pacs_store("https://pacs.example.org/dicom-web")
    assert pacs_store("https://PACS.Example.org/dicom-web") == store
    assert pacs_store("https://pacs.example.org:443/dicom-web") == store
    assert pacs_store("http://pacs:80/rs") == pacs_store("http://pacs/rs")
    for other in ("http://pacs.example.org", "https://pacs.example.org:8443"):
        assert pacs_store(f"{other}/dicom-web") != store
    assert pacs_store("https://pacs.example.org/DICOM-WEB") != store


def test_a_store_that_an_earlier_version_made_for_this_way_to_write_it_is_kept(state):
    url = "https://PACS.example.org:443/rs"
    digest = hashlib.sha256(url.encode()).hexdigest()[:10]
    earlier = state / "pacs" / f"pacs.example.org-{digest}"
    assert pacs_store(url) == pacs_store("https://pacs.example.org/rs") != earlier
    earlier.mkdir(parents=True)
    assert pacs_store(url) == earlier
    assert pacs_store("https://pacs.example.org/rs") != earlier


def test_a_studies_folder_has_one_store_whichever_way_leads_to_it(tmp_path, monkeypatch):
    studies, other = tmp_path / "a" / "nifti", tmp_path / "b" / "nifti"
    for folder in (studies, other):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(studies)
    monkeypatch.chdir(tmp_path)
    store = store_folder(studies)
    for way in (tmp_path / "link", studies / ".." / "nifti", studies.relative_to(tmp_path)):
        assert store_folder(way) == store
    assert store_folder(other) != store

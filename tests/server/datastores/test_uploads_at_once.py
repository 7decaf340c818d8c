"""A client sends a scan at the moment when the studies folder is looked at."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from watched_lock import LONG, WatchedLock

from acsnet.server.datastores import folder_scans
from acsnet.server.datastores.folder import StudiesDatastore


@pytest.fixture
def store(tmp_path, samples):
    (tmp_path / "studies").mkdir()
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", tmp_path / "studies" / "a.nii.gz")
    store = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    store._change = store._links._change = WatchedLock(store._change)
    yield store
    store.close()


@pytest.fixture
def meanwhile(store):
    """Lets another thread act until it ends or waits for a change; gives its result to come."""
    with ThreadPoolExecutor(1) as threads:
        yield partial(store._change.beside, threads)


def test_a_scan_that_comes_in_during_a_look_stays(store, samples, meanwhile, monkeypatch):
    scan, link, results = samples / "nifti" / "phantom-2.nii.gz", store._links._link, []

    def link_later(links):
        results.append(meanwhile(lambda: store.add_image("sent", str(scan), {})))
        link(links)

    with monkeypatch.context() as patch:
        patch.setattr(store._links, "_link", link_later)
        store.refresh()
    assert results[0].result(LONG) == "sent"
    assert sorted(store.list_images()) == ["a", "sent"]
    assert store.get_image_info("sent")["uploaded"]


def test_a_look_while_a_scan_comes_in_does_not_refuse_it(store, samples, meanwhile, monkeypatch):
    scan, keep, looks = samples / "nifti" / "phantom-2.nii.gz", folder_scans.keep_upload, []

    def keep_and_look(*args, **options):
        path = keep(*args, **options)
        looks.append(meanwhile(store.refresh))
        return path

    with monkeypatch.context() as patch:
        patch.setattr(folder_scans, "keep_upload", keep_and_look)
        assert store.add_image("sent", str(scan), {}) == "sent"
    looks[0].result(LONG)
    assert sorted(store.list_images()) == ["a", "sent"]

"""A state folder that was worked on, and its backup."""

import sqlite3
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
from saved_labels import keep_draft, save_label
from small_scans import write_scan

from acsnet.annotations import audit_log
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.fine_tuning.model_registry import Models
from acsnet.server.corrections.reader_states import ReaderState, ReaderStates, Start
from acsnet.server.corrections.unsaved_edits import UnsavedEdits
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.state.backup import write_backup
from acsnet.server.state.paths import (
    CLICKS,
    DETAILS,
    audit_log_file,
    edits_folder,
    models_folder,
    state_folder,
    store_folder,
)
from acsnet.server.state.restore import restore_backup
from acsnet.server.state.schema import settle_state
from acsnet.storage import write_json


def label(value):
    return np.full((12, 10, 3), value, np.uint8)


def worked_on(place):
    """A studies folder that was worked on: a draft, labels of two people, an upload, a model."""
    folder = place / "studies"
    folder.mkdir()
    write_scan(folder / "a.nii.gz", seed=1)
    state_folder().mkdir()
    settle_state(state_folder())
    store = StudiesDatastore(studies=folder, store=store_folder(folder))
    store.add_image("own", str(write_scan(place / "own.nii.gz", seed=2)), {})
    keep_draft(store, "a", label(1))
    for user, state, value in (("Ana", "reviewed", 2), ("Bo", "draft", 4)):
        version = save_label(store, "a", label(value), user=user, state=state).id
        audit_log.record(
            audit_log_file(), "save", user=user, image="a", details={"version": version}
        )
    save_label(store, "own", label(3), user="Cy")
    details = DetailsStore(store_folder(folder) / DETAILS)
    details.save("a", ReadingDetails(comment="thin apex"), reader="Ana")
    store.close()
    UnsavedEdits(edits_folder(str(folder))).keep("a", "Dee", version="v", frames={"1.2": [4, 9]})
    start = Start(source="draft", version="", labels=label(1))
    clicked = ReaderState(scan="f", start=start, points=[("scar", (4, 5, 1))])
    ReaderStates(store_folder(folder) / CLICKS).write("Dee", "a", clicked)
    models = Models(models_folder(str(folder)))
    version = models.root / "versions" / "0123456789ab"
    (version / "weights").mkdir(parents=True)
    (version / "weights" / "roi.safetensors").write_bytes(b"weights")
    write_json(version / "record.json", {"made": "2026-01-01", "trainer": "all"})
    write_json(models.root / "aliases.json", {"live": version.name, "previous": "shipped"})
    with closing(sqlite3.connect(models.root / "mlflow.db")) as database:
        database.execute("CREATE TABLE runs (name TEXT)")
        database.execute("INSERT INTO runs VALUES ('one')")
        database.commit()
    return folder


@pytest.fixture
def studies(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    return worked_on(tmp_path)


@pytest.fixture(scope="session")
def backup(tmp_path_factory):
    """A backup and its studies folder, which no test changes."""
    place = tmp_path_factory.mktemp("backup")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACSNET_STATE", str(place / "state"))
        studies = worked_on(place)
        write_backup(place / "b.tar.gz", studies=str(studies))
    return SimpleNamespace(file=place / "b.tar.gz", studies=studies)


@pytest.fixture
def restored(tmp_path, monkeypatch):
    """Restores a backup for a studies folder into a state folder of its own."""

    def run(file, studies, **options):
        monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "other" / "state"))
        return restore_backup(file, studies=str(studies), **options)

    return run

"""What clicks start from, as an answer names it."""

from types import SimpleNamespace

import numpy as np
import pytest
from saved_labels import save_label
from small_scans import drawn, write_studies

from acsnet.annotations.marks import measure_marked
from acsnet.io import read_scan
from acsnet.server.corrections import starts
from acsnet.server.corrections.starts import start_of
from acsnet.server.datastores.protocol import LabelRecord, NewLabel

ABOUT = {"state": "draft", "author": "ACSNet", "saved": None, "features": {}}
RECORDS = (LabelRecord(id="1.2", tag="original", **ABOUT), LabelRecord(id="1.1", tag="", **ABOUT))
"""Of a PACS: the draft of the networks, and the one before it was drawn anew."""


@pytest.mark.parametrize(
    ("asked", "source", "version"),
    [("1.2", "draft", "1.2"), ("original", "draft", "1.2"), ("1.1", "version", "1.1")],
)
def test_the_draft_of_the_networks_is_named_as_such_and_by_its_id(
    monkeypatch, asked, source, version
):
    monkeypatch.setattr(starts, "read_client_labels", lambda path, grid: np.zeros((1, 1, 1)))
    store = SimpleNamespace(
        label_records=lambda image: RECORDS, version_uri=lambda image, record: record.id
    )
    scan = SimpleNamespace(grid=None)
    start = start_of(store, "a", scan, "Ada", run=None, source=asked)
    assert (start.source, start.version) == (source, version)


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii": 0})


def test_a_readers_own_is_what_they_drew_and_no_draft_that_they_accepted_since(make_store):
    store = make_store()
    mine = save_label(store, "a", drawn(2), user="Ana")
    scan = read_scan(store.get_image_uri("a"))
    draft = measure_marked(scan, drawn(4))
    about = {"author": "ACSNet 0.3.0", "state": "reviewed", "tag": "final", "reviewer": "Ana"}
    about |= {"features": draft.features_dict(), "drawn_on": store.state_to_label("a")}
    store.keep_label("a", NewLabel(measured=draft, model="m1", **about))
    start = start_of(store, "a", scan, "Ana", run=None, source="own")
    assert (start.version, start.labels.max()) == (mine.id, 2)


def test_what_is_damaged_of_another_reader_keeps_nobody_from_clicking(make_store, tmp_path):
    store = make_store()
    mine = save_label(store, "a", drawn(2), user="Ana")
    other = save_label(store, "a", drawn(3), user="Bob")
    for file in (tmp_path / "store").glob(f"**/{other.id}.nii.gz"):
        file.write_bytes(b"damaged")
    scan = read_scan(store.get_image_uri("a"))
    start = start_of(store, "a", scan, "Ana", run=None)
    assert (start.source, start.version, start.labels.max()) == ("own", mine.id, 2)

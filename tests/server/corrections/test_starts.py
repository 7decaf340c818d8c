"""What clicks start from, as an answer names it."""

from types import SimpleNamespace

import numpy as np
import pytest

from acsnet.server.corrections import starts
from acsnet.server.datastores.protocol import LabelRecord

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
    start = starts.start_of(store, "a", scan, "Ada", run=None, source=asked)
    assert (start.source, start.version) == (source, version)

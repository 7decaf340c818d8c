"""`acsnet_correct` starts from the reader's own label map, and says whose it is."""

import json

import numpy as np
import pytest
from saved_labels import save_label

from acsnet.io import read_scan

MODEL = "/infer/acsnet_correct"


@pytest.fixture
def ask(web, monkeypatch):
    """Asks as a reader: what the answer started from, what it warns of, what was corrected."""
    corrected = []
    pipeline = type(web.app.served.current().pipeline)
    correct = pipeline.correct

    def spied(self, scan, labels, **options):
        corrected.append(scan.grid.to_input(labels))
        return correct(self, scan, labels, **options)

    monkeypatch.setattr(pipeline, "correct", spied)

    def ask(reader):
        answer = web.client.post(
            MODEL,
            params={"image": web.series, "output": "json"},
            data={"params": json.dumps({"client_id": reader})},
        )
        assert answer.status_code == 200, answer.text
        warnings = answer.json()["features"]["warnings"]
        about = [warning for warning in warnings if "not yours" in warning]
        return answer.json()["started_from"], about, corrected[-1]

    return ask


def test_a_reader_gets_their_own_label_map_and_is_told_of_any_other(web, ask):
    store = web.app.datastore()
    shape = read_scan(store.get_image_uri(web.series)).pixels.shape
    drawn = []
    for k, (who, state) in enumerate([("Ana", "draft"), ("Bo", "reviewed"), ("Cy", "draft")]):
        stack = np.zeros(shape, np.uint8)
        stack[2:6, 60:90, 60 : 90 + k] = 2
        stack[2:6, 68:82, 68:82] = 1
        drawn.append(read_scan(store.get_image_uri(web.series)).grid.to_input(stack))
        save_label(store, web.series, drawn[-1], user=who, state=state)
    ids = {record.author: record.id for record in store.label_records(web.series)}
    for k, (who, source) in enumerate([("Ana", "own"), ("Bo", "own"), ("Cy", "own")]):
        started, warnings, labels = ask(who)
        assert started == {"source": source, "version": ids[who], "author": who}
        assert warnings == []
        np.testing.assert_array_equal(labels, drawn[k])
    started, warnings, labels = ask("Dee")
    assert started == {"source": "accepted", "version": ids["Bo"], "author": "Bo"}
    assert warnings == ["this is a label map of Bo, not yours: you have saved none"]
    np.testing.assert_array_equal(labels, drawn[1])
    for who in ("Ana", "Bo"):
        store.withdraw(web.series, ids[who], by="Eve")
    started, warnings, labels = ask("Ana")
    assert started == {"source": "version", "version": ids["Cy"], "author": "Cy"}
    assert warnings == ["this is a label map of Cy, not yours: you have saved none"]
    np.testing.assert_array_equal(labels, drawn[2])

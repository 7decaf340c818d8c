"""The desk of a reader: a case with a draft of the networks, and ways to decide on it."""

import json
import time
from types import SimpleNamespace

import pytest


@pytest.fixture
def desk(web, samples):
    """A web application whose first case has a fresh draft of the networks, and ways to ask it."""
    store, image = web.app.datastore(), web.series
    for record in store.label_records(image):
        if record.id and record.state != "withdrawn":
            store.withdraw(image, record.id, by="fixture")
    end = time.monotonic() + 30
    while not store.verdict(image).checked:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert web.client.post(f"/acsnet/cases/{image}/segment").status_code == 303

    def decide(what, **fields):
        return web.client.post(f"/acsnet/cases/{image}/{what}", json=fields)

    def save(user="Ana"):
        return web.client.put(
            "/datastore/label",
            params={"image": image},
            data={"params": json.dumps({"user": user})},
            files={
                "label": (
                    "label.nii.gz",
                    (samples / "truth" / "phantom-1.nii.gz").read_bytes(),
                )
            },
        ).json()

    def accept(**fields):
        first = decide("accept", **fields)
        if first.status_code != 409 or "digest" not in first.json():
            return first
        return decide("accept", **fields, warnings_shown=first.json()["digest"])

    return SimpleNamespace(
        web=web, store=store, image=image, decide=decide, save=save, accept=accept
    )

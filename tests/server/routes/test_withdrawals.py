"""What is taken out of use: what the reader saw, in the state in which they saw it, and once."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

from acsnet.annotations import audit_log
from acsnet.server.state.paths import audit_log_file

pytestmark = pytest.mark.slow


def form_of(desk, what, *, of, version):
    """What the form that ends in `of` on the page of a version sends of itself."""
    page = desk.web.client.get(
        f"/acsnet/cases/{desk.image}", params={"version": version}, headers={"Accept": "text/html"}
    ).text
    (form,) = (
        one for one in re.findall(r"<form .*?</form>", page, re.DOTALL) if of in one and what in one
    )
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: unescape(value) for name, value in fields}


def post(desk, what, form, **fields):
    return desk.web.client.post(
        f"/acsnet/cases/{desk.image}/{what}",
        data={**form, **fields},
        headers={"Accept": "text/html"},
    )


def record_of(desk, version):
    (record,) = (one for one in desk.store.label_records(desk.image) if one.id == version)
    return record


@pytest.mark.parametrize("what", ["reject", "withdraw"])
def test_what_somebody_accepted_since_the_page_was_opened_stays_accepted(desk, what):
    version = desk.save()["version"]
    form = form_of(desk, f'value="{version}"', of=f'/{what}"', version=version)
    assert form["state"] == "draft"
    assert desk.accept(version=version, by="Bob", comment="good").is_success
    refused = post(desk, what, form, by="Ada", comment="apex missing")
    assert refused.status_code == 409
    said = r"was accepted by Bob on 20[^.]* since you opened it: open the case again"
    assert re.search(said, refused.text)
    assert "apex missing" in refused.text
    kept = record_of(desk, version)
    assert (kept.state, kept.reviewer, kept.comment) == ("reviewed", "Bob", "good")
    form = form_of(desk, f'value="{version}"', of='/withdraw"', version=version)
    assert post(desk, "withdraw", form, by="Ada", comment="apex missing").status_code == 303
    assert record_of(desk, version).state == "withdrawn"


def test_a_program_that_does_not_say_what_it_saw_rejects_what_was_accepted(desk):
    version = desk.save()["version"]
    assert desk.accept(version=version, by="Bob").is_success
    answer = desk.decide("reject", version=version, by="Ada", comment="apex missing")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")


def test_a_second_withdrawal_is_refused_and_names_the_first(desk):
    version = desk.save()["version"]
    first = {"version": version, "by": "Ada", "comment": "apex missing"}
    for _ in range(2):
        assert desk.decide("reject", **first, state="draft").is_success
    assert desk.decide("withdraw", version=version, by="Ada").is_success
    logged = audit_log.read(audit_log_file())
    for what, by, comment, lost in (
        ("reject", "Cid", "no wall", "reason"),
        ("reject", "Cid", "apex missing", "reason"),
        ("withdraw", "Cid", "", "withdrawal"),
        ("reject", "Ada", "no wall", "reason"),
    ):
        refused = desk.decide(what, version=version, by=by, comment=comment, state="draft")
        assert refused.status_code == 409
        said = f"this label map was already withdrawn by Ada; your {lost} is not kept"
        assert refused.json()["detail"] == said
    kept = record_of(desk, version)
    assert (kept.withdrawn_by, kept.comment) == ("Ada", "apex missing")
    assert audit_log.read(audit_log_file()) == logged


def test_of_two_withdrawals_at_once_the_second_is_refused(desk, monkeypatch):
    version = desk.save()["version"]
    before = desk.store.label_records(desk.image)
    assert desk.decide("reject", version=version, by="Ada", comment="apex missing").is_success
    real, asked = desk.store.label_records, []

    def records(image):
        asked.append(image)
        return before if len(asked) == 1 else real(image)

    monkeypatch.setattr(desk.store, "label_records", records)
    refused = desk.decide("reject", version=version, by="Cid", comment="no wall", state="draft")
    assert refused.status_code == 409
    assert "already withdrawn by Ada" in refused.json()["detail"]


def test_the_table_withdraws_the_draft_of_the_networks_that_it_shows(desk):
    form = form_of(desk, 'value="original"', of='/withdraw"', version="original")
    (now,) = [one.moment for one in desk.store.label_records(desk.image) if one.tag == "original"]
    assert form["saved"] == now
    earlier = {**form, "saved": "2026-01-02T03:04:05+00:00"}
    refused = post(desk, "withdraw", earlier, by="Eve", comment="no wall")
    assert refused.status_code == 409
    assert "drawn anew since you opened it" in refused.text
    assert post(desk, "withdraw", form, by="Eve").status_code == 303


def test_a_draft_that_is_drawn_anew_while_it_is_withdrawn_stays(desk, monkeypatch):
    real, asked = desk.store.label_records, []

    def records(image):
        asked.append(image)
        hours = 1 if len(asked) == 1 else 0
        return tuple(replace(one, saved=one.saved - timedelta(hours=hours)) for one in real(image))

    (shown,) = (one for one in real(desk.image) if one.tag == "original")
    saved = replace(shown, saved=shown.saved - timedelta(hours=1)).moment
    monkeypatch.setattr(desk.store, "label_records", records)
    refused = desk.decide("withdraw", version="original", by="Eve", saved=saved)
    assert refused.status_code == 409
    assert "original" in desk.store.get_labels_by_image_id(desk.image)

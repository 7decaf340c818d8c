"""What a reader must have been shown before a label map is accepted."""

import re
from dataclasses import replace
from html import unescape

import pytest
from markupsafe import escape

from acsnet.annotations.marks import NOT_USED
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.server import measures_now
from acsnet.server.datastores.protocol import record_under_tag
from acsnet.server.state.paths import DETAILS
from acsnet.server.web.shown_versions import digest_of

pytestmark = pytest.mark.slow


def test_warnings_must_have_been_shown(desk, monkeypatch):
    from acsnet import measure

    monkeypatch.setattr(measure, "messages", lambda flags: ("look at slice 3",))
    version = desk.save()["version"]
    refused = desk.decide("accept", version=version, by="Eve")
    assert refused.status_code == 409
    assert "look at slice 3" in refused.json()["warnings"]
    assert desk.decide("accept", version=version, by="Eve", warnings_shown=["x"]).status_code == 409
    page = desk.web.client.post(
        f"/acsnet/cases/{desk.image}/accept", data={"version": version, "by": "Eve"}
    )
    assert page.status_code == 409
    assert "look at slice 3" in page.text
    assert refused.json()["digest"] in page.text
    shown = refused.json()["warnings"]
    assert desk.decide("accept", version=version, by="Eve", warnings_shown=shown).is_success


def test_no_acceptance_waits_for_the_warning_that_most_scans_have(desk, monkeypatch):
    sampling = "pixels 1 % larger or smaller would change core scar by 12 %: compare with care"
    monkeypatch.setattr(measures_now, "warnings_with", lambda *_: (sampling,))
    assert desk.decide("accept", version="original", by="Eve").is_success


def test_warnings_that_were_shown_in_another_order_are_not_asked_for_again(desk, monkeypatch):
    assert digest_of(["a", "b", "a"]) == digest_of(["b", "a"]) != digest_of(["a"])
    real = desk.store.label_records

    def records(image):
        noted = ["look at slice 3", "look at slice 4"]
        return tuple(
            replace(one, features={**one.features, "warnings": noted}) for one in real(image)
        )

    monkeypatch.setattr(desk.store, "label_records", records)
    monkeypatch.setattr(measures_now, "warnings_with", lambda noted, _: tuple(reversed(noted)))
    page = desk.web.client.get(f"/acsnet/cases/{desk.image}?version=original").text
    (shown,) = re.findall('name="warnings_shown" value="([^"]*)"', page)
    form = {"version": "original", "by": "Eve", "warnings_shown": shown}
    answer = desk.web.client.post(f"/acsnet/cases/{desk.image}/accept", data=form)
    assert answer.status_code == 303


def test_a_mark_that_came_after_the_draft_is_among_the_warnings_that_its_page_shows(desk):
    """One of them says that the mark cannot be used: it lies outside the heart."""
    entries = DetailsStore(desk.store.folder / DETAILS)
    before, _ = entries.read(desk.image)
    shown = "" if before is None else before.moment
    mark = ReadingDetails(remote_region={1: (5.0, 5.0)})
    entries.save(desk.image, mark, reader="Eve", shown=shown)
    address = f"/acsnet/cases/{desk.image}"
    page = desk.web.client.get(f"{address}?version=original").text
    assert f"<li>{escape(NOT_USED)}" in page
    (shown,) = re.findall('name="warnings_shown" value="([^"]*)"', page)
    form = {"version": "original", "by": "Eve", "warnings_shown": shown}
    assert desk.web.client.post(f"{address}/accept", data=form).status_code == 303
    entries.remove(desk.image)


def test_who_accepts_a_draft_is_told_once_of_what_somebody_accepted_since(desk):
    (draft,) = [one for one in desk.store.label_records(desk.image) if one.tag == "original"]
    shown = {"version": "original", "saved": draft.moment, "by": "Ana"}
    version = desk.save("Bob")["version"]
    assert desk.accept(version=version, by="Bob").is_success
    asked = desk.decide("accept", **shown, warnings_shown=list(draft.warnings))
    assert asked.status_code == 409
    assert asked.json()["warnings"][0].startswith("Bob accepted a label map of this case on 20")
    assert record_under_tag(desk.store.label_records(desk.image), "final").id == version
    address = f"/acsnet/cases/{desk.image}/accept"
    page = desk.web.client.post(
        address, data={**shown, "warnings_shown": digest_of(draft.warnings)}
    )
    assert (page.status_code, "Accept anyway" in page.text) == (409, True)
    (digest,) = re.findall('name="warnings_shown" value="([^"]*)"', page.text)
    assert digest == asked.json()["digest"]
    assert desk.web.client.post(address, data={**shown, "warnings_shown": digest}).is_redirect
    assert record_under_tag(desk.store.label_records(desk.image), "final").reviewer == "Ana"


def test_who_opened_a_draft_after_the_acceptance_was_told_by_its_page(desk):
    assert desk.accept(version=desk.save("Bob")["version"], by="Bob").is_success
    address = f"/acsnet/cases/{desk.image}"
    page = desk.web.client.get(f"{address}?version=original").text
    assert "<li>Bob accepted a label map of this case on 20" in page
    shown = re.findall('name="warnings_shown" value="([^"]*)"', page)
    form = {"version": "original", "by": "Ana", "warnings_shown": [unescape(one) for one in shown]}
    assert desk.web.client.post(f"{address}/accept", data=form).is_redirect


def test_what_a_reader_accepted_is_no_news_to_that_reader(desk):
    assert desk.accept(version=desk.save("Bob")["version"], by="Bob").is_success
    (draft,) = [one for one in desk.store.label_records(desk.image) if one.tag == "original"]
    shown = {"version": "original", "warnings_shown": list(draft.warnings)}
    assert desk.decide("accept", by="Bob", **shown).is_success


def test_a_draft_that_somebody_else_accepted_as_it_is_is_no_other_label_map(desk):
    for reader in ("Ana", "Bob", "Ana"):
        (draft,) = [one for one in desk.store.label_records(desk.image) if one.tag == "original"]
        shown = {"version": "original", "warnings_shown": list(draft.warnings)}
        answer = desk.decide("accept", by=reader, **shown)
        assert answer.is_success or "already accepted by Ana" in answer.text


def test_a_save_that_does_not_say_what_it_began_from_is_told_of_no_other(desk):
    first, again, other = (desk.save(name)["warnings"] for name in ("Ana", "Ana", "Bob"))
    assert first == again == other


def test_an_old_version_is_not_accepted_blind(desk):
    old, new = desk.save("Ana")["version"], desk.save("Bea")["version"]
    assert old != new
    refused = desk.decide("accept", version=old, by="Eve", warnings_shown=[])
    assert refused.status_code == 409
    assert "look at it" in refused.json()["detail"]
    desk.web.app.shown_versions.add(desk.image, old)
    assert desk.accept(version=old, by="Eve").json()["version"] == old

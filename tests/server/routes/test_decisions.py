"""What a reader decides on a label map, as a page and as a program send it."""

import time
from dataclasses import replace
from datetime import timedelta
from threading import BoundedSemaphore
from types import SimpleNamespace

import pytest

from acsnet.annotations import audit_log
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.errors import InputError
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.identity import Person, Role, request_of
from acsnet.server.inference import work_queue
from acsnet.server.routes import decisions
from acsnet.server.state.paths import DETAILS, audit_log_file

pytestmark = pytest.mark.slow


def states(desk):
    return [(one.tag, one.state) for one in desk.store.label_records(desk.image) if one.tag]


def test_a_draft_of_the_networks_is_accepted_as_it_is(desk):
    answer = desk.accept(version="original", by="Eve", comment="looks right")
    assert answer.status_code == 200
    assert set(states(desk)) == {("final", "reviewed"), ("original", "draft")}
    record = next(one for one in desk.store.label_records(desk.image) if one.tag == "final")
    assert record.author.startswith("ACSNet ")
    assert (record.reviewer, record.comment) == ("Eve", "looks right")
    assert record.model
    drawn, accepted = (desk.store.get_label_uri(desk.image, tag) for tag in ("original", "final"))
    assert drawn != accepted
    assert desk.image in [one.name for one in desk.store.reviewed()]
    (line,) = [
        one
        for one in audit_log.read(audit_log_file())
        if one["event"] == "review" and one.get("version") == record.id
    ]
    assert (line["user"], line["decision"]) == ("Eve", "accepted")
    assert "looks right" not in audit_log_file().read_text()


def test_an_accepted_draft_keeps_what_the_run_of_the_networks_told(desk):
    asked = f"/acsnet/cases/{desk.image}/features.json"
    draft = desk.web.client.get(asked, params={"tag": "original"}).json()
    assert draft["software"]["weights_sha256"]
    assert draft["anatomy"]["slices"]
    version = desk.accept(version="original", by="Eve").json()["version"]
    kept = desk.web.client.get(asked, params={"tag": version}).json()
    for key in ("software", "anatomy", "seconds", "quality", "scar_method", "scar_threshold"):
        assert kept[key] == draft[key], key


def test_a_second_acceptance_is_refused_and_names_the_first(desk):
    version = desk.save()["version"]
    assert desk.accept(version=version, by="Ben", comment="fine").is_success
    for by, comment, lost in (
        ("Ada", "apex is wrong", "your comment is not kept"),
        ("Ada", "", "your acceptance is not kept"),
        ("Ben", "apex is wrong", "your comment is not kept"),
    ):
        refused = desk.decide("accept", version=version, by=by, comment=comment)
        assert refused.status_code == 409
        assert "already accepted by Ben on 20" in refused.json()["detail"]
        assert lost in refused.json()["detail"]
    for comment in ("fine", ""):
        assert desk.decide("accept", version=version, by="Ben", comment=comment).is_success
    form = {"version": version, "by": "Ada", "comment": "no", "next": "1"}
    page = desk.web.client.post(
        f"/acsnet/cases/{desk.image}/accept", data=form, headers={"Accept": "text/html"}
    )
    assert page.status_code == 409
    assert "already accepted by Ben" in page.text


def test_a_draft_of_the_networks_is_accepted_by_each_reader_once(desk):
    first = desk.accept(version="original", by="Ben", comment="fine").json()
    refused = desk.accept(version="original", by="Ben", comment="apex is wrong")
    assert refused.status_code == 409
    assert "already accepted by Ben" in refused.json()["detail"]
    second = desk.accept(version="original", by="Ada", comment="second opinion").json()
    assert second["version"] != first["version"]
    assert (second["reviewer"], second["comment"]) == ("Ada", "second opinion")


def test_who_accepts_again_what_a_newer_acceptance_replaced_is_told_how_to_make_it_valid(desk):
    mine = desk.accept(version="original", by="Ben", comment="fine").json()["version"]
    newer = desk.accept(version="original", by="Zoe").json()["version"]
    for comment in ("", "fine", "apex is wrong"):
        refused = desk.decide("accept", version=mine, by="Ben", comment=comment)
        assert refused.status_code == 409
        said = refused.json()["detail"]
        assert said.endswith("a newer label map holds: withdraw that one to make this valid")
        assert ("not kept" in said) == (comment == "apex is wrong")
    assert desk.decide("withdraw", version=newer, by="Ben").is_success
    assert desk.decide("accept", version=mine, by="Ben").is_success
    assert ("final", "reviewed") in states(desk)


def test_accepting_twice_is_once(desk):
    first = desk.accept(version="original", by="Eve").json()
    count, logged = len(desk.store.label_records(desk.image)), audit_log.read(audit_log_file())
    assert desk.accept(version="original", by="Eve").json()["version"] == first["version"]
    assert len(desk.store.label_records(desk.image)) == count
    lines = audit_log.read(audit_log_file())[len(logged) :]
    assert not [line for line in lines if line["event"] in ("save", "review")]


def test_accepting_twice_is_once_also_where_the_scan_cannot_be_measured_any_more(desk, monkeypatch):
    version = desk.accept(version="original", by="Eve").json()["version"]

    def refuse(image):
        msg = "the PACS does not answer"
        raise InputError(msg)

    monkeypatch.setattr(desk.store, "state_to_label", refuse)
    again = desk.decide("accept", version=version, by="Eve")
    assert (again.status_code, again.json()["version"]) == (200, version)
    assert desk.decide("withdraw", version=version, by="Eve").is_success
    refused = desk.decide("accept", version=version, by="Eve")
    assert "was withdrawn" in refused.json()["detail"]


def test_a_draft_that_was_drawn_anew_since_it_was_shown_is_not_decided_on(desk):
    """As where one tab segments again while another still shows the draft before."""
    (now,) = [one.moment for one in desk.store.label_records(desk.image) if one.tag == "original"]
    for what in ("accept", "reject"):
        fields = {"version": "original", "by": "Eve", "comment": "no"}
        refused = desk.decide(what, **fields, saved="2026-01-02T03:04:05+00:00")
        assert refused.status_code == 409
        assert "drawn anew since you opened it" in refused.json()["detail"]
    assert states(desk) == [("original", "draft")]
    assert desk.accept(version="original", by="Eve", saved=now).is_success


def test_a_draft_that_is_drawn_anew_while_it_is_accepted_is_not_decided_on(desk, monkeypatch):
    real_records, real_uri, opened = desk.store.label_records, desk.store.version_uri, []

    def records(image):
        hours = 0 if opened else 1
        return tuple(
            replace(one, saved=one.saved - timedelta(hours=hours)) for one in real_records(image)
        )

    def uri(image, record):
        opened.append(record)
        return real_uri(image, record)

    monkeypatch.setattr(desk.store, "label_records", records)
    monkeypatch.setattr(desk.store, "version_uri", uri)
    refused = desk.decide("accept", version="original", by="Eve")
    assert refused.status_code == 409
    assert "drawn anew since you opened it" in refused.json()["detail"]
    assert opened
    assert states(desk) == [("original", "draft")]


def test_a_rejected_draft_is_kept_and_offered_to_nobody(desk):
    answer = desk.decide("reject", version="original", by="Eve", comment="apex is missing")
    assert answer.json()["state"] == "withdrawn"
    assert states(desk) == []
    kept = desk.store.label_records(desk.image)[0]
    assert (kept.state, kept.withdrawn_by, kept.comment) == (
        "withdrawn",
        "Eve",
        "apex is missing",
    )
    assert desk.image not in desk.store.get_unlabeled_images()
    assert desk.image not in [one.name for one in desk.store.reviewed()]
    refused = desk.decide("accept", version=kept.id, by="Eve")
    assert refused.status_code == 422
    assert "was withdrawn" in refused.json()["detail"]


def test_a_decision_is_answered_while_there_is_no_place_to_measure_in(desk, monkeypatch):
    desk.save("Ana")
    desk.save("Bea")
    entries = DetailsStore(desk.store.folder / DETAILS)
    entries.save(desk.image, ReadingDetails(remote_region={1: (5.0, 5.0)}), reader="Eve")
    monkeypatch.setattr(work_queue, "_volumes", BoundedSemaphore(1))
    with work_queue.volume_place():
        answer = desk.decide("reject", version="draft", by="Eve", comment="apex is missing")
    entries.remove(desk.image)
    assert (answer.status_code, answer.json()["user"]) == (200, "Bea")


def test_a_rejection_needs_a_reason_and_a_name(desk):
    assert "give the reason" in desk.decide("reject", version="original", by="Eve").json()["detail"]
    answer = desk.decide("reject", version="original", comment="no")
    assert "enter your name" in answer.json()["detail"]
    assert ("original", "draft") in states(desk)


def test_the_login_counts_and_not_the_name_that_is_sent(desk):
    from acsnet.server.routes.decisions import who_and_why

    with request_of(Person("rea", Role.REVIEWER)):
        assert who_and_why({"by": "Eve"}) == ("rea", "")


def test_an_unknown_version_is_404(desk):
    answer = desk.decide("accept", version="no-such", by="Eve")
    assert answer.status_code == 404
    assert desk.decide("withdraw", version="", by="Eve").status_code == 404


def test_after_a_decision_comes_the_next_case_that_needs_a_reader(desk):
    answer = desk.decide("reject", version="original", by="Eve", comment="x", next=1)
    page = answer.json()["page"]
    assert page.startswith("/acsnet/cases/")
    assert desk.image not in page.partition("?")[0]
    assert page.endswith(f"?before={desk.image}")
    form = {"version": "original", "by": "Eve", "comment": "x"}
    back = desk.web.client.post(f"/acsnet/cases/{desk.image}/withdraw", data=form)
    assert back.status_code == 404


def test_next_leads_to_a_draft_that_waits_for_a_review_and_then_to_the_work_list(desk):
    version = desk.save()["version"]
    client, store = desk.web.client, desk.store
    for image in store.get_unlabeled_images():
        store.update_image_info(image, {"strategy": {"acsnet": {"ts": time.time()}}})
    answer = client.get("/acsnet/next", params={"by": "Eve"})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/acsnet/cases/{desk.image}?version=draft"
    desk.web.app.shown_versions.add(desk.image, version)
    done = desk.accept(version=version, by="Eve", next=1).json()
    assert done["page"].startswith("/acsnet/?finished=")


def test_drafts_of_others_wait_before_those_of_the_reader():
    authors = {"a": "Ada", "b": "Ben", "c": "Ada", "d": "Ben"}
    store = SimpleNamespace(
        list_images=lambda: ["a", "b", "c", "d", "none"],
        get_labels_by_image_id=lambda image: {"draft": image} if image in authors else {},
        verdict=lambda image: SimpleNamespace(is_offered=True),
        label_records=lambda image: (
            LabelRecord(
                id="1", tag="draft", state="draft", author=authors[image], saved=None, features={}
            ),
        ),
    )
    assert decisions._waiting(store, by="Ada", besides="c") == ["d", "b", "a"]
    assert decisions._waiting(store, by="Eve", besides="") == ["a", "b", "c", "d"]

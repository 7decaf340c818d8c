"""What the server knows of its scans, and which of them it gives to whom."""

import time
from datetime import datetime, timezone
from types import SimpleNamespace

import numpy as np
import pytest
from saved_labels import save_label
from small_scans import write_scan

from acsnet.active_learning.acquisition import COMBINED, STRATEGIES
from acsnet.active_learning.score_store import ScoreStore, Stamp
from acsnet.active_learning.scores import FEATURES, Scores
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.server.learning.strategy import DESCRIPTIONS, NextScan

MODEL = "m1"
SHAPE = (12, 10, 3)


@pytest.fixture
def site(tmp_path):
    """A store with scans a, b and c, all checked; score: keeps one's scores; book; strategy."""
    studies = tmp_path / "studies"
    studies.mkdir()
    for seed, name in enumerate("abc"):
        write_scan(studies / f"{name}.nii.gz", seed=seed)
    datastore = StudiesDatastore(studies=studies, store=tmp_path / "store")
    scores = ScoreStore(tmp_path / "scores")
    book = ScoreBook(datastore, scores, model=lambda: MODEL)

    def score(name, *, at=0.0, uncertainty=0.0, drawn=0, model=MODEL):
        stamp = Stamp(image=name, fingerprint=datastore.image_fingerprint(name), model=model)
        features = (at, *[0.0] * (len(FEATURES) - 1))
        known = Scores(uncertainty=uncertainty, correction=0.0, features=features)
        scores.put(stamp, known, np.full(SHAPE, drawn, np.uint8))

    def review(name, value):
        save_label(datastore, name, np.full(SHAPE, value, np.uint8), state="reviewed")

    end = time.monotonic() + 20
    while not all(datastore.verdict(name).checked for name in "abc"):
        assert time.monotonic() < end
        time.sleep(0.01)
    yield SimpleNamespace(
        datastore=datastore, book=book, score=score, review=review, studies=studies
    )
    datastore.close()


def pick(site, name=COMBINED, *, reader="ann", minutes=30.0, **options):
    return NextScan(name, site.book, busy_seconds=60 * minutes, **options)(
        {"client_id": reader}, site.datastore
    )


@pytest.fixture
def unchecked(site, monkeypatch):
    """Makes it so that nobody has looked at some scans yet."""

    def of(names):
        known = site.datastore.verdict
        monkeypatch.setattr(
            site.datastore,
            "verdict",
            lambda image: Verdict(checked=False) if image in names else known(image),
        )

    return of


def give(site, image, reader, *, minutes_ago=0.0):
    offer = {"ts": int(time.time() - 60 * minutes_ago), "client_id": reader, "reason": "x"}
    site.datastore.update_image_info(image, {"strategy": {COMBINED: offer}})


def test_every_strategy_tells_what_it_does():
    assert set(DESCRIPTIONS) == set(STRATEGIES)


def test_what_tells_most_comes_first_with_its_reason(site):
    for name, uncertainty in zip("abc", (0.2, 0.9, 0.4), strict=True):
        site.score(name, uncertainty=uncertainty)
    found = pick(site, "uncertainty")
    assert found == {
        "id": "b",
        "reason": "the network is less sure of the wall than in 2 of 2 other scans",
        "scores": {"uncertainty": 0.9},
    }


def test_nothing_scored_is_taken_in_turn(site):
    assert pick(site)["id"] == "a"
    give(site, "a", "ann", minutes_ago=40)
    assert pick(site)["id"] == "b"
    assert pick(site)["reason"] == "not scored yet: chosen because it was shown longest ago"


def test_what_is_reviewed_is_not_given(site):
    site.score("a", uncertainty=0.9)
    site.review("a", 2)
    assert pick(site, "uncertainty")["id"] == "b"


def test_a_scan_that_somebody_saved_as_a_draft_is_one_to_be_unlike(site):
    for name, at in zip("abc", (0.0, 1.0, 9.0), strict=True):
        site.score(name, at=at)
    # Nothing is begun: b is nearest to the mean, 10/3, then a.
    assert pick(site, "diversity")["id"] == "b"
    save_label(site.datastore, "b", np.full(SHAPE, 2, np.uint8), state="draft")
    assert pick(site, "diversity") == {
        "id": "c",  # 8 from b; a is 1 from it
        "reason": "it is less like the scans that are reviewed or being worked on than 1 of 1 "
        "other scans",
        "scores": {"diversity": pytest.approx(8.0 / np.std([0.0, 1.0, 9.0]), abs=1e-3)},
    }


def test_what_is_refused_is_not_given(site):
    (site.studies / "a.nii.gz").write_bytes(b"no scan")
    end = time.monotonic() + 20
    while site.datastore.verdict("a").reason is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert pick(site)["id"] == "b"


def test_what_another_reader_has_is_not_given(site):
    site.score("a", uncertainty=0.9)
    site.score("b", uncertainty=0.1)
    give(site, "a", "bob", minutes_ago=29)
    assert pick(site)["id"] == "b"
    give(site, "a", "bob", minutes_ago=31)
    assert pick(site, "uncertainty")["id"] == "a"


def test_the_checked_come_before_those_nobody_looked_at(site, unchecked):
    unchecked("ac")
    site.score("a", uncertainty=0.9)
    site.score("b", uncertainty=0.1)
    assert pick(site)["id"] == "b"


def test_nobody_gets_the_same_twice_because_the_others_are_not_checked_yet(site, unchecked):
    unchecked("bc")
    give(site, "a", "ann")
    answer = pick(site, patience_s=0.1)
    assert "id" not in answer
    assert "being checked" in answer["reason"]


def test_what_a_reader_passed_over_comes_last(site):
    for minutes, name in enumerate("cba", start=1):
        give(site, name, "ann", minutes_ago=minutes)
    assert pick(site) == {
        "id": "a",
        "reason": "all other open scans were given to readers in the meantime",
        "scores": {},
    }


def test_all_with_others_is_said_with_their_names_and_the_time(site, monkeypatch):
    begun = datetime(2026, 11, 30, 17, 25, tzinfo=timezone.utc).timestamp()
    given = (("a", "slicer-1", 60), ("b", "slicer-1", 0), ("c", None, 120))
    monkeypatch.setattr("time.time", lambda: begun + 180)
    for name, reader, after_s in given:
        give(site, name, reader, minutes_ago=(180 - after_s) / 60)
    free = f"{datetime.fromtimestamp(begun + 1800).astimezone():%Y-%m-%d %H:%M %Z}"
    assert pick(site) == {
        "reason": "nothing to pick from: every open scan was given to others (slicer-1, unknown "
        f"annotator), the first until {free}; any can be opened in the work list"
    }


def test_all_done_is_said_so(site):
    for name in "abc":
        site.review(name, 2)
    assert pick(site) == {"reason": "nothing to pick from: every scan is reviewed or refused"}


def test_an_empty_store_is_said_so(tmp_path):
    (tmp_path / "studies").mkdir()
    datastore = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    book = ScoreBook(datastore, ScoreStore(tmp_path / "scores"), model=lambda: MODEL)
    site = SimpleNamespace(datastore=datastore, book=book)
    for name in STRATEGIES:
        assert pick(site, name) == {"reason": "nothing to pick from: no scans"}


def test_scores_of_another_model_or_of_a_changed_scan_do_not_count(site):
    site.score("a", model="m0")
    site.score("b")
    assert site.book.scores("a") is None
    assert site.book.scores("b") is not None
    write_scan(site.studies / "b.nii.gz", seed=9)
    assert site.book.scores("b") is None


def test_model_and_review_are_compared_once_a_review_is_there(site):
    site.score("a", drawn=2)
    site.book.compare("a")
    assert site.book.known(["a"])["a"].disagreement is None
    site.review("a", 2)
    assert site.book.known(["a"])["a"].disagreement is None
    site.book.compare("a")
    assert site.book.known(["a"])["a"].disagreement == 0.0


def test_a_newer_review_is_compared_anew(site):
    site.score("a", drawn=2)
    site.review("a", 2)
    site.book.compare("a")
    site.review("a", 3)
    assert site.book.known(["a"])["a"].disagreement is None
    site.book.compare("a")
    # The wall is the same; all of it is enhanced in the review, none of it in the draft.
    assert site.book.known(["a"])["a"].disagreement == pytest.approx(0.5)


def test_scans_like_those_that_reviewers_changed_come_first(site):
    site.score("a", at=0.0, drawn=2)
    site.score("b", at=5.0)
    site.score("c", at=0.1)
    site.review("a", 3)
    site.book.compare("a")
    found = pick(site, "disagreement")
    assert found["scores"] == {"disagreement": 0.5}
    assert found["id"] == "b"  # equal for both: by name

"""What is on record of a run, and what is live. The networks do not matter here."""

import json
from types import SimpleNamespace

import pytest

from acsnet.annotations import audit_log
from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning import worker
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.promotion import Decision
from acsnet.fine_tuning.reviewed_cases import ReadCases
from acsnet.fine_tuning.run_end import end_early
from acsnet.fine_tuning.training_request import read_request, write_request
from acsnet.fine_tuning.training_status import change_status, read_status


class KilledError(Exception):
    """In place of a signal: nothing of the worker catches it."""


@pytest.fixture
def models(tmp_path):
    models = Models(tmp_path / "models")
    models.root.mkdir()
    return models


@pytest.fixture
def name(models, write_chain, tmp_path):
    """The version that every run comes to."""
    return models.add(write_chain(tmp_path / "chain"), {})


@pytest.fixture
def begin(models, write_scan, name):
    """Begins a run that has trained the version."""
    cases = [write_scan(k) for k in range(2)]
    options = {"device": "cpu", "threads": 1, "quiet_s": 0.0}

    def begin():
        base = models.aliases().live
        folder = write_request(models.root, cases, trainer="prior", base=base, **options)
        change_status(folder, state="measuring", candidate=name)
        return folder

    return begin


@pytest.fixture
def measured(monkeypatch):
    """Two versions are not measured; a list of the pairs that would have been."""
    pairs = []

    def compare(models, live, candidate, *args, **options):
        pairs.append((live, candidate))
        return Decision(promote=measured.promote, reason="for this test", rows=())

    def measured():
        return pairs

    measured.promote = True
    monkeypatch.setattr(worker, "compare", compare)
    monkeypatch.setattr(worker, "mirror", lambda models: None)
    return measured


@pytest.fixture
def decide(models, name, measured, tmp_path):
    """Decides on the candidate of a run and ends it; its status."""

    def decide(folder):
        status = worker.decide_promotion(folder, read_request(folder), models, name)
        worker.record_end(tmp_path / "audit.jsonl", folder, status, seconds=1.0)
        return status

    return decide


@pytest.fixture
def promotions(tmp_path):
    """The changes that the audit log calls promotions."""

    def promotions():
        lines = audit_log.read(tmp_path / "audit.jsonl")
        return [line["change"] for line in lines if line["event"] == "promote"]

    return promotions


def killed_at(where, decide, folder, monkeypatch):
    def killed(*args, **options):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(*where, killed)
        with pytest.raises(KilledError):
            decide(folder)


def killed_after_promotion(decide, folder, monkeypatch):
    killed_at((worker, "mirror"), decide, folder, monkeypatch)


def stop(models, folder):
    return end_early(folder, models, state="cancelled", detail="stopped")


def test_a_run_that_is_stopped_before_its_promotion_changed_nothing(models, begin):
    status = stop(models, begin())
    assert (status.state, status.promoted, status.detail) == ("cancelled", False, "stopped")


def test_a_run_that_is_stopped_after_its_promotion_is_done(models, begin, decide, monkeypatch):
    folder = begin()
    killed_after_promotion(decide, folder, monkeypatch)
    status = stop(models, folder)
    assert (status.state, status.promoted) == ("done", True)
    assert status.detail == "served from now on; after that: stopped"
    assert status.ended


def test_a_run_whose_promotion_was_rolled_back_does_not_say_it_is_served(
    models, begin, decide, monkeypatch
):
    folder = begin()
    killed_after_promotion(decide, folder, monkeypatch)
    models.rollback()
    status = stop(models, folder)
    assert (status.state, status.promoted) == ("done", True)
    assert status.detail == "promoted, and no longer served; after that: stopped"


def test_a_run_that_comes_to_its_own_base_promotes_nothing(models, name, begin, decide, measured):
    models.promote(name)
    folder = begin()
    status = stop(models, folder)
    assert (status.state, status.promoted) == ("cancelled", False)
    status = decide(begin())
    assert (status.state, status.promoted) == ("done", False)
    assert status.detail == "this version is in use already"
    assert measured() == []


def test_a_run_is_stopped_also_where_it_is_not_known_what_is_live(models, begin):
    folder = begin()
    (models.root / "aliases.json").write_text("{")
    assert stop(models, folder).state == "cancelled"


def test_it_goes_on_after_a_kill_between_promotion_and_mirror(
    models, begin, decide, measured, promotions, monkeypatch
):
    folder = begin()
    killed_after_promotion(decide, folder, monkeypatch)
    assert read_status(folder).under_way
    status = decide(folder)
    assert (status.state, status.promoted, status.detail) == ("done", True, "for this test")
    assert len(measured()) == 1
    assert promotions() == [models.changes()[-1].id]


def test_a_promotion_that_the_server_has_noted_meanwhile_is_noted_once(
    models, name, begin, decide, promotions, monkeypatch, tmp_path
):
    folder = begin()
    killed_after_promotion(decide, folder, monkeypatch)
    change = models.changes()[-1].id
    audit_log.record(tmp_path / "audit.jsonl", "promote", model=name, details={"change": change})
    decide(folder)
    assert promotions() == [change]


def test_nobodys_rollback_is_undone_by_a_run_that_goes_on(
    models, begin, decide, promotions, monkeypatch
):
    folder = begin()
    killed_after_promotion(decide, folder, monkeypatch)
    promotion = models.changes()[-1].id
    models.rollback()
    assert decide(folder).promoted
    assert models.aliases().live == "shipped"
    assert promotions() == [promotion]


@pytest.mark.parametrize("better", [True, False])
def test_the_version_of_a_run_before_is_measured_again(
    models, name, begin, decide, measured, promotions, better
):
    decide(begin())
    models.rollback()
    measured.promote = better
    later = begin()
    status = decide(later)
    assert measured() == [("shipped", name)] * 2
    assert (status.state, status.promoted) == ("done", better)
    assert (models.aliases().live == name) is better
    assert len(promotions()) == 1 + better
    assert models.record(name)["decision"]["run"] == later.name


def test_killed_between_decision_and_promotion_it_has_promoted_nothing(
    models, name, begin, decide, measured, monkeypatch
):
    decide(begin())
    models.rollback()
    later = begin()
    killed_at((Models, "promote"), decide, later, monkeypatch)
    assert models.record(name)["decision"]["run"] == later.name
    assert decide(later).promoted
    assert len(measured()) == 3
    assert models.aliases().live == name


def test_a_model_that_was_made_live_meanwhile_is_served_and_no_promotion_of_the_run(
    models, name, begin, decide, measured, promotions
):
    folder = begin()
    models.promote(name)
    status = decide(folder)
    assert (status.state, status.promoted) == ("done", True)
    assert (measured(), promotions()) == ([], [])


def test_a_run_that_is_stopped_once_its_model_was_made_live_is_done(models, name, begin):
    folder = begin()
    models.promote(name)
    status = stop(models, folder)
    assert (status.state, status.promoted) == ("done", True)
    assert status.detail == "served from now on; after that: stopped"


def test_a_model_that_goes_live_while_it_is_measured_is_no_failure(
    models, name, begin, decide, monkeypatch, promotions
):
    def compare(*args, **options):
        models.promote(name)
        return Decision(promote=True, reason="for this test", rows=())

    monkeypatch.setattr(worker, "compare", compare)
    status = decide(begin())
    assert (status.state, status.promoted) == ("done", True)
    assert promotions() == []


def test_an_older_record_says_no_more_than_which_run_decided(models, name, begin, decide, measured):
    folder = begin()
    models.note(name, decision={"run": folder.name, "promote": True, "reason": "of old"})
    models.promote(name)
    record = json.loads((models.root / "versions" / name / "record.json").read_text())
    assert "after" not in record["decision"]
    status = decide(folder)
    assert (status.promoted, status.detail, measured()) == (True, "of old", [])


def test_a_run_that_fails_as_nobody_foresaw_has_failed_and_says_so(
    models, begin, monkeypatch, tmp_path
):
    def fails(*args):
        raise RuntimeError("CUDA out of memory")

    folder = begin()
    change_status(folder, state="training", candidate=None)
    monkeypatch.setattr(worker, "make_candidate", fails)
    with pytest.raises(RuntimeError):
        worker.main(folder, tmp_path / "lock", tmp_path / "audit.jsonl")
    status = read_status(folder)
    assert (status.state, status.detail) == ("failed", "RuntimeError: CUDA out of memory")


def test_a_scan_on_which_the_measuring_fails_is_named(monkeypatch, tmp_path):
    def fails(scan):
        raise InputError("there is no contrast in it")

    monkeypatch.setattr(worker.Pipeline, "load", lambda **options: fails)
    case = SimpleNamespace(name="case7", patient="p")
    read = ReadCases(cases=((case, SimpleNamespace(scan=None)),), left_out=())
    with pytest.raises(AcsnetError, match="case7: there is no contrast in it"):
        worker.measure(tmp_path, read, before_each=lambda: None)


def test_what_was_left_out_is_on_record_of_training_and_measuring(models, name, begin, decide):
    folder = begin()
    change_status(folder, left_out=["case5: gone"])
    (held,) = [case for case in read_request(folder).cases if case.held]
    held.image.unlink()
    left_out = ("case5: gone", f"{held.name}: its scan was replaced or changed after its label")
    assert decide(folder).left_out == read_status(folder).left_out == left_out
    assert models.record(name)["left_out"] == list(left_out)

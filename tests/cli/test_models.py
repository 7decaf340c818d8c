"""`acsnet models`: what is told, and that nothing is served that the gate refuses."""

import json
import shutil
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from acsnet import __version__
from acsnet.cli.main import app
from acsnet.fine_tuning import mlflow_mirror, model_registry
from acsnet.fine_tuning import worker as loop_run
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.promotion import Decision, Row
from acsnet.fine_tuning.training_request import Reviewed, write_request
from acsnet.nets.weights import SHIPPED
from acsnet.server.state.paths import audit_log_file, models_folder


@pytest.fixture
def studies(tmp_path, monkeypatch):
    """A studies folder; what is on record of its models goes into a temporary state folder.

    MLflow takes seconds and has a test of its own.
    """
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(mlflow_mirror, "mirror", lambda models: None)
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


@pytest.fixture
def models(studies, tmp_path):
    """The shipped version, live, and a candidate: the same with another note in its manifest."""
    models = Models(models_folder(str(studies)))
    chain = tmp_path / "chain"
    shutil.copytree(SHIPPED, chain)
    manifest = json.loads((chain / "manifest.json").read_text())
    manifest["roi"]["note"] = "another"
    (chain / "manifest.json").write_text(json.dumps(manifest))
    models.add(chain, {"trainer": "roi", "base": "shipped"})
    return models


def models_command(studies, *words):
    result = CliRunner().invoke(app, ["models", *words, "--studies", str(studies)])
    return result.exit_code, " ".join(result.output.split())


def decision(promote):
    row = Row(
        measure="wall_dice", patients=3, live=0.8, candidate=0.9, gain=0.1, p=None, verdict="better"
    )
    return Decision(promote=promote, reason="of this or that", rows=(row,))


def note(models, promote, **entries):
    """A decision on the candidate on record."""
    name = models.aliases().candidate
    entry = {"promote": promote, "reason": "of this or that", "against": "shipped", **entries}
    models.note(name, decision={**entry, "rows": [vars(row) for row in decision(promote).rows]})
    return name


@pytest.fixture
def gate(models, tmp_path, monkeypatch):
    """What the gate decides on the patient held out; `asked`: the versions measured."""
    cases, asked = [], []
    for name in "ab":
        files = {key: tmp_path / f"{key}-{name}" for key in ("image", "label")}
        for file in files.values():
            file.write_text(f"no scan: {file.name}")
        cases.append(Reviewed(name=name, patient=name, at=0.0, **files))
    options = {"trainer": "roi", "base": "shipped", "device": "cpu", "threads": 1, "quiet_s": 0.0}
    write_request(models.root, cases, **options)
    answer = SimpleNamespace(promote=True, asked=asked)

    def compared(models, one, other, read, *, before_each):
        asked.append((one, other))
        return decision(answer.promote)

    monkeypatch.setattr(loop_run, "compare", compared)
    return answer


def test_before_any_training_the_shipped_version_is_listed(studies):
    code, output = models_command(studies, "list")
    assert code == 0
    assert "shipped" in output
    assert "live" in output


def test_versions_are_listed_and_shown_with_the_table_of_the_gate(studies, models):
    name = note(models, promote=False)
    _, listed = models_command(studies, "list")
    assert name in listed
    assert "candidate" in listed
    assert "refused" in listed
    code, shown = models_command(studies, "show", "candidate")
    assert code == 0
    for word in (name, "trainer: roi", "0.900", "+0.100", "not pass the gate: of this or that"):
        assert word in shown


def test_what_the_gate_passes_is_promoted_and_rolled_back(studies, models, gate):
    name = models.aliases().candidate
    code, _ = models_command(studies, "promote", name[:6])
    assert (code, models.aliases().live) == (0, name)
    code, output = models_command(studies, "rollback")
    assert (code, models.aliases().live) == (0, "shipped")
    assert f"instead of {name}" in output
    events = [json.loads(line) for line in audit_log_file().read_text().splitlines()]
    told = [(event["event"], event["model"]) for event in events]
    assert told == [("promote", name), ("rollback", f"shipped {__version__}")]


def test_a_site_can_go_back_to_what_it_installed_whatever_the_gate_says(
    studies, models, gate, tmp_path
):
    first = models.aliases().candidate
    manifest = tmp_path / "chain" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"another"', '"a third"'))
    second = models.add(tmp_path / "chain", {})
    for name in (first, second):
        models.promote(name)
    gate.promote = False
    assert models_command(studies, "promote", "shipped")[0] == 1
    code, output = models_command(studies, "rollback", "shipped")
    assert (code, output) == (0, f"shipped is used from the next request on, instead of {second}")
    code, _ = models_command(studies, "rollback", first[:6])
    assert (code, models.aliases().live) == (0, first)
    event = json.loads(audit_log_file().read_text().splitlines()[-1])
    assert (event["event"], event["model"]) == ("rollback", first)


def test_what_is_in_use_already_is_not_measured_against_itself(studies, models, gate):
    name = models.aliases().candidate
    models_command(studies, "promote", name)
    record, changes = models.record(name), models.changes()
    code, output = models_command(studies, "promote", "live")
    assert (code, output) == (0, f"{name} is in use already")
    assert (models.record(name), models.changes()) == (record, changes)


def test_it_is_measured_also_where_a_decision_is_on_record(studies, models, gate):
    name = note(models, promote=True)
    gate.promote = False
    code, output = models_command(studies, "promote", name)
    assert (code, models.aliases().live) == (1, "shipped")
    assert "does not pass the gate" in output
    assert gate.asked == [("shipped", name)]
    assert models.record(name)["decision"]["promote"] is False
    code, output = models_command(studies, "compare", name, "live")
    assert (code, gate.asked[-1]) == (0, (name, "shipped"))
    assert "myocardium Dice" in output


def test_before_a_patient_is_held_out_nothing_is_promoted(studies, models):
    name = note(models, promote=True)
    code, output = models_command(studies, "promote", name)
    assert (code, models.aliases().live) == (2, "shipped")
    assert "no patient is held out yet" in output


@pytest.fixture
def upgrade(tmp_path, monkeypatch):
    """Makes the software one of the next release, which ships other networks."""

    def make():
        upgraded = tmp_path / "upgraded"
        shutil.copytree(SHIPPED, upgraded)
        manifest = json.loads((upgraded / "manifest.json").read_text())
        manifest["roi"]["note"] = "of the next release"
        (upgraded / "manifest.json").write_text(json.dumps(manifest))
        monkeypatch.setattr(model_registry, "SHIPPED", upgraded)

    return make


def test_shipped_networks_that_are_not_those_served_before_are_told(studies, models, gate, upgrade):
    """They have the same name; a rollback and its taking back make those of now known."""
    models_command(studies, "promote", "candidate")
    told = f"shipped are the networks of {__version__}, not those served before"
    assert told not in models_command(studies, "list")[1]
    upgrade()
    assert told in models_command(studies, "list")[1]
    assert told in models_command(studies, "rollback")[1]
    assert told not in models_command(studies, "rollback")[1]
    assert told not in models_command(studies, "list")[1]


def test_a_change_of_an_earlier_release_does_not_tell_which_shipped_networks_it_ended(
    studies, models, gate
):
    models_command(studies, "promote", "candidate")
    file = models.root / "changes.jsonl"
    line = json.loads(file.read_text())
    del line["shipped"]
    file.write_text(f"{json.dumps(line)}\n")
    told = "perhaps not those served before"
    assert told in models_command(studies, "list")[1]


def test_scans_whose_draft_was_accepted_unchanged_are_named(studies, models):
    note(models, promote=False, accepted=["case-7", "case-9"])
    _, shown = models_command(studies, "show", "candidate")
    assert "accepted unchanged, so not in the table: case-7, case-9" in shown


@pytest.mark.parametrize("words", [("show", "nothing"), ("promote", ".."), ("rollback",)])
def test_what_is_not_there_is_refused_in_one_sentence(studies, words):
    code, output = models_command(studies, *words)
    assert code == 2
    assert output.startswith("error: ")

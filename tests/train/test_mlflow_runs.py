"""MLflow as it is: a database in the run folder, and nothing anywhere else."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from acsnet.errors import AcsnetError, InputError
from acsnet.train.checkpoint import Epoch
from acsnet.train.mlflow_runs import flat, open_client, tracked

HISTORY = [Epoch(1, 0.5, 1e-3, 2.0), Epoch(2, 0.25, 5e-4, 2.5)]


def track(output, run_id=None):
    params = {"epochs": 2, "loss": {"beta": 0.6, "kind": "PrintedLoss"}}
    return tracked(output, "roi", run_id=run_id, params=params, tags={"seed": "3"})


def interrupted(output, error, *, run_id=None):
    """The id of a run that `error` ended after its first epoch."""
    known = []

    def work():
        with track(output, run_id) as run:
            known.append(run.id)
            run.log(HISTORY[:1])
            raise error

    with pytest.raises(type(error)):
        work()
    return known[0]


def client_of(output):
    return MlflowClient(f"sqlite:///{output.resolve() / 'mlflow.db'}")


def test_settings_become_flat():
    assert flat({"a": 1, "b": {"c": 2, "d": {"e": (3,)}}}) == {"a": 1, "b.c": 2, "b.d.e": (3,)}


@pytest.mark.slow
def test_a_run_holds_params_tags_metrics_and_a_model_version(tracked_folder, monkeypatch):
    elsewhere = tracked_folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = tracked_folder / "roi.safetensors"
    file.write_bytes(b"weights")
    with track(tracked_folder) as run:
        run.log(HISTORY)
        run.register(file, name="roi", sha256="abc")
        run.register(file, name="roi", sha256="abc")
    client = client_of(tracked_folder)
    kept = client.get_run(run.id)
    assert kept.info.status == "FINISHED"
    assert kept.data.params == {"epochs": "2", "loss.beta": "0.6", "loss.kind": "PrintedLoss"}
    assert kept.data.tags["seed"] == "3"
    assert kept.data.metrics == {"loss": 0.25, "learning_rate": 5e-4, "seconds": 2.5}
    (version,) = client.search_model_versions("name = 'acsnet-roi'")
    assert version.run_id == run.id
    assert version.tags == {"sha256": "abc"}
    (artifact,) = (tracked_folder / "mlflow-artifacts").rglob("roi.safetensors")
    assert artifact.read_bytes() == b"weights"
    assert version.source.endswith(str(artifact))
    assert not list(elsewhere.iterdir())
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow
def test_an_interrupted_run_goes_on_and_gets_the_epochs_that_it_lacks(tracked_folder):
    first = interrupted(tracked_folder, KeyboardInterrupt())
    client = client_of(tracked_folder)
    assert client.get_run(first).info.status == "KILLED"
    with track(tracked_folder, run_id=first) as again:
        assert client.get_run(first).info.status == "RUNNING"
        again.log(HISTORY)
    assert again.id == first
    losses = client.get_metric_history(first, "loss")
    assert sorted((m.step, m.value) for m in losses) == [(1, 0.5), (2, 0.25)]


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_so_called_once_another_begins(tracked_folder):
    client = client_of(tracked_folder)
    with track(tracked_folder) as left:
        pass
    client.update_run(left.id, status="RUNNING")
    with tracked(tracked_folder, "myo", run_id=None, params={}, tags={}):
        assert client.get_run(left.id).info.status == "RUNNING"  # another network's
    with track(tracked_folder) as new:
        assert new.id != left.id
        assert client.get_run(left.id).info.status == "KILLED"
        assert client.get_run(new.id).info.status == "RUNNING"


@pytest.mark.slow
def test_an_error_ends_the_run_as_failed_and_a_run_unknown_here_is_a_new_one(tracked_folder):
    new = interrupted(tracked_folder, AcsnetError("the loss is nan"), run_id="0" * 32)
    assert new != "0" * 32
    assert client_of(tracked_folder).get_run(new).info.status == "FAILED"


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database" * 50)
    refusal = r"mlflow\.db cannot be used: file is not a database\. .*delete it"
    with pytest.raises(InputError, match=refusal), track(tmp_path):
        pass


def test_a_database_that_is_half_made_is_refused(tmp_path):
    """As a process left it that was killed while MLflow brought its tables up to date."""
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.execute("CREATE TABLE metrics (step BIGINT)")
    with pytest.raises(InputError, match=r"duplicate column name: step\. .*delete it"):
        open_client(tmp_path)


def test_a_process_that_is_killed_while_the_database_is_made_leaves_none(tmp_path, monkeypatch):
    made = []

    def killed(self, uri, artifacts):
        made.append(Path(uri.removeprefix("sqlite:///")))
        made[0].write_bytes(b"half")
        assert not (tmp_path / "mlflow.db").exists()
        raise KeyboardInterrupt

    monkeypatch.setattr(SqlAlchemyStore, "__init__", killed)
    with pytest.raises(KeyboardInterrupt):
        open_client(tmp_path)
    assert made[0].parent.parent == tmp_path
    assert list(tmp_path.iterdir()) == []

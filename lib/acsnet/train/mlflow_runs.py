"""Runs and model versions in MLflow: a SQLite file in the run folder, artifacts beside it.

Nothing is sent anywhere: MLflow's telemetry is switched off before it is imported, which happens
late because it takes seconds.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import time
from typing import TYPE_CHECKING, Any

from acsnet.errors import AcsnetError, InputError
from acsnet.storage import put_first
from acsnet.train.checkpoint import Epoch

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "mlflow.db"
ARTIFACTS = "mlflow-artifacts"
EXPERIMENT = "acsnet"


class TrackedRun:
    """One run in MLflow: the training of one network, however often it was interrupted."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        """client: of the database that holds the run."""
        self.id = run_id
        self._client = client
        self._logged = max((m.step for m in client.get_metric_history(run_id, "loss")), default=0)

    def log(self, history: Sequence[Epoch]) -> None:
        """Metrics of the epochs that the database does not have yet."""
        from mlflow.entities import Metric

        for row in history[self._logged :]:
            at = round(1000 * time())
            values = {key: v for key, v in row._asdict().items() if key != "epoch"}
            metrics = [Metric(key, value, at, row.epoch) for key, value in values.items()]
            self._client.log_batch(self.id, metrics=metrics)
        self._logged = len(history)

    def register(self, file: Path, *, name: str, sha256: str) -> None:
        """Keep a weights file, and make it the next version of the model acsnet-`name`."""
        model = f"acsnet-{name}"
        if not self._client.search_registered_models(f"name = '{model}'"):
            self._client.create_registered_model(model)
        known = self._client.search_model_versions(f"name = '{model}' and run_id = '{self.id}'")
        if any(version.tags.get("sha256") == sha256 for version in known):
            return
        self._client.log_artifact(self.id, str(file))
        source = f"{self._client.get_run(self.id).info.artifact_uri}/{file.name}"
        self._client.create_model_version(model, source, self.id, tags={"sha256": sha256})


def open_client(output: Path) -> "MlflowClient":
    """The database of a run folder, made if there is none.

    Raises InputError where MLflow cannot use the file, as when it is damaged.
    """
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    path = output.resolve() / DATABASE
    output.mkdir(parents=True, exist_ok=True)
    try:
        if not path.exists():
            _make_database(path)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA schema_version")  # MLflow tries a damaged file for minutes
        return MlflowClient(f"sqlite:///{path}")
    except (sqlite3.DatabaseError, SQLAlchemyError, MlflowException) as error:
        reason = str(error).splitlines()[0]
        msg = f"{path} cannot be used: {reason}. If it is damaged, delete it: it is made again"
        raise InputError(msg) from error


def _make_database(path: Path) -> None:
    """Make the tables elsewhere, for MLflow never finishes those of a process that was killed."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with TemporaryDirectory(prefix=".acsnet-", dir=path.parent) as folder:
        made = Path(folder) / DATABASE
        SqlAlchemyStore(f"sqlite:///{made}", str(path.parent / ARTIFACTS)).engine.dispose()
        put_first(made, path)


@contextmanager
def tracked(
    output: Path,
    name: str,
    *,
    run_id: str | None,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
) -> Iterator[TrackedRun]:
    """The MLflow run `run_id` of `output`, or a new one; its status tells how it ended.

    params: nested settings. Raises AcsnetError when the database is none or refuses.
    """
    client = open_client(output)
    from mlflow.exceptions import MlflowException

    try:
        run_id = _run_id(client, output, name, run_id=run_id, params=params, tags=tags)
        status = "KILLED"
        try:
            yield TrackedRun(client, run_id)
            status = "FINISHED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            client.set_terminated(run_id, status)
    except MlflowException as error:
        msg = f"{output / DATABASE}: {error}"
        raise AcsnetError(msg) from error


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"loss": {"beta": 0.6}} -> {"loss.beta": 0.6}."""
    out: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out


def _run_id(
    client: "MlflowClient",
    output: Path,
    name: str,
    *,
    run_id: str | None,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    number = (
        experiment.experiment_id
        if experiment
        else client.create_experiment(EXPERIMENT, (output.resolve() / ARTIFACTS).as_uri())
    )
    if run_id is not None and run_id in {run.info.run_id for run in client.search_runs([number])}:
        client.update_run(run_id, status="RUNNING")
        return run_id
    for run in client.search_runs([number], "attributes.status = 'RUNNING'"):
        if run.info.run_name == name:  # its process was killed: one trains at a time
            client.set_terminated(run.info.run_id, "KILLED")
    new: str = client.create_run(number, run_name=name, tags=dict(tags)).info.run_id
    for key, value in flat(params).items():
        client.log_param(new, key, value)
    return new

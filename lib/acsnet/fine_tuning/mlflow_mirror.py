"""Mirror of the model versions in MLflow's registry; the models folder is authoritative.

MLflow registers a version in several steps; `mirror` also completes what a killed process left.
"""

from dataclasses import asdict

from acsnet.errors import AcsnetError
from acsnet.fine_tuning.model_registry import Models
from acsnet.train.mlflow_runs import DATABASE, open_client

MODEL = "acsnet"
TAG = "weights"  # tag of an MLflow version with our name of it
RECORD_TAGS = ("made", "base", "trainer", "run")  # keys of the record that become tags


def mirror(models: Models) -> None:
    """Register every version as one of the model `MODEL`, with the current aliases.

    Raises AcsnetError if the database is unusable or refuses.
    """
    client = open_client(models.root)
    from mlflow.exceptions import MlflowException

    try:
        if not client.search_registered_models(f"name = '{MODEL}'"):
            client.create_registered_model(MODEL)
        numbers = {
            version.tags.get(TAG): str(version.version)
            for version in client.search_model_versions(f"name = '{MODEL}'")
        }
        for name in models.names():
            if name not in numbers:
                record = models.record(name)
                tags = {TAG: name, **{k: str(record[k]) for k in RECORD_TAGS if k in record}}
                version = client.create_model_version(
                    MODEL, models.weights(name).as_uri(), tags=tags
                )
                numbers[name] = str(version.version)
        present = client.get_registered_model(MODEL).aliases
        for alias, name in asdict(models.aliases()).items():
            if name is None and alias in present:
                client.delete_registered_model_alias(MODEL, alias)
            elif name is not None and str(present.get(alias)) != numbers[name]:
                client.set_registered_model_alias(MODEL, alias, numbers[name])
    except MlflowException as error:
        msg = f"{models.root / DATABASE}: {error}"
        raise AcsnetError(msg) from error

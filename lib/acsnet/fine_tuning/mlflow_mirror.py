"""The model versions in MLflow: what is on record there follows what is served, never leads it.

MLflow keeps a version in several steps, so a process that is killed may leave it behind;
`mirror` brings it up again, whatever is missing.
"""

from dataclasses import asdict

from acsnet.errors import AcsnetError
from acsnet.fine_tuning.model_registry import Models
from acsnet.train.mlflow_runs import DATABASE, open_client

MODEL = "acsnet"
TAG = "weights"
"""The tag of a version that holds our name for it."""

TOLD = ("made", "base", "trainer", "run")
"""What of its record becomes tags, too."""


def mirror(models: Models) -> None:
    """Register every version as one of the model `MODEL`, with the aliases as they are.

    Raises AcsnetError when the database is none or refuses.
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
                told = {key: str(record[key]) for key in TOLD if key in record}
                version = client.create_model_version(
                    MODEL, models.weights(name).as_uri(), tags={TAG: name, **told}
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

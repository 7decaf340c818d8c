"""Records in a run folder: `recipe.json`, `data.json` and `run.json` of each network.

`recipe.json` holds the full configuration, `data.json` the digests of the data, `run.json` the
rest: seed, versions, when it was begun, gone on with and finished. A run is gone on with only where
configuration and data are the same; otherwise its weights would be of one and their record of
another.
"""

import json
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import acsnet
from acsnet.errors import InputError
from acsnet.storage import write_json
from acsnet.train.data.fingerprint import Digests, check_same_data, digest_of_data

CHECKPOINT = "checkpoint.pt"
RECIPE = "recipe.json"
DATA = "data.json"
RUN = "run.json"

PACKAGES = ("torch", "numpy", "scipy", "scikit-image")


def versions() -> dict[str, str]:
    """Versions of all that the weights depend on."""
    return {
        "acsnet": acsnet.__version__,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "platform": platform.platform(),
    }


def check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Raises InputError, naming the settings, where `folder` has a checkpoint of other ones.

    Without `start`, the weights file that training goes on from, it begins with random weights.
    """
    if not (folder / CHECKPOINT).exists():
        return
    # A run of an earlier version has neither in its record.
    before = {"average_decay": 0.995, "average_begins": "long", **read_json(folder / RECIPE)}
    now = {"start": None, **json.loads(json.dumps(settings))}
    if now["start"] is not None:  # only an average of random weights begins short
        now.pop("average_begins", None)
    changed = [key for key in now if before.get(key) != now[key]]
    if changed:
        msg = f"{folder} holds a run with other settings ({', '.join(changed)}): use another folder"
        raise InputError(msg)


def check_data(folder: Path, digests: Digests, *, of_labels: bool = False) -> None:
    """Raises InputError where `folder` has a checkpoint of a run that was begun with other data.

    of_labels: only cases with labels count, as for walls, which are of these alone.
    """
    if not (folder / CHECKPOINT).exists():
        return
    before = read_json(folder / DATA)
    if of_labels:
        before, digests = (
            {case: files for case, files in cases.items() if "label" in files}
            for cases in (before, digests)
        )
    check_same_data(before, digests, folder=folder)


def begin(
    folder: Path, *, seed: int, digests: Digests, device: str, processes: int
) -> dict[str, Any]:
    """Write down that a run starts in `folder`, or goes on there; returns `run.json`.

    To be called once `check_settings` and `check_data` have passed.
    """
    goes_on = (folder / CHECKPOINT).exists() and (folder / RUN).exists()
    run: dict[str, Any] = read_json(folder / RUN) if goes_on else {"seed": seed, "starts": []}
    run["data_fingerprint"] = digest_of_data(digests)
    run["starts"].append(
        {"at": now(), "device": device, "processes": processes, "versions": versions()}
    )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / DATA, digests)
    write_json(folder / RUN, run)
    return run


def update(folder: Path, **changed: str) -> None:
    """Write these entries into `run.json`."""
    write_json(folder / RUN, read_json(folder / RUN) | changed)


def now() -> str:
    """The present time, UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file. Raises InputError when it is missing or broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path} is missing or broken: use another run folder"
        raise InputError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path} is damaged: it must hold one JSON object"
        raise InputError(msg)
    return content

"""The MONAI Label settings that this server needs, whichever command starts it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS: dict[str, str] = {
    # Scoring would start a second copy of the app at start-up and at every next sample.
    "MONAI_LABEL_AUTO_UPDATE_SCORING": "false",
    "MONAI_LABEL_TRACKING_ENABLED": "false",
    "MONAI_LABEL_TASKS_TRAIN": "true",
    "MONAI_LABEL_TASKS_BATCH_INFER": "false",
    # The folder is read again when a client asks, which also works on network drives.
    "MONAI_LABEL_DATASTORE_AUTO_RELOAD": "false",
    # Its Keycloak login fails with current PyJWT; ours is in `acsnet.server.auth`.
    "MONAI_LABEL_AUTH_ENABLE": "false",
    "MONAI_LABEL_SESSIONS": "true",
}

NOT_FOR_SERVING = ("ignite", "matplotlib.pyplot", "mlflow", "pandas", "scipy.signal", "sklearn")
"""What MONAI imports where it is there and does without where it is not; a training, which is a
process of its own, imports what it needs."""


@contextmanager
def lean_import() -> Iterator[None]:
    """Import MONAI Label inside, without `NOT_FOR_SERVING`: a fifth of a start. It can be later."""
    absent = [name for name in NOT_FOR_SERVING if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None: "is not there"
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def set_environment() -> None:
    """Put the settings where MONAI Label and every process it starts will read them."""
    os.environ.update(SETTINGS)


def studies_address() -> str:
    """The studies folder, or the address of the PACS, as MONAI Label will read it."""
    return os.environ.get("MONAI_LABEL_STUDIES", "")


def set_folders(*, app_dir: Path, studies: str, port: int) -> None:
    """Tell MONAI Label which app it runs on which studies; call before importing it."""
    os.environ["MONAI_LABEL_APP_DIR"] = str(app_dir)
    os.environ["MONAI_LABEL_STUDIES"] = studies
    os.environ["MONAI_LABEL_SERVER_PORT"] = str(port)

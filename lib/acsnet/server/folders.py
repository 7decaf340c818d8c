"""The folders without which the server cannot work, and which of them are gone."""

import os

from acsnet.server.app import AcsnetApp
from acsnet.server.datastores.folder import StudiesDatastore


def missing_folders(app: AcsnetApp) -> list[str]:
    """What cannot be read or written, in words for anybody: no path."""
    reasons = []
    if isinstance(app.datastore(), StudiesDatastore) and not os.access(
        app.studies, os.R_OK | os.X_OK
    ):
        reasons.append("the studies folder cannot be read")
    if not all(
        os.access(folder, os.R_OK | os.W_OK | os.X_OK)
        for folder in (app.store_folder(), app.scratch)
    ):
        reasons.append("the state folder cannot be written")
    return reasons

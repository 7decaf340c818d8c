import os
from pathlib import Path

import pytest

from acsnet.pipeline import Pipeline

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def samples():
    """The folder of the two phantom patients."""
    return REPOSITORY / "sample-data"


@pytest.fixture(scope="session")
def data():
    """The folder of real scans; tests that want it are skipped where there is none."""
    folder = os.environ.get("ACSNET_DATA")
    if not folder:
        pytest.skip("ACSNET_DATA names no folder of real scans")
    return Path(folder)


@pytest.fixture(scope="session")
def pipeline():
    """The shipped networks."""
    return Pipeline.load()

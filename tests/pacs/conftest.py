import pytest

from acsnet.pacs.config import PacsSettings
from acsnet.pacs.worklist import WorkList


@pytest.fixture
def settings(pacs):
    return PacsSettings(url=pacs.address, cache_seconds=1000.0)


@pytest.fixture
def worklist(pacs, settings, tmp_path):
    one = WorkList(pacs, settings, cache=tmp_path / "images")
    yield one
    one.close()

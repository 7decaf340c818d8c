"""A PACS with a phantom as a datastore."""

import pytest
from saved_labels import label_file

from acsnet.io import read_scan
from acsnet.measure import measure_labels
from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores.pacs import DicomWebDatastore


@pytest.fixture
def datastore(pacs, tmp_path, monkeypatch):
    """The datastore over the PACS of a test."""
    monkeypatch.setattr("acsnet.pacs.archive.DicomWeb", lambda _: pacs)
    settings = PacsSettings(url=pacs.address, cache_seconds=1000.0)
    datastore = DicomWebDatastore(settings, store=tmp_path / "store")
    yield datastore
    datastore.close()


@pytest.fixture
def image(pacs, patient):
    """Id of a phantom in the PACS."""
    pacs.add(patient())
    return patient()[0].SeriesInstanceUID


@pytest.fixture
def draft(datastore, image, tmp_path):
    """A draft as the model leaves it, with its measures."""
    labels = label_file(datastore, image, tmp_path / "draft.nii.gz", 2)
    return measure_labels(read_scan(datastore.get_image_uri(image)), labels)

import copy
import os
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import settings
from pydicom.uid import SecondaryCaptureImageStorage

from acsnet.dicom import dicom_json
from acsnet.errors import PacsError

# A busy machine is no fault of an example, and a change that passes here passes elsewhere: each run
# has the same examples. Minutes of others: `--hypothesis-profile=long`, see docs/operations.md.
settings.register_profile("usual", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=5_000)
settings.load_profile("usual")

REPOSITORY = Path(__file__).resolve().parent.parent

LONGEST = (
    "clients/test_loop_end_to_end.py",
    "clients/browser/test_ohif_mode.py",
    "clients/browser/test_browser.py",
    "clients/test_orthanc.py",
    "clients/browser/test_turned_stacks.py",
    "clients/browser/test_desk.py",
    "clients/browser/test_ohif_clicks.py",
    "clients/browser/test_typed_text.py",
    "clients/browser/test_clicks.py",
    "clients/browser/test_unsaved_clicks.py",
    "clients/test_operations.py",
    "clients/test_attacks.py",
    "cohort/test_ray_workers.py",
    "fine_tuning/test_worker.py",
    "core/test_core.py",
)
"""Files of half a minute and more, the longest first, with and without other programs."""


def pytest_collection_modifyitems(items):
    """Long files first, then those with slow tests, then those with many.

    Tests run file by file in several processes, in this order: what is begun last is short, and
    no process is left alone with a long file at the end.
    """
    long = {REPOSITORY / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    count = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def turn(item):
        path = item.path
        return (long.get(path, len(long)), path not in slow, -count[path])

    items.sort(key=turn)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Networks of random weights are the same in each run, whichever process their test runs in."""
    if "torch" in sys.modules:  # most processes with real programs never need it
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session")
def samples():
    """The folder of the two phantom patients."""
    return REPOSITORY / "sample-data"


@pytest.fixture(scope="session")
def measured(samples):
    """The true labels of phantom-1, measured: 8 slices, scar in the territory of the LAD."""
    from acsnet.measure import measure_label_file

    return measure_label_file(
        samples / "nifti/phantom-1.nii.gz", samples / "truth/phantom-1.nii.gz"
    )


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
    import shared_networks

    return shared_networks.shipped()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow takes seconds to set a database up: once is enough."""
    from acsnet.train.mlflow_runs import DATABASE, open_client

    folder = tmp_path_factory.mktemp("mlflow")
    open_client(folder)
    return folder / DATABASE


@pytest.fixture
def patient(samples):
    """Makes a series of its own from a phantom: patient 1 or 2, with a suffix to all its UIDs."""

    def make(number=1, *, uid="1", **tags):
        series = []
        for file in sorted((samples / "dicom").glob(f"*{number}/*.dcm")):
            dataset = pydicom.dcmread(file)
            for tag in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                kept = "" if tag == "StudyInstanceUID" else f".{uid}"
                setattr(dataset, tag, f"1.2.{dataset.get(tag)[-30:].lstrip('.0')}{kept}")
            for tag, value in tags.items():
                setattr(dataset, tag, value)
            dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
            series.append(dataset)
        return sorted(series, key=lambda one: int(one.InstanceNumber))

    return make


@pytest.fixture
def broken_series(patient):
    """Series that cannot be measured, by what is wrong with them, and what the reason says."""
    doubled = patient(uid="11")
    for dataset in patient(uid="12"):
        dataset.SeriesInstanceUID = doubled[0].SeriesInstanceUID
        dataset.AcquisitionTime = "130000"
        doubled.append(dataset)
    gap = patient(uid="13")
    del gap[3:5]
    turned = patient(uid="14")
    turned[2].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    mixed = patient(uid="15")
    mixed[1].Rows, mixed[1].Columns = mixed[1].Columns, mixed[1].Rows
    other = patient(uid="16", Modality="OT", SOPClassUID=SecondaryCaptureImageStorage)
    for dataset in other:
        dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    first = copy.deepcopy(doubled[0])
    first.Rows, first.Columns, first.PixelData = 4, 4, bytes(32)
    normal = np.cross(*np.reshape(first.ImageOrientationPatient, (2, 3)).astype(float))
    origin = np.array(first.ImagePositionPatient, dtype=float)
    many = [copy.deepcopy(first) for _ in range(90)]
    for index, dataset in enumerate(many):
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "1.2.18", f"1.2.18.{index + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.ImagePositionPatient = [round(x, 6) for x in origin + 5.0 * index * normal]
        dataset.InstanceNumber = index + 1
    return {
        "double positions": (doubled, "2 images at each of 8 slice positions"),
        "missing slices": (gap, "slices are missing"),
        "mixed orientation": (turned, "mixed orientations"),
        "mixed sizes": (mixed, "mixed matrix sizes"),
        "wrong modality": (other, "Modality must be MR, got OT"),
        "1 slice": (patient(uid="17")[:1], "a single slice"),
        "450 mm of slices": (many, "at most 400 mm"),
    }


SEARCHED = ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesDescription", "PatientID")


class PretendPacs:
    """Answers as `DicomWeb` does, from datasets in memory, and counts what it is asked.

    broken: what fails, by kind, series or instance; untold: tags that no search tells; cut: what it
    says where it does not tell all.
    """

    address = "https://pacs.example.org/dicom-web"

    def __init__(self):
        self.datasets = {}
        self.asked = []
        self.broken, self.untold, self.cut = set(), set(), ""

    def add(self, *series):
        for dataset in (one for datasets in series for one in datasets):
            self.datasets[dataset.SOPInstanceUID] = dataset

    def of(self, series):
        return [one for one in self.datasets.values() if one.SeriesInstanceUID == series]

    def search_series(self, keys, *, on_cut=None):
        self._ask("search", keys.get("Modality"))
        if self.cut:
            on_cut(self.cut)
        uids = dict.fromkeys(one.SeriesInstanceUID for one in self.datasets.values())
        found = []
        for uid in uids:
            images = self.of(uid)
            answer = {tag: images[0][tag] for tag in SEARCHED if tag in images[0]}
            if all(str(answer[key].value) == value for key, value in keys.items()):
                header = dicom_json.header(
                    {
                        f"{element.tag:08X}": element.to_json_dict(None, 0)
                        for element in answer.values()
                    }
                )
                header.NumberOfSeriesRelatedInstances = len(images)
                for tag in self.untold & set(header.dir()):
                    delattr(header, tag)
                found.append(header)
        return found

    def headers(self, study, series):
        self._ask("headers", series)
        return [dicom_json.header(one.to_json_dict(10)) for one in self.of(series)]

    def instance(self, study, series, instance):
        self._ask("instance", instance)
        return self.datasets[instance]

    def has_instance(self, uid):
        return uid in self.datasets

    def store(self, dataset):
        self._ask("store", dataset.SOPInstanceUID)
        self.add([dataset])

    def count(self, kind):
        return sum(one == kind for one, _ in self.asked)

    def _ask(self, kind, what):
        self.asked.append((kind, what))
        if kind in self.broken or what in self.broken:
            msg = f"{self.address} cannot be reached"
            raise PacsError(msg)


@pytest.fixture
def pacs():
    return PretendPacs()


@pytest.fixture
def listening(tmp_path):
    """Starts a receiver on loopback that keeps what it gets in `in`; its peer, and its files."""
    from acsnet.pacs.storescp import Receiver
    from acsnet.pacs.storescu import Peer

    receivers = []

    def start(**options):
        told = []
        receiver = Receiver(
            tmp_path / "in",
            host="127.0.0.1",
            port=0,
            title="ACSNET",
            on_file=told.append,
            **options,
        )
        receivers.append(receiver)
        return Peer(title="ACSNET", host="127.0.0.1", port=receiver.port), told

    yield start
    for receiver in receivers:
        receiver.close()

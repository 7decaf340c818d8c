from threading import Barrier

import pytest

from acsnet.bench import worker

pytestmark = pytest.mark.slow


@pytest.fixture
def scan(samples):
    return samples / "nifti" / "phantom-1.nii.gz"


def test_the_stages_make_up_the_scan(scan):
    found = worker.time_scan(scan, warm_runs=2)
    assert found.shape == (8, 160, 176)
    assert list(found.stages) == [
        "read",
        "standardise",
        "roi",
        "myocardium",
        "anatomy",
        "quantify",
    ]
    assert found.fastest_seconds <= found.seconds_per_scan
    assert sum(found.stages.values()) == pytest.approx(found.seconds_per_scan, rel=0.5)
    assert found.peak_memory_mb > 100
    assert list(found.cold) == ["imports", "networks", "first scan"]


def test_a_worker_gives_its_threads_to_the_networks(scan, pipeline, monkeypatch):
    told = []

    def load(*, threads):
        told.append(threads)
        return pipeline

    monkeypatch.setattr("acsnet.pipeline.Pipeline.load", load)
    assert worker.time_scans(scan, threads=1, seconds=0.1, barrier=Barrier(1)) > 0
    assert told == [1]

"""A real Ray of two nodes on this machine; both have one core."""

import json
import os
import re
import socket
import time
from types import SimpleNamespace

import nibabel as nib
import pytest

from acsnet.cohort.case_worker import CohortOptions
from acsnet.cohort.outcome import Outcome
from acsnet.cohort.ray_workers import connected, gather, work_all
from acsnet.cohort.run import run_cohort
from acsnet.errors import InputError
from acsnet.export import row_of, write_result
from acsnet.io import read_scan

pytestmark = pytest.mark.slow

SECRET = {
    "RAY_AUTH_MODE": "token",
    "RAY_AUTH_TOKEN": "of-the-tests",
    "RAY_USAGE_STATS_ENABLED": "0",
}


@pytest.fixture(scope="module")
def address():
    """Of a cluster with two raylets."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRET.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        cluster = Cluster()
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield cluster.address
        cluster.shutdown()


@pytest.fixture(scope="module")
def scans(tmp_path_factory, write_scan, write_series):
    """Four scans, a file that is none, and one of a name that is there already."""
    folder = tmp_path_factory.mktemp("cohort") / "scans"
    for seed in (1, 2, 3):
        write_scan(folder, seed)
    write_series(folder / "patient" / "lge", seed=4)
    write_scan(folder, name="patient_lge")
    (folder / "bad.nii.gz").write_text("no scan")
    return folder


@pytest.fixture(scope="module")
def first(address, scans):
    """The cohort of the scans, once."""
    output = scans.parent / "out"
    outcomes = list(run_cohort(str(scans), output=output, options=CohortOptions(), address=address))
    return SimpleNamespace(output=output, outcomes=outcomes)


def test_two_nodes_give_what_segment_gives(first, scans, pipeline, tmp_path):
    done = {one.case: one for one in first.outcomes if one.reason is None}
    assert sorted(done) == ["patient_lge", "scan-1", "scan-2", "scan-3"]
    assert all(one.computed for one in done.values())
    for case in ("scan-1", "scan-3"):
        folder = write_result(pipeline(read_scan(scans / f"{case}.nii.gz")), tmp_path)
        assert volume(first.output / case) == volume(folder)
        assert row(first.output / case) == pytest.approx(row(folder))


def volume(folder):
    return nib.load(folder / "segmentation.nii.gz").get_fdata().tobytes()


def row(folder):
    return row_of(json.loads((folder / "features.json").read_text()))


def test_a_bad_file_and_a_name_that_is_taken_are_listed_and_the_rest_goes_on(first, scans):
    failed = {one.place: one.reason for one in first.outcomes if one.reason is not None}
    assert failed[f"{scans}/bad.nii.gz"].startswith("bad.nii.gz cannot be read as NIfTI")
    (series,) = set(failed) - {f"{scans}/bad.nii.gz"}
    assert series.startswith(f"{scans}/patient/lge series ")
    assert failed[series] == "a case named patient_lge is in the list already"
    lines = (first.output / "failures.csv").read_text().splitlines()
    assert lines[0] == "case,input,reason"
    assert len(lines) == 3


def test_the_tables_hold_a_row_a_case(first):
    rows = (first.output / "cohort.csv").read_text().splitlines()
    assert rows[0].startswith("case,")
    assert [row.split(",")[0] for row in rows[1:]] == [
        "patient_lge",
        "scan-1",
        "scan-2",
        "scan-3",
    ]


def test_a_second_run_computes_only_what_changed(first, address, scans, write_scan):
    before = stamps(first.output)
    write_scan(scans, seed=5, name="scan-2")
    outcomes = run_cohort(str(scans), output=first.output, options=CohortOptions(), address=address)
    computed = [one.case for one in outcomes if one.computed]
    assert computed == ["scan-2"]
    after = stamps(first.output)
    assert {case for case in before if before[case] != after[case]} == {"scan-2"}


def stamps(output):
    return {file.parent.name: file.stat().st_mtime_ns for file in output.glob("*/features.json")}


@pytest.fixture
def ray(address):
    with connected(address):
        import ray

        yield ray


def test_cores_are_shared_among_the_workers(ray):
    assert gather(device="cpu", workers=None).workers == 2
    assert gather(device="cpu", workers=2).threads == 1
    crowd = gather(device="cpu", workers=5)
    assert (crowd.workers, crowd.threads) == (5, 1)
    assert crowd.num_cpus == pytest.approx(1 / 3)  # three on one core, two on the other
    with pytest.raises(InputError, match="Ray finds no GPU"):
        gather(device="cuda", workers=None)


def test_workers_share_a_gpu_as_many_as_there_are_cores(monkeypatch):
    import ray

    node = {"CPU": 16.0, "GPU": 1.0, "memory": 128e9}
    monkeypatch.setattr(ray, "cluster_resources", lambda: node)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": node}])
    team = gather(device="cuda", workers=None)
    assert (team.workers, team.threads, team.num_cpus) == (16, 1, 0)
    assert team.num_gpus == pytest.approx(1 / 16)
    assert gather(device="cuda", workers=2).num_gpus == pytest.approx(1 / 2)


def source(number):
    return SimpleNamespace(case=f"c{number}", place=f"place {number}")


def test_a_thousand_scans_are_listed_as_they_are_worked_on(ray):
    class Quick:
        def work(self, one):
            return Outcome(case=one.case, place=one.place, computed=True)

    most = taken = done = 0

    def scans():
        nonlocal taken, most
        for number in range(1_000):
            taken += 1
            most = max(most, taken - done)
            yield source(number)

    workers = [ray.remote(Quick).remote() for _ in range(2)]
    seen = set()
    for outcome in work_all(scans(), workers):
        done += 1
        seen.add(outcome.case)
    assert len(seen) == 1_000
    assert most <= 2


def test_a_case_that_ends_its_process_is_a_failure_and_the_rest_goes_on(ray):
    class Fragile:
        def work(self, one):
            if one.case == "c1":
                os._exit(1)
            if one.case == "c2":
                msg = "what nobody thought of"
                raise ZeroDivisionError(msg)
            return Outcome(case=one.case, place=one.place)

    worker = ray.remote(Fragile).options(max_restarts=-1, max_task_retries=1).remote()
    outcomes = {one.case: one.reason for one in work_all(map(source, range(5)), [worker])}
    assert outcomes.pop("c1").startswith("its process ended: ")
    assert outcomes.pop("c2") == "ZeroDivisionError: what nobody thought of"
    assert outcomes == {"c0": None, "c3": None, "c4": None}


def test_a_cluster_that_nobody_listens_for_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    with (
        pytest.raises(InputError, match=f"cluster at {nobody} .* refused; RAY_AUTH_TOKEN must"),
        connected(nobody),
    ):
        pass
    assert time.monotonic() - begun < 5


def test_a_cluster_that_is_not_there_is_refused(monkeypatch):
    for name, value in SECRET.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(InputError, match=re.escape("the Ray cluster at nonsense cannot be used")),
        connected("nonsense"),
    ):
        pass

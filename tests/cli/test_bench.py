import json

import pytest
from typer.testing import CliRunner

from acsnet.bench import run
from acsnet.bench.convolutions import Level, NetworkSpeed
from acsnet.bench.worker import ScanTiming
from acsnet.cli.main import app

pytestmark = pytest.mark.slow

ONE = ScanTiming(
    shape=(10, 218, 301),
    threads=2,
    cold={"imports": 2.0, "networks": 0.25, "first scan": 1.5},
    seconds_per_scan=0.81,
    fastest_seconds=0.75,
    stages={"read": 0.01, "roi": 0.4},
    cpu_seconds=1.4,
    peak_memory_mb=700.0,
)
LEVEL = Level(side=192, seconds=0.02, multiply_adds=2_000_000_000, share_of_peak=0.1)
NETWORK = NetworkSpeed(
    name="roi",
    precision="8 bits",
    peak=1e12,
    side=192,
    plain_multiply_adds=10_000_000_000,
    multiply_adds=8_000_000_000,
    seconds=0.025,
    share_of_peak=0.32,
    levels=(LEVEL,),
)


@pytest.fixture
def measured(monkeypatch):
    """The processes are measured in `tests/bench`; here their answers are given."""
    monkeypatch.setattr(run, "measure_convolutions", lambda: (NETWORK,))
    monkeypatch.setattr(run, "time_scan", lambda path, **_: ONE)
    monkeypatch.setattr(run, "alone", lambda measure: measure())
    monkeypatch.setattr(
        run,
        "throughput",
        lambda path, *, workers, threads: run.Throughput(
            workers=workers, threads_each=threads, scans_per_minute=60.0 * workers
        ),
    )


def test_every_number_is_in_the_json(measured, samples, tmp_path):
    file = tmp_path / "bench.json"
    scan = samples / "nifti" / "phantom-1.nii.gz"
    result = CliRunner().invoke(app, ["bench", str(scan), "--json", str(file)])
    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text())
    assert found["seconds_per_scan"] == 0.81
    assert found["stages"] == {"read": 0.01, "roi": 0.4}
    assert found["peak_memory_mb"] == 700.0
    assert [(r["workers"], r["threads_each"]) for r in found["throughput"]] == [(1, 2), (2, 1)]
    assert found["networks"][0]["levels"][0]["share_of_peak"] == 0.1
    assert found["machine"]["cores"] > 0
    assert found["machine"]["instruction_set"]
    assert "warm 0.81 s per scan" in result.output
    assert "roi in 8 bits" in result.output
    assert "Not a medical device" in result.output


@pytest.mark.parametrize("percent", [3.0, 40.0])
def test_a_busy_machine_is_told(measured, monkeypatch, samples, percent):
    monkeypatch.setattr(run.psutil, "cpu_percent", lambda interval: percent)
    done = CliRunner().invoke(app, ["bench", str(samples / "nifti" / "phantom-1.nii.gz")])
    told = "kept 40 % of the processor busy" in done.output
    assert told == (percent > 10.0)


def test_a_slow_machine_is_not_asked_for_its_throughput(measured, monkeypatch, samples, tmp_path):
    monkeypatch.setattr(run, "LATEST", -1.0)
    file = tmp_path / "bench.json"
    scan = samples / "nifti" / "phantom-1.nii.gz"
    assert CliRunner().invoke(app, ["bench", str(scan), "--json", str(file)]).exit_code == 0
    assert json.loads(file.read_text())["throughput"] == []


def test_a_place_for_the_json_is_looked_at_first(measured, samples, tmp_path):
    for place in (tmp_path, tmp_path / "nowhere" / "b.json"):
        scan = samples / "nifti" / "phantom-1.nii.gz"
        done = CliRunner().invoke(app, ["bench", str(scan), "--json", str(place)])
        assert done.exit_code == 2
        assert "must be a file in a folder that exists" in done.output.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_scan_is_refused_in_one_sentence(tmp_path):
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(b"no scan")
    for path, reason in ((tmp_path / "none", "none does not exist"), (broken, "broken.nii.gz")):
        result = CliRunner().invoke(app, ["bench", str(path), "--json", str(tmp_path / "out")])
        assert result.exit_code == 2
        assert reason in result.output
        assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()

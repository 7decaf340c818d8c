"""The command in processes of its own, on this machine alone, stopped in all ways."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-c", "from acsnet.cli.main import main; main()", "cohort")
CASES = 8
SECONDS = 300


@pytest.fixture(scope="module")
def scans(tmp_path_factory, write_scan):
    folder = tmp_path_factory.mktemp("command") / "scans"
    for seed in range(CASES):
        write_scan(folder, seed)
    return folder


@pytest.fixture
def start(scans, tmp_path):
    """Starts the command on the scans in a process group of its own."""
    started = []

    def run(*options):
        process = subprocess.Popen(
            [*COMMAND, str(scans), "--output", str(tmp_path / "out"), "--workers", "1", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell starts what runs in the background deaf to Ctrl-C, the tests and all below.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, "HOME": str(tmp_path)},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def run_program(program, *options):
    """A program in a process of its own: what it does on a signal, it does to none but itself."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def folder_of(processes):
    """Where Ray keeps its files, as the processes of it were told."""
    told = " ".join(word for one in processes for word in one.cmdline())
    (folder,) = set(re.findall(r"/tmp/acsnet-[a-z0-9_]{8}", told))
    return Path(folder)


def records(output):
    return {file.parent.name: file.stat().st_mtime_ns for file in output.glob("*/cohort.json")}


def wait_for(count, output, process):
    end = time.monotonic() + SECONDS
    while len(records(output)) < count:
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.01)


def below(process):
    return psutil.Process(process.pid).children(recursive=True)


def workers(processes):
    return [one for one in processes if "ray::CaseWorker" in " ".join(one.cmdline())]


def gone(processes):
    return not psutil.wait_procs(processes, timeout=SECONDS)[1]


def test_killed_at_half_and_started_again_it_computes_only_the_rest(start, tmp_path):
    output = tmp_path / "out"
    process = start()
    wait_for(CASES // 2, output, process)
    processes = below(process)
    working = workers(processes)
    process.kill()
    assert gone(working)
    for one in processes:  # Ray's own helpers would go in a minute
        with suppress(psutil.NoSuchProcess):
            one.kill()
    assert not (output / "cohort.csv").exists()
    before = records(output)
    again = start()
    told, _ = again.communicate(timeout=SECONDS)
    assert again.returncode == 0
    rest = CASES - len(before)
    assert 0 < rest <= CASES // 2
    assert f"{CASES} scans: {rest} segmented, {len(before)} done before, 0 failed" in told
    after = records(output)
    assert {case: after[case] for case in before} == before
    assert len((output / "cohort.csv").read_text().splitlines()) == 1 + CASES


def test_it_is_closed_to_others_and_ctrl_c_stops_all_of_it(start, tmp_path):
    process = start()
    wait_for(1, tmp_path / "out", process)
    processes = below(process)
    working = workers(processes)
    for one in working:  # the scans must not be done before Ctrl-C
        one.suspend()
    listening = {
        connection.laddr.ip.removeprefix("::ffff:")
        for one in (psutil.Process(process.pid), *processes)
        for connection in one.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    folder = folder_of(processes)
    assert folder.stat().st_mode & 0o077 == 0
    assert not (tmp_path / ".ray").exists()
    for one in working:
        one.resume()
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    assert "run the same command again to continue" in told
    assert "Traceback" not in told
    assert gone(processes)
    assert not folder.exists()


def test_a_second_run_into_the_folder_is_refused_and_sigterm_stops_the_first(start, tmp_path):
    process = start()
    wait_for(1, tmp_path / "out", process)
    working = workers(below(process))
    for one in working:  # the scans must not be done before the end of the test
        one.suspend()
    second = start()
    told, _ = second.communicate(timeout=SECONDS)
    assert second.returncode == 2
    assert f"error: another run writes to {tmp_path / 'out'}: wait for its end" in told
    assert "Traceback" not in told
    processes = below(process)
    for one in working:
        one.resume()
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 143
    assert "run the same command again to continue" in told
    assert "SIGTERM" not in told
    assert gone(processes)


@pytest.mark.parametrize(
    "during", ["acsnet.io.dicom_files.dicom_file.silence_pydicom", "acsnet.cohort.run.run_cohort"]
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_whenever_it_is_stopped_it_says_how_to_go_on(tmp_path, during, number, code):
    program = f"""
        import signal
        from unittest.mock import patch
        from acsnet.cli.main import main
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
        with patch("{during}", lambda *_, **__: signal.raise_signal({int(number)})):
            main()
    """
    done = run_program(program, "cohort", tmp_path, "--output", tmp_path / "out")
    assert done.returncode == code
    assert "stopped after 0 scans: run the same command again to continue" in done.stderr


def test_sigterm_while_ray_starts_stops_it_in_order():
    program = """
        import signal, sys
        from unittest.mock import patch
        from acsnet.cohort.ray_workers import connected
        from acsnet.cli.common import stop_on_signals
        stop_on_signals()
        def start(**_):
            signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))  # as Ray does
            signal.raise_signal(signal.SIGTERM)
        try:
            with patch("ray.init", start), connected(None):
                pass
        except KeyboardInterrupt:
            print("stopped")
    """
    done = run_program(program)
    assert done.stdout.splitlines() == ["stopped"], done.stderr


def test_a_list_without_scans_is_refused_with_one_sentence(tmp_path):
    output = tmp_path / "out"
    result = CliRunner().invoke(app, ["cohort", str(tmp_path), "--output", str(output)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: {tmp_path} holds no scan" in result.stderr.replace("\n", "")
    assert not output.exists()


def test_columns_that_are_not_used_are_named_at_the_start(tmp_path):
    (tmp_path / "list.csv").write_text("image,age\n")
    result = CliRunner().invoke(app, ["cohort", str(tmp_path / "list.csv"), "--output", "out"])
    assert result.stderr.splitlines()[0] == "columns of list.csv that are not used: age"


def test_one_process_may_run_several_cohorts(scans, tmp_path):
    program = (
        "from pathlib import Path\n"
        "from acsnet.cohort.case_worker import CohortOptions\n"
        "from acsnet.cohort.run import run_cohort\n"
        "for _ in range(2):\n"
        f"    outcomes = run_cohort({str(scans / 'scan-[1]*')!r},\n"
        f"        output=Path({str(tmp_path)!r}), options=CohortOptions(), workers=1)\n"
        "    print([one.computed for one in outcomes])\n"
    )
    done = run_program(program)
    assert done.stdout.splitlines() == ["[True]", "[False]"], done.stderr

"""Commands in processes of their own: what is stopped cleans up, and says by what it was."""

import signal
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")


def run_program(program, *options):
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 143), (signal.SIGINT, 130)]
)
def test_a_restore_that_is_stopped_leaves_nothing(tmp_path, number, code):
    program = f"""
        import signal
        from unittest.mock import patch
        from acsnet.cli.main import main
        def told(*_):
            try:
                signal.raise_signal({int(number)})
            finally:
                signal.raise_signal({int(number)})  # once more, while it cleans up
        signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal
        with patch("acsnet.server.state.restore._unpack", told):
            main()
    """
    (tmp_path / "studies").mkdir()
    options = ("--studies", tmp_path / "studies", "--state", tmp_path / "state")
    done = run_program(program, "restore", tmp_path / "b.tar.gz", *options)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["studies"]


def test_a_process_that_was_forked_dies_of_the_signal_and_what_nohup_ignores_is_ignored():
    program = """
        import os, signal
        from acsnet.cli.common import stop_on_signals
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop_on_signals()
        signal.raise_signal(signal.SIGHUP)
        child = os.fork()
        if child == 0:
            signal.raise_signal(signal.SIGTERM)
        print(os.WTERMSIG(os.waitpid(child, 0)[1]))
    """
    done = run_program(program)
    assert done.stdout.split() == [str(int(signal.SIGTERM))], done.stderr


@pytest.mark.parametrize("error", ["typer.Abort", "OSError(5, 'Input/output error')"])
def test_what_a_signal_stops_at_a_prompt_or_without_its_terminal_has_its_code(error):
    program = f"""
        import signal
        from unittest.mock import patch
        import typer
        from acsnet.cli.main import main
        def told(*_, **__):
            try:
                signal.raise_signal(signal.SIGTERM)
            except KeyboardInterrupt:
                raise {error} from None
        with patch("acsnet.server.state.restore.restore_backup", told):
            main()
    """
    done = run_program(program, "restore", "b.tar.gz", "--studies", ".", "--state", "/nowhere/s")
    assert done.returncode == 143, done.stderr

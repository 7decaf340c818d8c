import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from acsnet.server.corrections.reader_states import ReaderState, ReaderStates, Start

READERS = ("Ada", "Bob", "Cleo", "Dan")
CASES = ("one", "two", "three", "four")


def state(number=1, *, points=None):
    labels = np.full((4, 3, 2), number % 6, np.uint8)
    start = Start(source="draft", version=f"v{number}", labels=labels, own="mine", model="m1")
    points = [("core_scar", (1, 2, 0)), ("background", (3, 0, 1))] if points is None else points
    return ReaderState(scan=f"scan {number}", start=start, points=points)


def same(one, other):
    return (
        one.scan == other.scan
        and one.points == other.points
        and (one.start.source, one.start.version, one.start.own, one.start.model)
        == (other.start.source, other.start.version, other.start.own, other.start.model)
        and np.array_equal(one.start.labels, other.start.labels)
    )


def test_a_state_is_read_as_it_was_written(tmp_path):
    ReaderStates(tmp_path / "clicks").write("Ada", "one", state())
    read, notes = ReaderStates(tmp_path / "clicks").read("Ada", "one")
    assert same(read, state())
    assert notes == ()


def test_a_state_of_an_earlier_release_says_no_model(tmp_path):
    states = ReaderStates(tmp_path)
    states.write("Ada", "one", state())
    (file,) = tmp_path.glob("*.json")
    content = json.loads(file.read_text())
    del content["model"]
    file.write_text(json.dumps(content))
    assert states.read("Ada", "one")[0].start.model is None


def test_another_reader_or_case_has_another_state(tmp_path):
    states = ReaderStates(tmp_path)
    states.write("Ada", "one", state())
    assert states.read("Bob", "one") == (None, ())
    assert states.read("Ada", "two") == (None, ())


def test_a_file_of_somebody_else_is_never_used(tmp_path):
    states = ReaderStates(tmp_path)
    states.write("Ada", "one", state())
    (file,) = tmp_path.glob("*.json")
    states.write("Bob", "one", state())
    (other,) = set(tmp_path.glob("*.json")) - {file}
    other.write_bytes(file.read_bytes())
    assert states.read("Bob", "one") == (None, ())


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b'"core_scar"', b'"liver"'),
        lambda content: content.replace(b'"shape"', b'"form"'),
        lambda content: json.dumps({**json.loads(content), "labels": "AAAA"}).encode(),
        lambda content: json.dumps({**json.loads(content), "shape": [1, 1, 1]}).encode(),
    ],
)
def test_a_damaged_state_is_set_aside_and_the_reader_told(tmp_path, damage):
    states = ReaderStates(tmp_path)
    states.write("Ada", "one", state())
    (file,) = tmp_path.glob("*.json")
    file.write_bytes(damage(file.read_bytes()))
    read, notes = states.read("Ada", "one")
    assert read is None
    assert "start again" in notes[0]
    assert list(tmp_path.glob("*.damaged-*"))
    assert states.read("Ada", "one") == (None, ())


def test_four_readers_at_once_on_four_cases_mix_nothing(tmp_path):
    states = ReaderStates(tmp_path)
    pairs = [(reader, case) for reader in READERS for case in CASES]

    def write(n):
        for number in range(10):
            states.write(*pairs[n], state(16 * number + n))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(16)))
    for n, pair in enumerate(pairs):
        assert same(states.read(*pair)[0], state(144 + n))


WRITER = """
import sys, threading
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from test_reader_states import CASES, READERS, state
from acsnet.server.corrections.reader_states import ReaderStates
states, lock = ReaderStates(Path(sys.argv[1])), threading.Lock()
def write(reader, case):
    for number in range(100_000):
        states.write(reader, case, state(number))
        with lock:
            print(reader, case, number, flush=True)
for pair in zip(READERS, CASES):
    threading.Thread(target=write, args=pair).start()
"""


def test_a_kill_loses_nothing_that_a_reader_was_answered(tmp_path):
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), here, *sys.path],
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        told = [writer.stdout.readline() for _ in range(60)]
        writer.send_signal(signal.SIGKILL)
        told += writer.stdout.readlines()
    answered = {}
    for line in told:
        parts = line.split()
        if len(parts) == 3 and line.endswith("\n"):
            answered[parts[0], parts[1]] = int(parts[2])
    assert len(answered) == 4
    for pair, number in answered.items():
        read, notes = ReaderStates(tmp_path).read(*pair)
        assert notes == ()
        assert any(same(read, state(later)) for later in (number, number + 1))

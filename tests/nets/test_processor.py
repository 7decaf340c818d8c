import os
import platform
import subprocess
import sys

import pytest

from acsnet.nets import processor
from acsnet.nets.processor import CAP, has_bfloat16, has_fast_8_bits

CODE = "from acsnet.nets.processor import *; print(has_bfloat16(), instruction_set())"


def told(cap=""):
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    environment |= {"ONEDNN_MAX_CPU_ISA": cap} if cap else {}
    run = [sys.executable, "-c", CODE]
    return subprocess.run(
        run, env=environment, check=True, capture_output=True, text=True
    ).stdout.split()


def test_every_processor_has_a_form():
    bfloat16, name = told()
    assert bfloat16 in ("True", "False")
    assert name


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="its instruction sets")
def test_what_is_hidden_from_it_is_not_used():
    assert told("SSE41") == ["False", "SSE4"]


def test_an_empty_setting_hides_nothing(monkeypatch):
    monkeypatch.delenv(CAP, raising=False)
    able = has_bfloat16.__wrapped__()
    monkeypatch.setenv(CAP, "")
    assert has_bfloat16.__wrapped__() == able


@pytest.mark.parametrize(
    ("instructions", "fast"),
    [("SSE4", False), ("AVX2", True), ("AVX512", True), ("AMX", False), ("arm64", False)],
)
def test_8_bits_are_for_processors_on_which_they_were_measured(monkeypatch, instructions, fast):
    monkeypatch.setattr(processor, "instruction_set", lambda: instructions)
    assert has_fast_8_bits() == fast

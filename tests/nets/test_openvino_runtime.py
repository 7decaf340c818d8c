"""OpenVINO in languages in which i and I are no pair."""

import locale
import os
import shutil
import subprocess
import sys

import pytest

from acsnet.nets import openvino_runtime

CODE = """
from acsnet.nets.processor import instruction_set
import locale
print(instruction_set(), locale.setlocale(locale.LC_CTYPE))
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("localedef") is None, reason="no localedef (Debian: libc-bin)")
@pytest.mark.parametrize(
    ("language", "charset", "afterwards"),
    [
        ("tr_TR", "UTF-8", "C.UTF-8"),
        ("tr_TR", "ISO-8859-9", "C.UTF-8"),
        ("az_AZ", "UTF-8", "C.UTF-8"),
        ("de_DE", "UTF-8", "de_DE.UTF-8"),
    ],
)
def test_networks_are_built_in_every_language(tmp_path, language, charset, afterwards):
    name = f"{language}.{charset}"
    making = ["localedef", "-i", language, "-f", charset, tmp_path / name]
    if subprocess.run(making, check=False, capture_output=True).returncode:
        pytest.skip(f"the sources of {name} are not there (Debian: locales)")
    environment = {**os.environ, "PYTHONPATH": ":".join(filter(None, sys.path))}
    environment |= {"LOCPATH": str(tmp_path), "LC_ALL": name}
    told = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.split()[1] == afterwards


@pytest.fixture
def chosen(monkeypatch):
    """What is chosen, on a system that has only the locale "C" and those it runs in."""
    names = []

    def choose(category, name):
        assert category == locale.LC_CTYPE
        names.append(name)
        if name != "C":
            raise locale.Error

    monkeypatch.setattr(locale, "setlocale", choose)
    return names


def test_where_i_and_capital_i_are_no_pair_the_case_rules_are_those_of_english(monkeypatch, chosen):
    monkeypatch.setattr(openvino_runtime, "pairs_i", lambda: False)
    openvino_runtime.pair_i()
    assert chosen == ["C.UTF-8", "C"]


def test_where_they_are_a_pair_the_rules_stay(chosen):
    openvino_runtime.pair_i()
    assert chosen == []

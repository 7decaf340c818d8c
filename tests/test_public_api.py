import subprocess
import sys

import pytest

import acsnet
from acsnet import io, labels, pipeline, result, scan


def test_the_public_names_are_these():
    assert acsnet.__all__ == ["Label", "Pipeline", "Result", "ShortAxisScan", "read_scan"]
    defined = labels.Label, pipeline.Pipeline, result.Result, scan.ShortAxisScan, io.read_scan
    assert all(getattr(acsnet, thing.__name__) is thing for thing in defined)


def test_another_name_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'acsnet' has no attribute 'segment'"):
        _ = acsnet.segment


def test_importing_the_package_loads_no_library():
    loaded = "print([name for name in ('numpy', 'torch', 'nibabel') if name in sys.modules])"
    command = [sys.executable, "-c", f"import sys, acsnet; {loaded}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_scan_is_segmented_without_the_libraries_that_take_long_to_import():
    names = ["matplotlib", "scipy.optimize", "scipy.stats", "torch"]
    loaded = f"print([name for name in {names} if name in sys.modules])"
    code = f"import sys, acsnet.cli.main, acsnet.export, acsnet.io, acsnet.pipeline; {loaded}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"

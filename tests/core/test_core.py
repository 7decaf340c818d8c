"""The core: what `pip install acsnet` brings without extras segments, measures and draws."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import packed_scans
import pydicom
import pytest

ROOT = Path(__file__).resolve().parents[2]
DICOM = ROOT / "sample-data" / "dicom" / "phantom-1"
SCAN = ROOT / "sample-data" / "nifti" / "phantom-1.nii.gz"
TRUTH = ROOT / "sample-data" / "truth" / "phantom-1.nii.gz"
EXTRAS = (
    "dicomweb_client",
    "fastapi",
    "filelock",
    "highdicom",
    "mlflow",
    "monai",
    "monailabel",
    "pyarrow",
    "pynetdicom",
    "ray",
    "requests",
    "SimpleITK",
    "sklearn",
    "sqlalchemy",
    "torch",
    "trimesh",
)
HIDDEN = f"""
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {EXTRAS}
        return None if hidden else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


def starts(python):
    """Whether that is an interpreter: managers of versions put names on the PATH that are none."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


# That of the tests, and those on the PATH that the pinned versions are for.
PYTHONS = {sys.executable: f"{sys.version_info.major}.{sys.version_info.minor}"} | {
    path: version
    for version in ("3.11", "3.12", "3.13", "3.14")
    if version != f"{sys.version_info.major}.{sys.version_info.minor}"
    and (path := shutil.which(f"python{version}"))
    and starts(path)
}

TIDIED = """
import sys
from pathlib import Path

from acsnet import Label, Pipeline, read_scan
from acsnet.io.label_map import read_labels_on

image, truth = map(Path, sys.argv[1:])
scan = read_scan(image)
labels = scan.grid.from_input(read_labels_on(truth, scan=scan, image=image)).copy()
labels[4, 3, 3] = Label.LV_MYOCARDIUM
slices = Pipeline.load().correct(scan, labels).features_dict()["anatomy"]["slices"]
print(sum(row["dice_before_after"] < 1.0 for row in slices))
"""
"""Prints how many slices stage 3 changes where one has a loose pixel of wall."""

pytestmark = pytest.mark.slow


def without_extras(*arguments):
    code = f"{HIDDEN}from acsnet.cli.main import main\nmain()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_a_scan_is_segmented_and_reported(tmp_path):
    code, text = without_extras("segment", SCAN, "--output", tmp_path, "--report", "pdf,csv")
    assert code == 0, text
    features = json.loads((tmp_path / "phantom-1" / "features.json").read_text())
    assert features["scar_burden_percent"] == pytest.approx(14.9, abs=0.2)
    assert (tmp_path / "phantom-1" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_label_map_is_measured(tmp_path):
    code, text = without_extras("quantify", SCAN, TRUTH, "--output", tmp_path)
    assert code == 0, text
    features = json.loads((tmp_path / "phantom-1" / "features.json").read_text())
    assert features["scar_burden_percent"] == pytest.approx(18.7, abs=0.1)


def test_the_demo_makes_a_page(tmp_path):
    code, text = without_extras("demo", "--output", tmp_path, "--no-browser")
    assert code == 0, text
    page = (tmp_path / "phantom-1" / "index.html").read_text(encoding="utf-8")
    features = json.loads((tmp_path / "phantom-1" / "features.json").read_text())
    assert "Scar burden" in page
    assert f"{features['scar_burden_percent']:.1f}" in page
    assert "Research use only" in page
    assert (tmp_path / "phantom-1" / "report.pdf").is_file()


def test_stage_3_is_drawn(tmp_path):
    code, text = without_extras("figure", SCAN, "--output", tmp_path)
    assert code == 0, text
    assert (tmp_path / "phantom-1" / "anatomy.png").is_file()


def test_versions_are_told_without_pytorch():
    code, text = without_extras("info")
    assert code == 0, text
    assert "no PyTorch" in text


REFUSED = {
    "uncertainty": ("segment", SCAN, "--output", "OUT", "--uncertainty"),
    "mesh": ("segment", SCAN, "--output", "OUT", "--report", "mesh"),
    "train": ("train", "roi", "--data", ROOT, "--output", "OUT"),
    "serve": ("serve", "--studies", ROOT / "sample-data" / "dicom"),
    "push": ("push", ROOT / "sample-data" / "dicom", "--to", "http://127.0.0.1:9"),
    "cohort": ("cohort", ROOT / "sample-data" / "nifti", "--output", "OUT"),
}
ONE_BY_ONE = f"""{HIDDEN}
import io, json
from contextlib import redirect_stderr, redirect_stdout

from acsnet.cli.main import main

def outcome(arguments):
    sys.argv[1:], text, code = arguments, io.StringIO(), None
    with redirect_stdout(text), redirect_stderr(text):
        try:
            main()
        except SystemExit as done:
            code = done.code
    return code, text.getvalue()

commands = json.loads(sys.argv[1])
print(json.dumps({{name: outcome(command) for name, command in commands.items()}}))
"""
"""Runs commands, one after the other, and prints exit code and words of each."""


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """What those commands say, all in one process, and the folder that they were to write."""
    folder = tmp_path_factory.mktemp("refused") / "out"
    commands = {
        name: [str(folder if word == "OUT" else word) for word in command]
        for name, command in REFUSED.items()
    }
    command = [sys.executable, "-c", ONE_BY_ONE, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("uncertainty", "train"),
        ("mesh", "report"),
        ("train", "train"),
        ("serve", "server"),
        ("push", "dicom"),
        ("cohort", "cohort"),
    ],
)
def test_what_needs_an_extra_names_it_before_any_work(refused, command, extra):
    said, folder = refused
    code, text = said[command]
    assert code == 2
    assert "run pip install " in text
    assert f"'.[{extra}]'" in text
    assert "Traceback" not in text
    assert not folder.exists()


@pytest.mark.parametrize("python", PYTHONS, ids=PYTHONS.get)
def test_the_wheel_alone_segments_on_the_newest_numpy_and_pydicom(python, tmp_path):
    """In an environment of its own, with the versions of `constraints.txt` beside this file."""
    place = tmp_path / "core"
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PIP_CONSTRAINT")}

    def run(*command):
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    made = run(python, "-m", "venv", "--without-pip", place)  # it would be installed for seconds
    assert made.returncode == 0, made.stdout + made.stderr
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place]
    constraints = ["--constraint", Path(__file__).with_name("constraints.txt")]
    # As README says: to compile all that is installed takes longer than the rest.
    installed = run(*pip, "install", "--no-compile", "--quiet", *constraints, ROOT)
    if installed.returncode and "No matching distribution" in installed.stderr:
        pytest.skip("packages cannot be had here")
    assert installed.returncode == 0, installed.stderr
    listed = json.loads(run(*pip, "list", "--format", "json").stdout)
    versions = {row["name"].lower(): row["version"] for row in listed}
    assert not {"torch", "monai", "monailabel", "ray"} & set(versions)
    assert int(versions["numpy"].split(".")[0]) >= 2
    assert int(versions["pydicom"].split(".")[0]) >= 3
    done = run(place / "bin" / "acsnet", "demo", "--no-browser", "--output", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    images = [pydicom.dcmread(file) for file in sorted(DICOM.rglob("*.dcm"))]
    # pydicom 3 would clear what lies in the upper bits.
    upper = packed_scans.high_bits(images, tmp_path / "phantom-1")
    done = run(place / "bin" / "acsnet", "segment", upper, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    features = json.loads((tmp_path / "out" / "phantom-1" / "features.json").read_text())
    assert features["scar_burden_percent"] == pytest.approx(14.8, abs=0.2)
    done = run(place / "bin" / "python", "-c", TIDIED, SCAN, TRUTH)
    assert done.stdout.strip() == "1", done.stderr

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import acsnet
from acsnet.labels import LABEL_VALUES, LABELS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
MAX_WEIGHTS_BYTES = 40 * 1000 * 1000


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def project_files():
    """Every text file that is, or would be, in the repository."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    texts = {}
    for name in filter(None, listing.stdout.decode().split("\0")):
        data = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in data:
            texts[name] = data.decode("utf-8", errors="replace")
    return texts


def test_version_is_written_once(project):
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "lib/acsnet/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+", acsnet.__version__)


def test_changelog_tells_of_this_version():
    assert f"## [{acsnet.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_citation_names_the_version_and_date_of_the_changelog():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    date = re.search(r"^date-released: (.+)$", citation, re.MULTILINE)[1]
    assert f"version: {acsnet.__version__}\n" in citation
    assert f"## [{acsnet.__version__}] - {date}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_every_direct_dependency_is_pinned_to_a_version_it_allows(project, pins):
    pinned = {}
    for pin in pins:
        pinned.setdefault(canonicalize_name(pin.name), []).append(pin)
    extras = project["project"]["optional-dependencies"].values()
    wanted = [*project["project"]["dependencies"], *(line for extra in extras for line in extra)]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        if name == "acsnet":  # an extra that brings another one
            continue
        assert name in pinned, f"{name} is not in constraints.txt"
        for pin in pinned[name]:
            (version,) = (specifier.version for specifier in pin.specifier)
            assert requirement.specifier.contains(version), f"{pin} does not fit {requirement}"


def test_dependencies_are_exactly_the_packages_that_the_code_imports(project):
    modules = set()
    for path in (ROOT / "lib").glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    distributions = packages_distributions()
    # Some packages share a module name: mlflow, mlflow-skinny and mlflow-tracing are one to import.
    providers = [
        {canonicalize_name(name) for name in distributions[module]}
        for module in modules - {"acsnet"} - sys.stdlib_module_names
    ]
    extras = project["project"]["optional-dependencies"]
    served = (extras[name] for name in ("cohort", "dicom", "report", "server", "train"))
    lines = (*project["project"]["dependencies"], *(line for extra in served for line in extra))
    declared = {canonicalize_name(Requirement(line).name) for line in lines} - {"acsnet"}
    assert all(len(names & declared) == 1 for names in providers)
    assert declared <= set().union(*providers)


@pytest.mark.parametrize("python", ["3.10", "3.11", "3.12"])
def test_each_python_gets_one_exact_public_version_of_a_package(pins, python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    seen = set()
    for pin in pins:
        if pin.marker and not pin.marker.evaluate(environment):
            continue
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        assert "+" not in specifier.version
        assert pin.url is None
        assert canonicalize_name(pin.name) not in seen, f"{pin.name} is pinned twice"
        seen.add(canonicalize_name(pin.name))


def test_no_file_names_a_folder_of_the_machine_it_was_written_on(project_files):
    machine = re.compile(r"(?<![\w.~-])/(?:work|root)/")
    named = {name for name, text in project_files.items() if machine.search(text)}
    assert not named


def test_no_image_of_the_training_data_is_in_the_repository(project_files):
    real = re.compile(r"(?:Case_)?[NP]\d{3}|patient\d{3}|SC-\w+-\d+", re.IGNORECASE)
    images = (".nii", ".nii.gz", ".dcm", ".h5")
    assert not [n for n in project_files if n.endswith(images) and real.search(Path(n).name)]


def test_weights_together_stay_under_40_mb():
    weights = ROOT / "lib" / "acsnet" / "weights"
    sizes = [path.stat().st_size for path in weights.glob("**/*") if path.is_file()]
    assert sum(sizes) < MAX_WEIGHTS_BYTES


def test_label_values_and_names_never_change():
    assert LABEL_VALUES == {
        "lv_blood_pool": 1,
        "lv_myocardium": 2,
        "grey_zone": 3,
        "core_scar": 4,
        "microvascular_obstruction": 5,
    }
    assert [int(info.label) for info in LABELS] == [1, 2, 3, 4, 5]


def test_architecture_page_shows_the_layers_of_the_import_contracts(project):
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    blocks = [block for block in page.split("```")[1::2] if block.startswith("\n")]
    shown = [block.strip().splitlines() for block in blocks]
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    assert shown == [[layer.replace(" | ", "   ") for layer in rooms] for rooms in layers]


def test_architecture_page_shows_every_label_value():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name, value in LABEL_VALUES.items():
        assert f"| {value} | `{name}` |" in page

"""The house stays one that a stranger finds the way in: see docs/architecture.md."""

import ast
import re
from pathlib import Path

import pytest

from .conftest import LONGEST

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lib" / "acsnet"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 350
MAX_MODULES = 16


def test_no_module_is_too_long_to_read():
    lines = {module: len(module.read_text().splitlines()) for module in MODULES}
    assert [module for module, count in lines.items() if count > MAX_LINES] == []


@pytest.mark.parametrize(
    "folder", sorted({module.parent for module in MODULES}), ids=lambda folder: folder.name
)
def test_no_folder_holds_too_many_modules(folder):
    assert len([file for file in folder.glob("*.py") if file.stem != "__init__"]) <= MAX_MODULES


def test_no_module_of_the_tests_hides_one_of_the_benchmarks(request):
    folders = request.config.getini("pythonpath")
    assert len(folders) == 2
    modules, others = ({file.stem for file in (ROOT / name).glob("*.py")} for name in folders)
    assert modules & others == set()


def test_files_are_put_in_place_by_the_storage_module_only():
    replacing = re.compile(r"\bos\.(replace|rename)\(|\bmkstemp\b|NamedTemporaryFile")
    assert [
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if replacing.search(text := module.read_text(encoding="utf-8"))
        or any(map(moves_a_path, ast.walk(ast.parse(text))))
    ] == ["storage.py"]


def moves_a_path(node):
    """Whether this calls `rename` or `replace` of a path: of a string it has two arguments."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return False
    return node.func.attr in ("rename", "replace") and (len(node.args), node.keywords) == (1, [])


def test_files_that_are_to_begin_are_there():
    here = Path(__file__).parent
    assert [name for name in LONGEST if not (here / name).is_file()] == []


def test_no_name_says_less_than_what_it_holds():
    vague = {"one", "found", "told", "seen"}
    used = []
    for module in MODULES:
        nodes = list(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))
        classes = (node for node in nodes if isinstance(node, ast.ClassDef))
        fields = {  # what is on disks and in requests keeps its name
            line.target for of in classes for line in of.body if isinstance(line, ast.AnnAssign)
        }
        for node in nodes:
            name = getattr(node, "id", None) or getattr(node, "arg", None)
            if isinstance(node, ast.Name | ast.arg) and name in vague and node not in fields:
                used.append(f"{module.relative_to(PACKAGE)}:{node.lineno} {name}")
    assert used == []


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_what_is_imported_from_the_package_is_public(folder):
    private = []
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("acsnet"):
                names = (alias.name for alias in node.names)
                private += [f"{file.name}: {name}" for name in names if re.match("_[a-z]", name)]
    assert private == []

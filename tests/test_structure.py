"""The house stays one that a stranger finds the way in: see docs/architecture.md."""

import re
from pathlib import Path

import pytest

from .conftest import LONGEST

PACKAGE = Path(__file__).parents[1] / "lib" / "acsnet"
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


def test_files_are_put_in_place_by_the_storage_module_only():
    replacing = re.compile(r"\bos\.(replace|rename)\(|\bmkstemp\b|NamedTemporaryFile")
    assert [
        module.relative_to(PACKAGE).as_posix()
        for module in MODULES
        if replacing.search(module.read_text())
    ] == ["storage.py"]


def test_files_that_are_to_begin_are_there():
    here = Path(__file__).parent
    assert [name for name in LONGEST if not (here / name).is_file()] == []

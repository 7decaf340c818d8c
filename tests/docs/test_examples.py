"""The notebooks run from their first cell to their last."""

import json
import re
from pathlib import Path

import matplotlib
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def test_there_is_a_notebook():
    assert NOTEBOOKS


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(notebook, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(notebook.parent)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    names = {"__name__": "__main__"}
    with matplotlib.rc_context({"backend": "Agg"}):
        for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), notebook.name, "exec"), names)
    printed = capsys.readouterr().out
    assert re.search(r"^scar burden 1\d\.\d % of the wall$", printed, re.MULTILINE)
    assert "phantom-2" in printed
    (folder,) = tmp_path.iterdir()
    assert (folder / "phantom-1" / "report.pdf").is_file()
    assert len((folder / "cohort.csv").read_text().splitlines()) == 3

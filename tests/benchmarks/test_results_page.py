import importlib.util
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from acsnet import NOTICE
from acsnet.evaluate.cases import CaseScores, RegionScores
from acsnet.evaluate.summary import summarise
from results_page import page as results_page
from results_page.figures import CONCORDANCE, DICE, VOLUMES
from results_page.page import Made, spacing_sentence, write_results
from results_page.page_tables import burden_sentences, case_table, slice_table, volume_table
from results_page.published import PAPER_TABLE_1, PAPER_TABLE_2
from shared.label_folder import link_labels

pytestmark = pytest.mark.slow

RESULTS_COMMAND = Path(__file__).resolve().parents[2] / "benchmarks" / "results.py"
MADE = Made(
    data_set="emidec",
    date="2030-01-02",
    command="python benchmarks/results.py --data DATA --output docs/results",
    software={"acsnet": "0.1.0", "torch": "2.4"},
    cpu_count=2,
    seconds=61.4,
    weights={"roi": "f00d" * 16, "myo": "cafe" * 16},
)


def region(expert_ml, predicted_ml, dice):
    return RegionScores(
        expert_drew=np.array([expert_ml > 0] * 3),
        predicted_drew=np.array([True] * 3),
        dice=np.array([dice] * 3),
        balanced_accuracy=np.full(3, 0.9),
        hausdorff_mm=np.full(3, 5.0),
        expert_ml=expert_ml,
        predicted_ml=predicted_ml,
        volume_dice=dice,
    )


def case(name, enhancement, *, dice=0.8, spacing_mm=(8.0, 1.5, 1.5)):
    regions = {"lv": region(200.0, 210.0, 0.95), "myocardium": region(100.0, 110.0, dice)}
    if enhancement:
        regions["enhancement"] = region(*enhancement, 0.5)
    return CaseScores(
        name=name, spacing_mm=spacing_mm, thirds=("apex", "middle", "base"), regions=regions
    )


CASES = [case("a<b", (10.0, 11.0)), case("b", (0.0, 5.5)), case("c", (20.0, 0.0), dice=0.6)]
EVALUATION = summarise(CASES, "emidec", ["d is left out"])


class Page(HTMLParser):
    """The tables as lists of rows, every tag seen, and whether each that was opened was closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.tables, self.sources = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


def rows(html):
    (table,) = Page(html).tables
    return table


def test_the_papers_tables_are_read_as_printed():
    assert len(PAPER_TABLE_1) == len(PAPER_TABLE_2) == 4 * 3 * 4
    assert PAPER_TABLE_1["lv", "Dice", "total"] == "0.93 ± 0.01"
    assert PAPER_TABLE_1["enhancement", "HD mm", "base"] == "19.8 ± 8.7"
    assert PAPER_TABLE_1["core_scar", "BA %", "apex"] == "74.9 ± 2.8"
    assert PAPER_TABLE_2["myocardium", "Predicted ml", "total"] == "183 (109-351)"
    assert PAPER_TABLE_2["enhancement", "MAE %", "middle"] == "31.1 (3.8-100.0)"


def test_table_1_has_ours_beside_the_papers():
    table = rows(slice_table(EVALUATION, beside_paper=True))
    assert table[0] == ["Region", "Measure", "apex", "middle", "base", "total"]
    wall = table[2 + 4 : 2 + 8]
    assert wall[0][:4] == ["Myocardium", "BA %", "90.0 ± 0.0", "93.3 ± 1.1"]
    # 0.8, 0.8 and 0.6 in every third: sd 0.1155, 1.96 sd / sqrt(3) = 0.131, over nine 0.065.
    assert wall[1][1:3] == ["0.733 ± 0.131", "0.75 ± 0.04"]
    assert wall[1][-2:] == ["0.733 ± 0.065", "0.79 ± 0.02"]
    # Two patients with enhancement: 6 slices drawn, none missed, 3 false ones in the third.
    assert table[-1][-2:] == ["6 (0, 3)", ""]


def test_table_2_has_means_ranges_and_welch():
    table = rows(volume_table(EVALUATION, beside_paper=True))
    assert table[0][2:] == ["lower", "middle", "upper", "total"]
    expert, predicted, error, welch, cases = table[-5:]
    assert expert[0] == "Enhancement"
    assert expert[-2:] == ["10.0 (0.0-20.0)", "27 (3-47)"]
    assert predicted[-2:] == ["5.5 (0.0-11.0)", "22 (0-43)"]
    assert error[-2:] == ["55.0 (10.0-100.0)", "34.2 (3.8-100.0)"]
    assert cases[-2:] == ["3 (2)", ""]
    assert welch[1] == "-"  # one patient in the lower tertile
    assert table[2 + 3][-1] == ".71"


def test_cine_stands_alone():
    evaluation = summarise([case("a", None)], "acdc")
    table = rows(slice_table(evaluation, beside_paper=False))
    assert [len(row) for row in table[:2]] == [6, 6]
    assert "paper" not in slice_table(evaluation, beside_paper=False)
    text = results_page.page(evaluation, replace(MADE, data_set="acdc"), figures={}, examples={})
    assert "do not tell it: enhancement, core scar." in text
    assert "Scar burden" not in text
    assert "Popescu" not in text


def test_case_table_leaves_dice_empty_where_the_expert_drew_nothing():
    table = rows(case_table(CASES))
    assert table[3][0] == "b"
    assert table[3][-5:] == ["0.0", "5.5", "-", "0.0", "5.0"]
    assert table[2][:4] == ["a<b", "200.0", "210.0", "0.950"]


def test_burden_sentences_name_missed_scar_and_scar_in_the_healthy():
    text = " ".join(burden_sentences(EVALUATION))
    assert "Expert 10.0 %, predicted 5.0 %" in text
    assert "bias -5.0 points with 95 % limits" in text
    assert "Scar missed altogether: c." in text
    assert "In the 1 in whom the expert drew no enhancement, predicted burden 5.0 %" in text
    fine = " ".join(burden_sentences(summarise(CASES[:1], "emidec")))
    assert "in nobody" in fine
    assert "limits" not in fine
    assert burden_sentences(summarise([case("a", None)], "acdc")) == ()


def test_one_spacing_is_called_nominal_and_many_are_given_as_ranges():
    assert spacing_sentence(CASES).startswith("8 x 1.5 x 1.5 mm (slice, row, column). One spacing")
    many = [*CASES, case("d", None, spacing_mm=(10.0, 1.25, 1.25))]
    assert spacing_sentence(many) == "8-10 x 1.25-1.5 x 1.25-1.5 mm (slice, row, column)"


def test_the_page_is_whole_static_and_holds_its_figures(tmp_path):
    page = write_results(EVALUATION, MADE, tmp_path / "new" / "results")
    text = page.read_text()
    parsed = Page(text)
    assert not parsed.open
    assert parsed.tags.isdisjoint({"script", "link", "iframe", "a"})
    assert len(parsed.sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in parsed.sources)
    assert not re.search(r"https?://|url\(", text)
    assert "prefers-color-scheme: dark" in text
    for part in (NOTICE, "2030-01-02", "2 CPUs", "torch 2.4", "f00d" * 16, "3 patients"):
        assert part in text
    assert MADE.command in text
    assert "a&lt;b" in text
    assert "d is left out" in text
    assert "core scar" in text


def test_results_json_holds_the_numbers_and_how_they_were_made(tmp_path):
    write_results(EVALUATION, MADE, tmp_path)
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["notice"] == NOTICE
    assert content["made"]["weights"] == MADE.weights
    assert len(content["volumes_by_tertile"]) == 3 * 4
    assert content["scar_burden"]["limits_points"] == list(EVALUATION.burden.limits_points)


def test_without_examples_no_image_is_written_and_the_page_says_how(tmp_path):
    text = write_results(EVALUATION, MADE, tmp_path).read_text()
    assert {path.name for path in tmp_path.iterdir()} >= {DICE, VOLUMES, CONCORDANCE, "index.html"}
    assert not list(tmp_path.glob("examples*"))
    assert "add --examples" in text


def test_examples_are_shown_where_they_are_asked_for(tmp_path):
    from matplotlib.figure import Figure

    name = "examples_myocardium.png"
    page = write_results(EVALUATION, MADE, tmp_path, examples={name: Figure(figsize=(1, 1))})
    assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert "add --examples" not in page.read_text()
    assert "These images show patients" in page.read_text()


def test_a_second_run_writes_the_same_bytes_and_leaves_nothing_behind(tmp_path):
    first = write_results(EVALUATION, MADE, tmp_path / "one").parent
    second = write_results(EVALUATION, MADE, tmp_path / "two").parent
    names = sorted(path.name for path in first.iterdir())
    assert names == sorted(path.name for path in second.iterdir())
    assert not [name for name in names if name.endswith(".tmp")]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_failed_write_leaves_the_old_page(tmp_path, monkeypatch):
    page = write_results(EVALUATION, MADE, tmp_path)
    before = page.read_bytes()
    monkeypatch.setattr(
        "acsnet.storage.os.replace", lambda *_: (_ for _ in ()).throw(OSError("full"))
    )
    with pytest.raises(OSError, match="full"):
        write_results(EVALUATION, MADE, tmp_path)
    assert page.read_bytes() == before
    assert not list(tmp_path.glob(".*tmp"))


@pytest.fixture
def command():
    spec = importlib.util.spec_from_file_location("results_command", RESULTS_COMMAND)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_images_of_patients_never_enter_the_repository(command, monkeypatch, capsys, tmp_path):
    output = command.REPOSITORY / "docs" / "results"
    arguments = ["results.py", "--data", str(tmp_path), "--output", str(output), "--examples"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit):
        command.main()
    assert "outside the repository" in capsys.readouterr().err


def test_labels_of_the_list_alone_are_linked_under_the_names_of_their_cases(tmp_path):
    for name in ("patient001_frame01_gt.nii.gz", "patient002_frame01_gt.nii.gz"):
        (tmp_path / name).write_text(name)
    wanted = {"patient002_frame01": tmp_path / "patient002_frame01_gt.nii.gz"}
    folder = link_labels(wanted, tmp_path / "experts")
    assert [(file.name, file.read_text()) for file in folder.iterdir()] == [
        ("patient002_frame01.nii.gz", "patient002_frame01_gt.nii.gz")
    ]


def test_one_command_makes_the_folder(command, monkeypatch, tmp_path, data):
    few = tmp_path / "data"
    few.mkdir()
    (few / "emidec").symlink_to(data / "emidec")
    names = json.loads((data / "splits.json").read_text())["emidec"]["test"][-2:]
    (few / "splits.json").write_text(json.dumps({"emidec": {"test": names}}))
    output = tmp_path / "results"
    monkeypatch.setattr(
        "sys.argv", ["results.py", "--data", str(few), "--output", str(output), "--examples"]
    )
    command.main()
    text = (output / "index.html").read_text()
    assert "--data DATA --set emidec" in text
    assert str(few) not in text
    assert (output / "examples_enhancement.png").is_file()
    numbers = json.loads((output / "results.json").read_text())
    assert {entry["name"] for entry in numbers["cases"]} == set(names)
    assert not [warning for warning in numbers["warnings"] if "no prediction" in warning]

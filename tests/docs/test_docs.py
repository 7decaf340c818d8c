"""What the documentation says is so: examples run, commands, options, links and modules exist."""

import ast
import importlib.util
import os
import re
import shlex
from pathlib import Path

import pytest
import typer.main
import yaml

from acsnet.cli.main import app
from acsnet.server.web.metrics import REGISTRY
from acsnet.stages.label_checks import MESSAGES
from acsnet.uncertainty import mc_samples

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = re.compile(r"\.(?!github$)|(build|node_modules|shared|static)$")
"""Folders of what is installed, built or fetched."""

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(acsnet\s[^`]+)`")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
PLACE = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
MODULE = re.compile(r"`(acsnet(?:\.\w+)+)")


def pages():
    """Every page of the repository, wherever it lies."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not NOT_OURS.match(name)]
        yield from (Path(folder, name) for name in files if name.endswith(".md"))


PAGES = sorted(pages())
DOCS = ROOT / "docs"
SITE_PAGES = [page for page in PAGES if page.is_relative_to(DOCS)]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page, *languages):
    text = page.read_text(encoding="utf-8")
    return [code for language, code in BLOCK.findall(text) if language in languages]


EXAMPLES = [
    pytest.param(code, id=f"{name_of(page)}-{number}")
    for page in PAGES
    for number, code in enumerate(blocks(page, "python"))
]


def commands(page):
    """Each `acsnet` command of the page's blocks, without its comment, and of its text, as words.

    Brackets around what may be left out are no part of a word.
    """
    for code in blocks(page, "", "sh"):
        for line in code.replace("\\\n", " ").splitlines():
            if line.startswith("acsnet "):
                yield shlex.split(line.partition(" #")[0])[1:]
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for code in INLINE.findall(text):
        yield code.replace("\\|", "|").translate(str.maketrans("", "", "[]")).split()[1:]


def commands_named(words):
    """The commands that the first words name, with alternatives as in `add|list`, and the rest.

    A word in capitals stands for any command.
    """
    named, rest = [typer.main.get_command(app)], list(words)
    while rest and hasattr(named[0], "commands") and not rest[0].startswith("-"):
        names = rest.pop(0).split("|")
        if names[0].isupper():
            return [], []
        unknown = [name for name in names if name not in named[0].commands]
        assert not unknown, f"acsnet {' '.join(words)}"
        named = [named[0].commands[name] for name in names]
    return named, rest


def test_commands_of_tables_and_alternatives_are_seen():
    assert len(list(commands(ROOT / "docs" / "commands.md"))) > 20
    named, rest = commands_named(["accounts", "add|list", "--studies", "DIR"])
    assert [command.name for command in named] == ["add", "list"]
    assert rest == ["--studies", "DIR"]
    with pytest.raises(AssertionError, match="acsnet models burn"):
        commands_named(["models", "burn"])


def test_there_are_examples_to_run():
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_runs(code, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(compile(ast.parse(code), "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_has_the_options_that_the_page_gives_it(page):
    for words in commands(page):
        named, rest = commands_named(words)
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        for command in named:
            known = {option for parameter in command.params for option in parameter.opts}
            assert given <= known | {"--help"}, f"acsnet {' '.join(words)}"


def every_command(command, name="acsnet"):
    """Each command that does something, with its name."""
    if hasattr(command, "commands"):
        for word, inner in command.commands.items():
            yield from every_command(inner, f"{name} {word}")
    else:
        yield name, command


def test_every_option_is_named_in_some_page():
    text = "".join(page.read_text(encoding="utf-8") for page in SITE_PAGES)
    named = set(re.findall(r"--[a-z][a-z0-9-]*", text)) | {"--help"}
    assert [
        f"{name} {parameter.opts[0]}"
        for name, command in every_command(typer.main.get_command(app))
        for parameter in command.params
        if parameter.param_type_name == "option"
        and named.isdisjoint([*parameter.opts, *parameter.secondary_opts])
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", SITE_PAGES, ids=name_of)
def test_a_link_of_the_site_stays_in_the_site(page):
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [n for n in links if not (page.parent / n).resolve().is_relative_to(DOCS)] == []


def test_the_site_leaves_nothing_out_that_a_page_could_link_to():
    assert "exclude_docs" not in SITE


def anchors(page):
    """The anchors of a page's headings, as the site names them."""
    texts = HEADING.findall(BLOCK.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", text).strip().lower()) for text in texts}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_to_a_place_in_a_page_leads_to_a_heading(page):
    for link, place in PLACE.findall(page.read_text(encoding="utf-8")):
        target = page.parent / link if link else page
        assert place in anchors(target), f"{link}#{place}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_that_is_named_exists(page):
    named = set(MODULE.findall(page.read_text(encoding="utf-8")))
    assert [module for module in sorted(named) if not exists(module)] == []


def exists(name):
    """Whether a dotted name is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        try:
            if importlib.util.find_spec(module) is None:
                continue
        except ModuleNotFoundError:
            continue
        found = importlib.import_module(module)
        for part in parts[end:]:
            found = getattr(found, part, None)
        return found is not None
    return False


def test_the_map_of_the_house_names_every_room():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = {
        str(file.parent.relative_to(ROOT / "lib" / "acsnet"))
        for file in (ROOT / "lib" / "acsnet").glob("*/**/__init__.py")
    }
    packages = {name for name in packages if "templates" not in name}
    assert [name for name in sorted(packages) if f"`{name}/`" not in page] == []
    modules = {file.name for file in (ROOT / "lib" / "acsnet").glob("[a-z]*.py")}
    assert [name for name in sorted(modules) if f"`{name}`" not in page] == []


def test_each_state_file_that_may_be_damaged_names_a_test_that_damages_it():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## Damaged files")[2].partition("## Many scans")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    tests = "".join(file.read_text(encoding="utf-8") for file in ROOT.glob("tests/**/test_*.py"))
    assert len(rows) >= 18
    for row in rows:
        assert f"def {row.split('|')[4].strip(' `')}(" in tests, row


def test_the_table_of_metrics_has_every_metric_with_its_labels():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## Metrics")[2].partition("\n\nWe suggest")[0]
    rows = (line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `"))
    shown = {
        name.removesuffix("_total"): labels.replace(",", " ").split()
        for names, labels in rows
        for name in re.findall(r"`(acsnet_\w+)`", names)
    }
    # The library has no public way to ask a metric for its labels.
    metrics = [metric for metric in REGISTRY._collector_to_names if hasattr(metric, "_labelnames")]
    assert shown == {metric._name: list(metric._labelnames) for metric in metrics}


def test_every_benchmark_that_a_page_cites_says_whether_new_networks_need_it_again():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    section = text.partition("## With new networks\n")[2].partition("\n## ")[0]
    needed, _, independent = section.partition("All others need no second run")
    again = set(re.findall(r"python benchmarks/(\w+)\.py", needed))
    others = set(re.findall(r"`(\w+)\.py`", independent))
    cited = {
        name
        for page in [*SITE_PAGES, ROOT / "lib" / "acsnet" / "weights" / "README.md"]
        for name in re.findall(r"benchmarks/(\w+)\.py", page.read_text(encoding="utf-8"))
    }
    assert len(cited) > 40
    assert cited - again - others == set()
    assert again & others == set()
    assert again | others == {file.stem for file in (ROOT / "benchmarks").glob("*.py")}


def test_every_quality_flag_is_in_the_tables():
    modules = [*(ROOT / "lib" / "acsnet" / "stages").glob("*.py"), Path(mc_samples.__file__)]
    flags = {
        flag
        for module in modules
        for flag in re.findall(r'\bFlag\(\s*flag="(\w+)"', module.read_text(encoding="utf-8"))
    }
    assert len(flags) > 10
    text = (DOCS / "uncertainty.md").read_text(encoding="utf-8").partition("## Quality flags\n")[2]
    shown = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(shown) == sorted(flags | set(MESSAGES))


@pytest.mark.parametrize("page", SITE_PAGES, ids=name_of)
def test_no_block_needs_a_script_to_be_drawn(page):
    assert blocks(page, "mermaid") == []


def test_steps_restore_into_an_empty_folder_put_the_accounts_there_and_start_the_server():
    """Accounts are no part of a backup, and a folder that holds them is not empty."""
    steps = [
        [line for line in code.splitlines() if not line.startswith("#")]
        for page in SITE_PAGES
        for code in blocks(page, "", "sh")
        if "/accounts.json " in code
    ]
    assert len(steps) == 2
    for lines in steps:
        order = [
            next(number for number, line in enumerate(lines) if re.search(step, line))
            for step in (r"\brestore \S+\.tar\.gz", r"^install .*/accounts\.json ")
        ]
        assert order == sorted(order)
        assert re.search(r"systemctl start acsnet|acsnet serve", lines[-1])


def test_the_site_shows_every_page():
    def pages(part):
        if isinstance(part, str):
            yield part
        else:
            for inner in part.values() if isinstance(part, dict) else part:
                yield from pages(inner)

    assert set(pages(SITE["nav"])) == {str(page.relative_to(DOCS)) for page in SITE_PAGES}

"""The simulation, on phantoms and in seconds, and its report, worked out by hand."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

import simulate
from acsnet.active_learning.acquisition import COMBINED
from acsnet.errors import InputError
from acsnet.io import write_label_map
from acsnet.labels import Label
from acsnet.phantom import PhantomSpec, make_phantom
from loop_simulation.report import curves, labels_needed, statement, table
from loop_simulation.simulation import Plan, Round, run_simulation, split
from shared.phantom_files import write_nifti

pytestmark = pytest.mark.slow

TINY = Plan(seeds=1, start=2, step=1, rounds=1, epochs=1, filters=2, images_an_epoch=16)
NAMES = [f"Case_{kind}{k:03d}" for k, kind in enumerate("NNNPPP")]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Six small phantoms, named and labelled as EMIDEC does; the test list has no file."""
    folder = tmp_path_factory.mktemp("phantoms") / "data"
    emidec = folder / "emidec"
    for seed, name in enumerate(NAMES):
        spec = PhantomSpec(
            name=name,
            seed=seed,
            slices=3,
            matrix=(64, 64),
            spacing_mm=(10.0, 2.0, 2.0),
            first_slice_mm=20.0,
            endocardial_radius_mm=20.0 + seed,
            scar_slices=(0, 2),
            scar_depth=0.0 if "N" in name else 0.8,
        )
        phantom = make_phantom(spec)
        write_nifti(phantom, emidec / "images")
        (emidec / "labels").mkdir(exist_ok=True)
        theirs = np.zeros_like(phantom.labels)
        for value, label in enumerate(
            (Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.GREY_ZONE), start=1
        ):
            theirs[phantom.labels == label] = value
        theirs[phantom.labels >= Label.CORE_SCAR] = 3
        grid = phantom.scan.grid
        write_label_map(emidec / "labels" / f"{name}.nii.gz", grid.to_input(theirs), grid)
    lists = {"emidec": {"train": NAMES, "test": ["Case_P999"]}}
    (folder / "splits.json").write_text(json.dumps(lists))
    return folder


@pytest.fixture
def quiet():
    return Console(quiet=True)


@pytest.fixture(scope="module")
def finished(phantoms, tmp_path_factory):
    """A run folder and its rounds."""
    folder = tmp_path_factory.mktemp("run")
    return folder, run_simulation(phantoms, folder, plan=TINY, console=Console(quiet=True))


def test_both_ways_share_the_start_and_measure_the_same_patients(finished):
    folder, rounds = finished
    assert [(one.arm, len(one.labelled)) for one in rounds] == [
        ("start", 2),
        (COMBINED, 3),
        ("random", 3),
    ]
    held_out, order = split(NAMES, 0)
    assert rounds[0].labelled == tuple(order[:2])
    assert rounds[2].labelled == tuple(order[:3])
    for one in rounds:
        assert one.labelled[:2] == rounds[0].labelled
        assert sorted(one.dice) == sorted(held_out)
        assert not set(one.labelled) & set(held_out)
        assert all(0.0 <= dice <= 1.0 for dice in one.dice.values())
    picked = json.loads((folder / "seed-0" / "start-002" / "picked.json").read_text())
    assert list(picked) == list(rounds[1].labelled[2:])


def test_a_run_goes_on_where_it_was_cut_off(finished, phantoms, quiet):
    folder, rounds = finished
    cut_off = folder / "seed-0" / "random-003" / "dice.json"
    cut_off.unlink()
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("dice.json")}
    assert run_simulation(phantoms, folder, plan=TINY, console=quiet) == rounds
    assert cut_off.exists()
    assert all(file.stat().st_mtime_ns == at for file, at in before.items())


def test_another_plan_needs_another_folder(finished, phantoms, quiet):
    with pytest.raises(InputError, match=r"other epochs: use another folder"):
        run_simulation(phantoms, finished[0], plan=replace(TINY, epochs=2), console=quiet)


def test_the_command_writes_numbers_table_and_plot(finished, phantoms, monkeypatch):
    folder, _ = finished
    monkeypatch.setattr(simulate, "Plan", partial(Plan, images_an_epoch=16))
    options = ["--seeds", "1", "--start", "2", "--step", "1", "--rounds", "1"]
    options += ["--epochs", "1", "--filters", "2"]
    done = CliRunner().invoke(
        simulate.app, ["--data", str(phantoms), "--output", str(folder), *options]
    )
    assert done.exit_code == 0, done.output
    assert "With random scans, 3 labels reach a wall Dice of" in done.output
    written = json.loads((folder / "simulation.json").read_text())
    assert written["labels"] == [2, 3]
    assert written["statement"] in done.output.replace("\n", " ")
    assert "Research use only" in (folder / "simulation.md").read_text()
    assert (folder / "simulation.png").read_bytes().startswith(b"\x89PNG")
    assert not list(folder.glob("*.tmp"))


def test_a_plan_that_needs_more_patients_than_there_are_is_refused(phantoms, tmp_path, quiet):
    plan = Plan(start=4, step=1, rounds=1)
    with pytest.raises(InputError, match="labels 5 scans, but beside those held out are only 4"):
        run_simulation(phantoms, tmp_path / "run", plan=plan, console=quiet)
    assert not (tmp_path / "run").exists()


def test_three_seeds_hold_every_patient_out_once():
    parts = [split(NAMES, seed)[0] for seed in range(3)]
    assert sorted(name for part in parts for name in part) == NAMES
    assert all(len({name[5] for name in part}) == 2 for part in parts)
    with pytest.raises(InputError, match="2 patients are too few"):
        split(NAMES[:2], 0)


def test_trainings_are_counted():
    assert Plan(seeds=3, rounds=6).trainings == 3 * 13
    assert Plan(start=4, step=4, rounds=6).labels == 28


def rounds_of(ours, lot):
    """Rounds of two seeds at 4, 8 and 12 labels; the second seed is 0.1 below the first."""
    made = []
    for seed in (0, 1):
        for arm, dice in ((COMBINED, ours), ("random", lot)):
            for count, value in zip((4, 8, 12), dice, strict=True):
                if arm == "random" and count == 4:
                    continue
                name = "start" if count == 4 else arm
                cases = tuple(f"c{k}" for k in range(count))
                level = value - 0.1 * seed
                made.append(
                    Round(
                        seed=seed,
                        arm=name,
                        labelled=cases,
                        dice={"x": level - 0.05, "y": level + 0.05},
                    )
                )
    return made


def test_curves_hold_the_mean_over_patients_and_share_the_start():
    found = curves(rounds_of((0.5, 0.7, 0.8), (0.5, 0.6, 0.75)))
    assert found.labels == (4, 8, 12)
    np.testing.assert_allclose(found.dice[COMBINED], [[0.5, 0.7, 0.8], [0.4, 0.6, 0.7]])
    np.testing.assert_allclose(found.dice["random"], [[0.5, 0.6, 0.75], [0.4, 0.5, 0.65]])
    np.testing.assert_allclose(found.gain, [0.075, 0.075])


def test_labels_needed_are_read_off_between_counts():
    dice = np.array([0.5, 0.7, 0.8])
    assert labels_needed((4, 8, 12), dice, 0.75) == pytest.approx(10.0)
    assert labels_needed((4, 8, 12), dice, 0.4) == 4.0
    assert labels_needed((4, 8, 12), dice, 0.81) is None


def test_the_statement_says_what_is_saved():
    found = curves(rounds_of((0.5, 0.7, 0.8), (0.5, 0.6, 0.75)))
    assert statement(found) == (
        "With random scans, 12 labels reach a wall Dice of 0.700; "
        "with chosen scans, 10.0 labels do. "
        "Gain in Dice averaged over all rounds, seed by seed: +0.075, +0.075."
    )


def test_the_statement_says_plainly_when_nothing_is_saved():
    found = curves(rounds_of((0.5, 0.6, 0.7), (0.5, 0.6, 0.75)))
    assert "with chosen scans, they do not: 12 give 0.650" in statement(found)


def test_the_page_opens_as_every_page_of_the_site():
    page = table(curves(rounds_of((0.5, 0.7, 0.8), (0.5, 0.6, 0.75))))
    assert page.startswith("# Simulation of labelling\n\nResearch use only")
    assert "| labels | chosen by acsnet | chosen at random | difference |" in page


def test_the_table_has_mean_and_range():
    lines = table(curves(rounds_of((0.5, 0.7, 0.8), (0.5, 0.6, 0.75)))).splitlines()
    assert "| 8 | 0.650 (0.600 to 0.700) | 0.550 (0.500 to 0.600) | +0.100 |" in lines

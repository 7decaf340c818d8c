"""Fit the intervals to patients that the networks were not trained on, and check them.

    python benchmarks/uncertainty.py --data DATA --work WORK --run RUN --fit
    python benchmarks/uncertainty.py --data DATA --work WORK --run RUN --check docs/results

RUN is an ablation with the arm `base` of every fold (`benchmarks/ablation.py --arms base --folds
5`): each patient of the EMIDEC train list is drawn by the network of the fold that never saw them.

--fit writes `calibration.json` of the package: the 90 % intervals of a scan and the limit of
`high_uncertainty` from these patients, the 95 % intervals of a change from repeats of five of the
six patients that the shipped networks were never trained on, and of phantoms.

--check writes OUTPUT/uncertainty.md: how often the intervals hold the expert's value, for infarcts
and normals apart, in the patients of the folds (each by a rule that was fitted without it), in the
six by the shipped networks, and on the test list; how wide they are beside those of the
size alone; what `high_uncertainty` catches; how often `acsnet compare` shows a change in
repeats of other hearts, and growth in scar grown by a third, of phantoms and of patients. What was
segmented is kept in WORK by the digest of the networks: the same command goes on. Research use
only, not a medical device.
"""

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from rich.console import Console

from acsnet.errors import AcsnetError
from acsnet.evaluate.robustness.run import CHANGES
from acsnet.storage import write_json
from acsnet.train.data.lists import training_names
from acsnet.uncertainty.calibration import FILE, read_calibration
from calibration import change_tables, interval_tables
from calibration.kept_rows import Row, networks_name
from calibration.patients import patient_rows
from calibration.repeats import (
    EFFECTIVE,
    GROWN,
    UNCHANGED,
    repeat_rows,
    scarred_phantoms,
)
from shared.left_out import LEFT_OUT
from training.fold_networks import fold_weights

LEVEL, CHANGE_LEVEL = 0.9, 0.95
FIT_HEARTS = ("Case_N023", "Case_P015", "Case_P051", "Case_P071", "Case_P093")
FIT_PHANTOMS, FIT_SEED = 14, 5000
FIT_CHANGES = (
    "noise 5 %",
    "spacing 1.8 mm",
    "gamma 0.5",
    "gamma 2",
    "bias field, waves 40 %",
    "wall at 50 % of blood",
    "dark wall",
    "field of view halved",
    "scar at 60 % of contrast",
    "scar at 200 % of contrast",
)
"""What two visits may differ in; noise of 10 % and the like are among the changes of the check."""
CHECK_HEART = "Case_P004"
"""Of the test list: all changes."""
CHECK_PHANTOMS, CHECK_SEED = 8, 15000
GROWN_PHANTOMS, GROWN_SEED = 36, 14000


def main() -> None:
    """Fit, check or both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keep what was segmented there")
    parser.add_argument("--fit", action="store_true", help="write calibration.json")
    parser.add_argument("--check", type=Path, metavar="OUTPUT", help="write uncertainty.md there")
    parser.add_argument("--run", type=Path, required=True, help="of benchmarks/ablation.py")
    args = parser.parse_args()
    try:
        if args.fit:
            fit(args.data, args.work, args.run)
        if args.check:
            check(args.data, args.work, args.run, args.check)
    except AcsnetError as error:
        sys.exit(str(error))


def fit(data: Path, work: Path, run: Path) -> None:
    """Write the calibration of the package; run: of folds."""
    if not {*LEFT_OUT, *FIT_HEARTS} <= {*training_names(data, "emidec")}:
        sys.exit(f"the patients left out are not of the train list of {data}")
    rows = _fold_rows(data, work, run)
    repeats = _fit_repeats(data, work)
    content = {
        "about": (
            f"{len(rows)} patients of the EMIDEC train list, each drawn by the network of the fold "
            f"that never saw them; changes from {len(FIT_CHANGES)} repeats each of "
            f"{len(repeats)} hearts, {FIT_PHANTOMS} of them phantoms; written by "
            "benchmarks/uncertainty.py"
        ),
        "networks": networks_name(),
        "level": LEVEL,
        "rules": interval_tables.fitted(rows, level=LEVEL),
        "change_level": CHANGE_LEVEL,
        "change_rules": change_tables.fitted(repeats),
        "high_uncertainty": interval_tables.doubt_limit(rows),
    }
    write_json(FILE, content)
    read_calibration.cache_clear()
    Console().print_json(data=content)


def check(data: Path, work: Path, run: Path, output: Path) -> None:
    """Write the coverage of the intervals and what `acsnet compare` shows; run: of folds."""
    calibration = read_calibration()
    if calibration.networks != networks_name():
        sys.exit(f"{FILE.name} was fitted for other networks: run --fit first")
    splits = json.loads((data / "splits.json").read_text())
    left_out = patient_rows(data, list(LEFT_OUT), work)
    test = patient_rows(data, splits["emidec"]["test"], work)
    folds = _fold_rows(data, work, run)
    lines = [
        "# How sure the numbers are",
        "",
        "Research use only, not a medical device.",
        "",
        f"Written on {datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d} by `python "
        "benchmarks/uncertainty.py --data DATA --work WORK --run RUN --check docs/results`, "
        f"{platform.machine()} CPU, torch {torch.__version__}, networks {networks_name()}. Fitted "
        f"on {calibration.about}.",
        "",
        *interval_tables.page(folds, left_out, test, calibration),
        "",
        *change_tables.page(
            _fit_repeats(data, work),
            repeats=_check_repeats(data, work),
            grown=_grown(data, work, {"left out": left_out, "test list": test}),
            calibration=calibration,
        ),
    ]
    output.mkdir(parents=True, exist_ok=True)
    (output / "uncertainty.md").write_text("\n".join(lines) + "\n")
    Console(width=110).print("\n".join(lines), markup=False, highlight=False)


def _fold_rows(data: Path, work: Path, run: Path) -> list[Row]:
    return [
        row
        for weights, names in fold_weights(run)
        for row in patient_rows(data, names, work, weights=weights)
    ]


def _fit_repeats(data: Path, work: Path) -> dict[str, dict[str, Row]]:
    hearts = [*FIT_HEARTS, *scarred_phantoms(FIT_PHANTOMS, seed=FIT_SEED)]
    return repeat_rows(data, hearts, (UNCHANGED, *FIT_CHANGES), work)


def _check_repeats(data: Path, work: Path) -> dict[str, dict[str, Row]]:
    phantoms = scarred_phantoms(CHECK_PHANTOMS, seed=CHECK_SEED)
    return {
        **repeat_rows(data, [CHECK_HEART], (UNCHANGED, *CHANGES), work),
        **repeat_rows(data, phantoms, (UNCHANGED, *EFFECTIVE), work),
    }


def _grown(
    data: Path, work: Path, patients: Mapping[str, Sequence[Row]]
) -> dict[str, dict[str, dict[str, Row]]]:
    """Hearts whose scar has grown, by kind; patients: rows of patients by the same."""
    hearts = {
        f"{GROWN_PHANTOMS} phantoms": scarred_phantoms(GROWN_PHANTOMS, seed=GROWN_SEED),
        **{
            f"infarcts, {name}": [row["case"] for row in rows if row["infarct"]]
            for name, rows in patients.items()
        },
    }
    return {
        name: repeat_rows(data, cases, (UNCHANGED, GROWN), work) for name, cases in hearts.items()
    }


if __name__ == "__main__":
    main()

"""Fit the 90 % intervals on patients the networks were not trained on, and check their coverage.

--fit writes `calibration.json` of the package, from the EMIDEC train list only:

1. The network of one fold of an ablation (`benchmarks/ablation.py`) segments the patients that it
   was trained without. Its thresholds are brought to no bias on them, as those of the shipped
   network are on its own. From the errors comes a conformal rule for each measure.
2. That network saw half the patients and is smaller, so its errors are larger. The shipped networks
   segment the six patients of the train list that they were never trained on; the rules are scaled
   by how large the errors are there, one scale for the left ventricle and its parts and one for
   scar, each widened by Student's t for so few.

--rescale OLD, after networks or thresholds were changed: the rules stay as they are but for their
scale, by how much larger the errors of the shipped networks are on those six patients than those
that WORK/OLD holds, a folder that --fit, --rescale or --check wrote there with the networks that
the rules were for.

--check segments the test lists, counts how often the expert's value lies in the interval, and
writes OUTPUT/uncertainty.md. What was segmented is kept in WORK: the same command goes on. Research
use only, not a medical device.
"""

import argparse
import datetime
import json
import platform
import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from scipy.stats import norm, spearmanr

from acsnet.errors import AcsnetError
from acsnet.uncertainty.intervals import (
    CALIBRATION,
    SIZES,
    read_calibration,
)
from interval_cases import Row, Study, errors, shipped, shipped_name
from interval_fit import LEVEL, fit, rescale

AIM = (0.80, 0.97)


def main() -> None:
    """Fit, check or both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keep what was segmented there")
    parser.add_argument("--fit", type=Path, metavar="RUN/fold-1", help="fit; a fold of an ablation")
    parser.add_argument("--rescale", metavar="OLD", help="new networks or thresholds, old rules")
    parser.add_argument("--check", type=Path, metavar="OUTPUT", help="write uncertainty.md there")
    args = parser.parse_args()
    study, console = Study(data=args.data, work=args.work), Console(width=110)
    try:
        if args.fit:
            fit(study, args.fit, console)
        if args.rescale:
            rescale(study, args.rescale, console)
        if args.check:
            check(study, args.check, console)
    except AcsnetError as error:
        sys.exit(str(error))


def check(study: Study, output: Path, console: Console) -> None:
    """Write the coverage on the test lists."""
    splits = json.loads((study.data / "splits.json").read_text())
    lines = [
        "# How sure the numbers are",
        "",
        "Research use only, not a medical device.",
        "",
        f"Written on {datetime.datetime.now(tz=datetime.timezone.utc):%Y-%m-%d} by "
        "`python benchmarks/uncertainty.py --data DATA --work WORK --check docs/results`, "
        f"{platform.machine()} CPU, torch {torch.__version__}, networks {shipped_name()}. Patients "
        "of the test lists, neither trained on nor used to fit the intervals. The aim: an interval "
        f"of {LEVEL:.0%} holds the expert's value in {AIM[0]:.0%} to {AIM[1]:.0%} of patients. "
        "Of 15 patients, intervals that hold 90 % hold all in one draw of five. "
        "Spread alone: the middle 90 % of a normal distribution as wide as the samples.",
        "",
    ]
    for kind in ("emidec", "acdc"):
        rows = study.rows(splits[kind]["test"], kind, shipped_name(), shipped)
        lines += [
            f"## {kind.upper()} test list, {len(rows)} patients or phases",
            "",
            *table(rows),
            "",
        ]
        lines += [correlation(rows), ""]
    calibration = json.loads(CALIBRATION.read_text())
    lines += ["## Where the intervals are from", "", calibration["about"] + ".", ""]
    lines += ["| measure | factor | floor | of |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {rule['factor']:.3g} | {rule['floor']:.3g} | {SIZES[name] or '100 %'} |"
        for name, rule in calibration["rules"].items()
    ]
    output.mkdir(parents=True, exist_ok=True)
    (output / "uncertainty.md").write_text("\n".join(lines) + "\n")
    console.print("\n".join(lines), markup=False, highlight=False)


def table(rows: list[Row]) -> list[str]:
    """Coverage and width of each measure, and of all together."""
    lines = [
        "| measure | patients | held | half width, mean | error, mean | held by the spread alone |",
        "|---|---|---|---|---|---|",
    ]
    calibration, all_held, all_bare = read_calibration(), [], []
    for measure, rule in calibration.rules.items():
        if not any(measure in row["measures"] for row in rows):
            continue
        error, spread, size = errors(rows, measure)
        half = rule.half_width(spread, size)
        held, bare = np.abs(error) <= half, np.abs(error) <= norm.ppf(0.95) * spread
        all_held.extend(held)
        all_bare.extend(bare)
        unit = "points" if SIZES[measure] is None else "ml"
        lines.append(
            f"| {measure} | {len(held)} | {held.mean():.0%} | {half.mean():.1f} {unit} | "
            f"{np.abs(error).mean():.1f} {unit} | {bare.mean():.0%} |"
        )
    lines.append(
        f"| all | {len(all_held)} | {np.mean(all_held):.0%} | | | {np.mean(all_bare):.0%} |"
    )
    return lines


def correlation(rows: list[Row]) -> str:
    """How far the uncertainty of a slice goes along with what is wrong in it."""
    doubt, wrong = np.array([pair for row in rows for pair in row["slices"]]).T
    rho = spearmanr(doubt, wrong).statistic
    return (
        f"Uncertainty of a slice against 1 - Dice of its wall: Spearman {rho:.2f} over "
        f"{len(doubt)} slices in which the network sees a wall."
    )


if __name__ == "__main__":
    main()

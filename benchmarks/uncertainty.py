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
import hashlib
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.special import logit
from scipy.stats import norm, spearmanr, t

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.labels import MYOCARDIUM
from acsnet.masks import slice_dice
from acsnet.measure import quantify_drawn
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.test_time_augmentation import ALL_VIEWS
from acsnet.pipeline import Pipeline
from acsnet.stages.myocardium import ENHANCEMENT_THRESHOLD, WALL_THRESHOLD
from acsnet.train.data.case import SCAR, WALL
from acsnet.train.data.lists import emidec_cases, training_names
from acsnet.uncertainty.intervals import (
    CALIBRATION,
    SIZES,
    Calibration,
    Rule,
    read_calibration,
    size_of,
    spreads,
)
from training.ablation import BASE, probabilities
from training.conformal import fit_rule

LEVEL = 0.9
HIGH_PERCENTILE = 95.0
LEFT_OUT = tuple(f"Case_{name}" for name in ("N023", "N058", "P015", "P051", "P071", "P093"))
"""Of the train list, never trained on: see the model cards."""

GROUPS = (
    ("lv_volume_ml", "blood_pool_volume_ml", "myocardium_volume_ml"),
    tuple(name for name in SIZES if "scar" in name or "zone" in name or "enhancement" in name),
)
"""Measures whose rules are scaled together."""

AIM = (0.80, 0.97)

Row = dict[str, Any]
"""One patient: `measures` name -> value, expert, spread, size, low, high; `slices` -> pairs of
uncertainty and 1 - Dice."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Where data and results are."""

    data: Path
    work: Path

    def rows(
        self, names: list[str], kind: str, network: str, load: Callable[[], Pipeline]
    ) -> list[Row]:
        """One row a patient; `load` is asked for the pipeline only if one is missing."""
        folder = self.work / network
        folder.mkdir(parents=True, exist_ok=True)
        missing = [name for name in names if not (folder / f"{name}.json").exists()]
        pipeline = load() if missing else None
        for name in track(missing, description=network):
            text = json.dumps(self._row(name, kind, pipeline), indent=1)
            (folder / f"{name}.json").write_text(text)
        return [json.loads((folder / f"{name}.json").read_text()) for name in names]

    def _row(self, name: str, kind: str, pipeline: Pipeline) -> Row:
        image = self.data / kind / "images" / f"{name}.nii.gz"
        result = pipeline(read_scan(image))
        drawn = quantify_drawn(image, self.data / kind / "labels" / image.name, truth=kind)
        expert = result.scan.grid.from_input(drawn.label_map())
        found, sure = result.features, result.uncertainty
        spread = spreads(sure.samples)
        measures = {
            measure: {
                "value": getattr(found, measure),
                "expert": getattr(drawn.features, measure),
                "spread": spread[measure],
                "size": size_of(measure, found),
            }
            for measure in spread
            if None not in (getattr(found, measure), getattr(drawn.features, measure))
        }
        dice = slice_dice(np.isin(result.labels, MYOCARDIUM), np.isin(expert, MYOCARDIUM))
        slices = [
            (float(u), 1.0 - float(d))
            for u, d in zip(sure.slices, dice, strict=True)
            if not (np.isnan(u) or np.isnan(d))
        ]
        return {"case": name, "measures": measures, "slices": slices}


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


def shipped() -> Pipeline:
    """The shipped networks."""
    return Pipeline.load(uncertainty=True)


def shipped_name() -> str:
    """Changes with the weights."""
    return f"shipped-{Pipeline.load().weights['myo'][:12]}"


def fit(study: Study, fold: Path, console: Console) -> None:
    """Write the calibration of the package."""
    number = int(fold.name.rpartition("-")[2])
    held_out = json.loads((fold.parent / "settings.json").read_text())["folds"][number - 1]
    trained = training_names(study.data, "emidec")
    if not {*held_out, *LEFT_OUT} <= {*trained}:
        sys.exit(f"{fold} or the patients left out are not of the train list")
    digest = hashlib.sha256((fold / BASE / "checkpoint.pt").read_bytes()).hexdigest()[:12]
    half = study.rows(
        held_out, "emidec", f"fold-{digest}", lambda: of_fold(study.data, fold, held_out)
    )
    left = study.rows(list(LEFT_OUT), "emidec", shipped_name(), shipped)
    rules = {measure: fit_rule(*errors(half, measure), level=LEVEL) for measure in SIZES}
    for group in GROUPS:
        scale = scale_of(rules, half, left, group)
        console.print(f"{group[0]} and its like: rules scaled by {scale:.2f}")
        for measure in group:
            rules[measure] = replace(rules[measure], factor=scale * rules[measure].factor)
    calibration = Calibration(
        level=LEVEL,
        high_uncertainty=round(high_uncertainty(half, left), 4),
        rules={
            name: Rule(factor=round(rule.factor, 4), floor=round(rule.floor, 5))
            for name, rule in rules.items()
        },
    )
    about = (
        f"EMIDEC train list: {len(half)} patients by a network trained without them, scaled to the "
        f"shipped networks on {len(left)} that these were never trained on; written by "
        f"benchmarks/uncertainty.py, networks fold-{digest} and {shipped_name()}"
    )
    CALIBRATION.write_text(json.dumps({"about": about, **calibration.to_dict()}, indent=2) + "\n")
    read_calibration.cache_clear()
    console.print(f"{CALIBRATION}: {len(half)} and {len(left)} patients")


def rescale(study: Study, old: str, console: Console) -> None:
    """Write the calibration of the package with another scale of each group of measures."""
    before = [json.loads((study.work / old / f"{name}.json").read_text()) for name in LEFT_OUT]
    now = study.rows(list(LEFT_OUT), "emidec", shipped_name(), shipped)
    present = read_calibration()
    rules = dict(present.rules)
    for group in GROUPS:
        ratio = rms_score(rules, now, group) / rms_score(rules, before, group)
        console.print(f"{group[0]} and its like: rules scaled by {ratio:.2f}")
        for measure in group:
            factor = round(ratio * rules[measure].factor, 4)
            rules[measure] = replace(rules[measure], factor=factor)
    level = mean_doubt(now).mean() / mean_doubt(before).mean() * present.high_uncertainty
    calibration = replace(present, rules=rules, high_uncertainty=round(float(level), 4))
    about = json.loads(CALIBRATION.read_text())["about"]
    about += f"; then scaled from {old} to {shipped_name()} on these {len(LEFT_OUT)}"
    CALIBRATION.write_text(json.dumps({"about": about, **calibration.to_dict()}, indent=2) + "\n")
    read_calibration.cache_clear()


def rms_score(rules: dict[str, Rule], rows: list[Row], group: tuple[str, ...]) -> float:
    """Root mean square of errors over what the rules allow, all measures of a group."""
    scores: list[float] = []
    for measure in group:
        error, spread, size = errors(rows, measure)
        scores.extend(error / rules[measure].half_width(spread, size))
    return float(np.sqrt(np.mean(np.square(scores))))


def mean_doubt(rows: list[Row]) -> NDArray[np.float64]:
    """(patient,) mean uncertainty of the slices."""
    return np.array([np.mean([doubt for doubt, _ in row["slices"]]) for row in rows])


def errors(
    rows: list[Row], measure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(patient,) errors, spreads and sizes of a measure."""
    found = [row["measures"][measure] for row in rows if measure in row["measures"]]
    table = np.array([(m["expert"] - m["value"], m["spread"], m["size"]) for m in found])
    return table[:, 0], table[:, 1], table[:, 2]


def scale_of(
    rules: dict[str, Rule], half: list[Row], left: list[Row], group: tuple[str, ...]
) -> float:
    """How much larger the errors of `left` are by the rules, as root mean square.

    Widened by what Student's t for the patients of `left` is wider than the normal distribution:
    that root mean square is known from so few only. The measures of a group go along with each
    other, so that they make no more of them.
    """
    tail = 0.5 + LEVEL / 2.0
    ratio = rms_score(rules, left, group) / rms_score(rules, half, group)
    return ratio * float(t.ppf(tail, len(left)) / norm.ppf(tail))


def high_uncertainty(half: list[Row], left: list[Row]) -> float:
    """Mean over the slices of a scan that few patients of `half` reach, scaled to `left`."""
    first, second = mean_doubt(half), mean_doubt(left)
    return float(np.percentile(first, HIGH_PERCENTILE) * second.mean() / first.mean())


def of_fold(data: Path, fold: Path, held_out: list[str]) -> Pipeline:
    """The shipped chain with the fold's network of stage 2, its outputs without bias."""
    recipe = json.loads((fold / BASE / "recipe.json").read_text())
    content = torch.load(fold / BASE / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = ResUNetConfig(**recipe["net"]).build()
    network.load_state_dict(content["average"])
    return replace(shipped(), myocardium_net=without_bias(network.eval(), data, held_out))


def without_bias(network: ResUNet, data: Path, names: list[str]) -> ResUNet:
    """The network, its outputs shifted so that our thresholds give the experts' total volumes."""
    seen: list[list[NDArray[np.float32]]] = [[], []]
    volumes = [0, 0]
    for case in track(list(emidec_cases(data, names)), description="thresholds"):
        probability = probabilities(network, case, views=ALL_VIEWS)
        for k, mask in enumerate((case.tissue >= WALL, case.tissue == SCAR)):
            seen[k].append(probability[k][probability[k] > 0.0])
            volumes[k] += int(mask.sum())
    for k, threshold in enumerate((WALL_THRESHOLD, ENHANCEMENT_THRESHOLD)):
        own = float(np.sort(np.concatenate(seen[k]))[-volumes[k]])
        with torch.no_grad():
            network.head.bias[k] += float(logit(threshold) - logit(own))
    return network


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

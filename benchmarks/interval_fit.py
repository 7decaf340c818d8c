"""The rules of the 90 % intervals, fitted on patients the networks were not trained on."""

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from scipy.special import logit
from scipy.stats import norm, t

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
)
from interval_cases import Row, Study, errors, shipped, shipped_name
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

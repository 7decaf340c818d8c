"""Thresholds and clean-up of stage 2, by cross-validation inside the EMIDEC train list.

--run RUN is an ablation (`benchmarks/ablation.py --arms base --folds 5`): each patient of the train
list is drawn by the network of the fold that was trained without them. --weights FOLDER --cases A,B
measures a finished network instead, on patients left out of its training. No test list is read. The
region of interest is the expert's and stage 3 is left out, as the thresholds act before it.

Prints the curves and the chosen point; --json FILE keeps every number. Research use only, not a
medical device.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.errors import AcsnetError
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_network import TorchNetwork
from acsnet.nets.torch_weights import load_network
from acsnet.preprocess import StandardScan, standardise, to_scan
from acsnet.stages.myocardium import EnhancementCleanup, clean_enhancement, predict_myocardium
from acsnet.train.data.case import BACKGROUND, SCAR, WALL, TrainingCase
from acsnet.train.data.lists import cases_of
from acsnet.train.samples.slices import standard_tissue
from training.fold_networks import fold_networks
from training.threshold_curves import (
    ScarPoint,
    WallPoint,
    best_scar,
    best_wall,
    scar_point,
    scar_score,
    wall_point,
    wall_score,
)

WALL_THRESHOLDS = tuple(round(0.35 + 0.05 * k, 2) for k in range(8))
SCAR_THRESHOLDS = tuple(round(0.2 + 0.05 * k, 2) for k in range(15))
CLEANUPS = (
    EnhancementCleanup(),
    EnhancementCleanup(closing=1),
    EnhancementCleanup(closing=2),
    EnhancementCleanup(closing=3),
    EnhancementCleanup(opening=1),
    EnhancementCleanup(opening=1, closing=1),
)


def networks(args: argparse.Namespace) -> Iterator[tuple[ResUNet, list[str]]]:
    """Each network with the patients that it has never seen."""
    if args.weights:
        yield load_network("myo", ResUNet, folder=args.weights), args.cases.split(",")
        return
    yield from fold_networks(args.run)


def drawn(
    args: argparse.Namespace,
) -> Iterator[tuple[TrainingCase, StandardScan, NDArray[np.float32]]]:
    """Each patient with the probabilities of wall and enhancement, (2, slice, H, W)."""
    for network, names in networks(args):
        for case in cases_of(args.data, "emidec", names):
            standard = standardise(case.scan)
            roi = standard_tissue(case, standard) != BACKGROUND
            yield case, standard, predict_myocardium(TorchNetwork(network=network), standard, roi)


def curves(args: argparse.Namespace) -> tuple[list[WallPoint], list[ScarPoint]]:
    """The wall's curve; and the scar's inside the wall at the threshold chosen from it."""
    patients = [
        (case, standard, probability, to_scan(probability[0], standard))
        for case, standard, probability in track(drawn(args), description="drawing")
    ]
    walls = [
        wall_point(t, [wall_score(seen > t, case.tissue >= WALL) for case, _, _, seen in patients])
        for t in WALL_THRESHOLDS
    ]
    chosen = best_wall(walls).threshold
    scars = []
    for t in track(SCAR_THRESHOLDS, description="scar thresholds"):
        for cleanup in CLEANUPS:
            scores = []
            for case, standard, probability, seen in patients:
                enhanced = clean_enhancement(probability[1] > t, cleanup)
                scar = to_scan(enhanced.astype(np.float32), standard) > 0.5
                expert = case.tissue == SCAR, case.tissue >= WALL
                scores.append(scar_score(scar, seen > chosen, *expert))
            scars.append(scar_point(t, cleanup, scores))
    return walls, scars


def print_curves(walls: list[WallPoint], scars: list[ScarPoint], console: Console) -> None:
    """The wall's curve, the scar's without clean-up and that of each clean-up at the best."""
    chosen = best_wall(walls), best_scar(scars)
    table = Table("threshold", "Dice", "volume bias %", title=f"Wall, {walls[0].patients} patients")
    for wall in walls:
        style = "bold" if wall == chosen[0] else None
        cells = f"{wall.threshold:.2f}", f"{wall.dice:.4f}", f"{wall.bias_percent:+.1f}"
        table.add_row(*cells, style=style)
    console.print(table)
    headings = "threshold", "clean-up", "Dice", "bias", "concordance", "false scar %", "missed"
    table = Table(*headings, title=f"Scar inside the wall at {chosen[0].threshold:.2f}")
    for scar in scars:
        if scar.cleanup == CLEANUPS[0] or scar.threshold == chosen[1].threshold:
            radii = {key: value for key, value in asdict(scar.cleanup).items() if value}
            table.add_row(
                f"{scar.threshold:.2f}",
                ", ".join(f"{key} {value}" for key, value in radii.items()) or "none",
                f"{scar.dice:.4f}",
                f"{scar.bias_points:+.2f}",
                f"{scar.concordance:.3f}",
                f"{scar.false_scar_percent:.2f}",
                str(scar.missed),
                style="bold" if scar == chosen[1] else None,
            )
    console.print(table)


def main() -> None:
    """Measure, print, and keep the numbers where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="an ablation with the base arm of every fold")
    source.add_argument("--weights", type=Path, help="a weights folder; needs --cases")
    parser.add_argument("--cases", help="patients left out of its training, commas between")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.weights and not args.cases:
        parser.error("--weights needs --cases")
    try:
        walls, scars = curves(args)
    except AcsnetError as error:
        sys.exit(str(error))
    print_curves(walls, scars, Console(width=110))
    if args.json:
        content = {
            "wall": [asdict(point) for point in walls],
            "scar": [asdict(point) for point in scars],
            "chosen": {"wall": asdict(best_wall(walls)), "scar": asdict(best_scar(scars))},
        }
        temporary = args.json.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=2) + "\n")
        os.replace(temporary, args.json)


if __name__ == "__main__":
    main()

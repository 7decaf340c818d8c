"""Break real expert walls in every way and see that stage 3 lets nothing impossible through.

Each mask is an expert wall of the data's lists, brought to one of three pixel sizes and damaged in
one to three ways. What leaves is checked anew by the anatomical checks and, apart from them, by
counting objects and enclosed regions with scikit-image. Each wall gets a blood pool from a region
of interest full of holes; both together have to be one ventricle.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from acsnet.anatomy.checks import check, check_ventricle
from acsnet.anatomy.measures import Form
from acsnet.pipeline import Pipeline
from acsnet.stages.correction import Action, SliceCorrection
from acsnet.stages.myocardium import blood_pool
from acsnet.train.calibrate import resampled
from acsnet.train.data.case import WALL
from acsnet.train.samples.walls import expert_cases, wall_lists
from shared.wall_damage import DAMAGES

PIXELS_MM = (0.7, 1.3, 2.4)
BATCH = 8
ROI_HOLES_PIXELS = 2.0
"""Width of the Gaussian that smooths the noise in which the region of interest has its holes."""

EXPECTED_ENCLOSED = {"ring": 1, "C": 0, "cap": 0}


def expert_walls(data: Path) -> list[tuple[NDArray[np.bool_], tuple[float, float]]]:
    """Every expert wall of the train lists, (row, column), and its pixel size."""
    return [
        (wall, case.scan.spacing_mm[1:])
        for case in expert_cases(data, wall_lists(data), console=Console())
        for wall in case.tissue >= WALL
        if wall.any()
    ]


def damaged_batches(
    walls: list[tuple[NDArray[np.bool_], tuple[float, float]]], count: int, seed: int
) -> Iterator[tuple[float, list[tuple[str, ...]], NDArray[np.bool_]]]:
    """Pixel size, names of the damages, and masks (slice, row, column) of one shape."""
    rng = np.random.default_rng(seed)
    for start in range(0, count, BATCH):
        mm = PIXELS_MM[(start // BATCH) % len(PIXELS_MM)]
        names, masks = [], []
        for _ in range(min(BATCH, count - start)):
            wall, spacing_mm = walls[rng.integers(len(walls))]
            mask = resampled(wall, spacing_mm, mm)
            chosen = tuple(rng.choice(list(DAMAGES), rng.integers(1, 4), replace=False).tolist())
            for name in chosen:
                mask = DAMAGES[name](mask, rng)
            names.append(chosen)
            masks.append(mask)
        shape = np.max([mask.shape for mask in masks], axis=0)
        padded = [
            np.pad(mask, [(0, int(n - m)) for n, m in zip(shape, mask.shape, strict=True)])
            for mask in masks
        ]
        yield mm, names, np.stack(padded)


def wrong(slice_: SliceCorrection, mm: float, limits: object) -> str | None:
    """Why a mask that left is not possible; None if it is, or is empty with a reason."""
    if not slice_.wall.any():
        return None if slice_.action in (Action.EMPTIED, Action.NOTHING) else "empty, no reason"
    verdict = check(slice_.wall, (mm, mm), limits)
    if not verdict.valid:
        return f"fails {', '.join(verdict.failures)}"
    objects = label(slice_.wall, connectivity=2).max()
    enclosed = label(~np.pad(slice_.wall, 1), connectivity=1).max() - 1
    if objects != 1 or enclosed != EXPECTED_ENCLOSED[verdict.form.value]:
        return f"{objects} objects, {enclosed} enclosed regions in a {verdict.form.value}"
    noise = np.random.default_rng(int(slice_.wall.sum())).normal(size=slice_.wall.shape)
    roi = gaussian_filter(noise, ROI_HOLES_PIXELS) > -0.05
    is_open = np.array([verdict.form is Form.OPEN])
    failures = check_ventricle(slice_.wall, blood_pool(slice_.wall[None], roi[None], is_open)[0])
    return f"with its blood pool: {', '.join(failures)}" if failures else None


def main() -> None:
    """Print counts by damage; exit code 1 if anything impossible left or anything raised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--masks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    console = Console(width=120)
    corrector = Pipeline.load().corrector
    walls = expert_walls(args.data)
    actions: dict[str, Counter[str]] = {name: Counter() for name in (*DAMAGES, "all")}
    failures: list[str] = []
    seconds = 0.0
    batches = track(
        damaged_batches(walls, args.masks, args.seed),
        total=-(-args.masks // BATCH),
        description="correcting",
    )
    for mm, names, masks in batches:
        start = time.perf_counter()
        try:
            slices = corrector(masks, (mm, mm))
        except Exception as error:  # noqa: BLE001 - counting these is the point
            failures += [f"{mm} mm, {'+'.join(n)}: raised {error!r}" for n in names]
            continue
        seconds += time.perf_counter() - start
        for slice_, chosen in zip(slices, names, strict=True):
            for name in (*chosen, "all"):
                actions[name]["invalid before"] += bool(slice_.failed)
                actions[name][slice_.action.value] += 1
            reason = wrong(slice_, mm, corrector.limits)
            if reason:
                failures.append(f"{mm} mm, {'+'.join(chosen)}: {reason}")
    columns = ["invalid before", *(action.value for action in Action)]
    table = Table("damage", "masks", *columns, title=f"{args.masks} masks, seed {args.seed}")
    for name, counts in actions.items():
        total = sum(counts[action.value] for action in Action)
        table.add_row(name, str(total), *(str(counts[column]) for column in columns))
    console.print(table)
    console.print(f"{1000 * seconds / args.masks:.1f} ms a mask, in batches of {BATCH}")
    console.print(f"impossible masks or exceptions: {len(failures)}")
    for failure in failures[:20]:
        console.print(failure)
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()

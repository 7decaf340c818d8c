"""The fast forms of the networks against the plain ones in single precision: masks and seconds.

Both segment the same scans of the EMIDEC train list in one run, in turns. Exit code 1 where the
mean Dice of wall or of left ventricle is below 0.999.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.io import read_scan
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM
from acsnet.masks import dice
from acsnet.pipeline import Pipeline

SAME = 0.999
REGIONS = {"wall": MYOCARDIUM, "LV": LEFT_VENTRICLE, "enhancement": ENHANCEMENT}
TIMES = 3


def main() -> None:
    """Print Dice, seconds of both and their ratio for each scan; the fastest of three runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=8, help="taken evenly from the list")
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())["emidec"]["train"]
    chosen = [names[k] for k in np.linspace(0, len(names) - 1, args.scans).round().astype(int)]
    forms = {"plain": Pipeline.load(reference=True), "fast": Pipeline.load()}
    table = Table("scan", "slices", *REGIONS, "burden", *(f"{f}, s" for f in forms), "ratio")
    rows = []
    for name in track(chosen, description="segmenting"):
        scan = read_scan(args.data / "emidec" / "images" / f"{name}.nii.gz")
        seconds = dict.fromkeys(forms, np.inf)
        results = {}
        for _ in range(TIMES):
            for form, pipeline in forms.items():
                start = time.perf_counter()
                results[form] = pipeline(scan)
                seconds[form] = min(seconds[form], time.perf_counter() - start)
        masks = [[np.isin(r.labels, of) for r in results.values()] for of in REGIONS.values()]
        burdens = [r.features.scar_burden_percent or 0.0 for r in results.values()]
        rows.append([*(dice(*pair) for pair in masks), burdens[1] - burdens[0], *seconds.values()])
        table.add_row(name, str(len(scan.pixels)), *_shown(rows[-1]))
    table.add_section()
    table.add_row("mean", "", *_shown(np.mean(rows, axis=0).tolist()))
    least = np.min(rows, axis=0)[:3]
    table.add_row("least", "", *(f"{value:.5f}" for value in least))
    console = Console(width=120)
    console.print(table)
    console.print("burden: fast less plain, percentage points. Research use only.", highlight=False)
    raise SystemExit(bool(np.mean(rows, axis=0)[:2].min() < SAME))


def _shown(row: list[float]) -> list[str]:
    *dices, burden, plain, fast = row
    cells = [f"{value:.5f}" for value in dices]
    return [*cells, f"{burden:+.2f}", f"{plain:.2f}", f"{fast:.2f}", f"{plain / fast:.1f}"]


if __name__ == "__main__":
    main()

"""8 bits against the form that runs without them: time, and how alike what is drawn is.

Both draw all eight views of the same slices in turns, without stage 3: bfloat16 or single
precision, as the processor has it, and 8 bits. On EMIDEC patients of the train list that the MYO
network was not trained on. Hide newer instructions with ONEDNN_MAX_CPU_ISA, as
`benchmarks/processors.py` does.
"""

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.io import read_scan
from acsnet.io.label_map import read_label_file
from acsnet.label_conventions import ENH, LV, MYO, region_masks
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_network import FusedNetwork
from acsnet.nets.processor import has_bfloat16, instruction_set
from acsnet.nets.views import PAIRS
from acsnet.nets.weights import SHIPPED, read_weights
from acsnet.preprocess import standardise, to_scan
from acsnet.stages.myocardium import predict_myocardium
from acsnet.stages.roi import THRESHOLD, clean_roi, predict_roi
from shared.left_out import LEFT_OUT
from views import mean_dice

FORMS = ("without", "8 bits")
Masks = dict[str, np.ndarray]


class Timed:
    """A network, the CPU seconds that it took, and the slices that it saw."""

    def __init__(self, name: str, folder: Path, *, eight_bits: bool) -> None:
        weights = read_weights(name, ResUNetConfig, folder=folder)
        self._network = FusedNetwork(weights, eight_bits=eight_bits)
        self.config = weights.config
        self.cpu_s, self.slices = 0.0, 0

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """As the network, whose graphs are compiled before."""
        self._network(images[:1])
        start = time.process_time()
        drawn = self._network(images)
        self.cpu_s += time.process_time() - start
        self.slices += len(images)
        return drawn


def main() -> None:
    """Print a table of times and one of masks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--cases", nargs="+", default=LEFT_OUT, help="of EMIDEC")
    args = parser.parse_args()
    nets = {
        (form, name): Timed(name, args.weights, eight_bits=form == "8 bits")
        for name in ("roi", "myo")
        for form in FORMS
    }
    rows: dict[str, list[list[float]]] = defaultdict(list)
    for case in track(args.cases, description="drawing"):
        for region, row in compared(args.data / "emidec", case, nets).items():
            rows[region].append(row)
    rest = "bfloat16" if has_bfloat16() else "single precision"
    times = Table("a slice in two views", f"{rest}, CPU ms", "8 bits, CPU ms", "times as fast")
    for name in ("roi", "myo"):
        each = [
            1e3 * net.cpu_s / net.slices / len(PAIRS)
            for net in (nets[form, name] for form in FORMS)
        ]
        times.add_row(name, *(f"{ms:.1f}" for ms in each), f"{each[0] / each[1]:.2f}")
    columns = ("Dice of one to the other", "its least", "Dice to the expert", "more in 8 bits")
    masks = Table("", *columns, "burden, more points", "at most")
    for region, values in rows.items():
        alike, expert, more, points = np.array(values).T
        cells = [np.nanmean(alike), np.nanmin(alike), np.nanmean(expert), np.nanmean(more)]
        burdens = [f"{np.mean(points):+.2f}", f"{np.abs(points).max():.2f}"]
        shown = burdens if region == ENH else []
        masks.add_row(region, *(f"{cell:.4f}" for cell in cells), *shown)
    console = Console(width=120)
    console.print(times, masks)
    console.print(f"{len(args.cases)} patients, {instruction_set()}. Research use only.")


def compared(folder: Path, case: str, nets: dict[tuple[str, str], Timed]) -> dict[str, list[float]]:
    """By region: Dice of the forms, Dice to the expert, what 8 bits add to it and to the burden."""
    scan = read_scan(folder / "images" / f"{case}.nii.gz")
    labels = read_label_file(folder / "labels" / f"{case}.nii.gz").labels
    expert = {
        region: scan.grid.from_input(mask)
        for region, mask in region_masks(labels, "emidec", source=case).items()
    }
    standard = standardise(scan)
    drawn: dict[str, Masks] = {}
    square = None
    for form in FORMS:
        roi = clean_roi(predict_roi(nets[form, "roi"], standard))
        square = roi if square is None else square
        probability = predict_myocardium(nets[form, "myo"], standard, square)
        wall, enhanced = (to_scan(stack, standard) > THRESHOLD for stack in probability)
        located = to_scan(roi.astype(np.float32), standard) > THRESHOLD
        drawn[form] = {LV: located, MYO: wall, ENH: enhanced & wall}
    rows = {}
    plain, short = (drawn[form] for form in FORMS)
    for region, mask in short.items():
        to_expert = [mean_dice(masks[region], expert[region]) for masks in (plain, short)]
        share = [100.0 * masks[region].sum() / masks[MYO].sum() for masks in (plain, short)]
        alike = 2 * (mask & plain[region]).sum() / max(1, mask.sum() + plain[region].sum())
        rows[region] = [alike, to_expert[0], to_expert[1] - to_expert[0], share[1] - share[0]]
    return rows


if __name__ == "__main__":
    main()

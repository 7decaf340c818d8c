"""How many views of a slice the networks need: agreement with the experts for each rule.

All eight views of every slice are drawn once, in 8 bits where the processor is fast at it and in
single precision elsewhere; then each rule takes two of them, or more
(`acsnet.nets.inference.VIEW_RULES`), without stage 3. To choose by: patients of the train list that
the MYO network was not trained on. "From all views'": the root mean square of how far the burden of
a patient is from that in all views.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.ndimage import center_of_mass

from acsnet.io import read_scan
from acsnet.io.label_map import read_label_file
from acsnet.label_conventions import ENH, LV, MYO, region_masks
from acsnet.masks import slice_dice
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_graph import graph_of
from acsnet.nets.openvino_network import CompiledGraph, suits_8_bits
from acsnet.nets.views import PAIRS, ViewRule, disagreement, without_edge
from acsnet.nets.weights import SHIPPED, read_weights
from acsnet.preprocess import standardise, to_scan
from acsnet.stages.myocardium import predict_myocardium
from acsnet.stages.roi import THRESHOLD, clean_roi, predict_roi
from shared.left_out import LEFT_OUT

ALL = ViewRule(limit=-1.0)
RULES = {
    "roi": (ALL, *(ViewRule(limit=limit) for limit in (0.08, 0.15, 0.2, 1.0))),
    "myo": (
        ALL,
        *(ViewRule(limit=limit, pairs=pairs) for pairs in (4, 2) for limit in (0.08, 0.12, 0.15)),
        ViewRule(limit=-1.0, pairs=2),
        ViewRule(limit=1.0),
    ),
}


class AllViews:
    """A network that keeps all views of what it last drew, so that any rule may be tried."""

    def __init__(self, name: str, folder: Path) -> None:
        self._weights = read_weights(name, ResUNetConfig, folder=folder)
        self.config = self._weights.config
        self._edge = 0 if self._weights.inner is None else self.config.stride
        self._graphs: dict[int, CompiledGraph] = {}
        self._drawn: dict[bytes, np.ndarray] = {}
        self.rule = ALL
        self.views: list[int] = []

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(N, inputs, S, S) -> the mean over the views of `rule`."""
        return np.stack([self._mean(image) for image in images])

    def _mean(self, image: np.ndarray) -> np.ndarray:
        key = image.tobytes()
        if key not in self._drawn:
            self._drawn[key] = self._all(image)
        pairs = self._drawn[key]
        needed = 1 if disagreement(pairs[0]) <= self.rule.limit else self.rule.pairs
        self.views.append(2 * needed)
        return pairs[:needed].mean(axis=(0, 1))

    def _all(self, image: np.ndarray) -> np.ndarray:
        """(pair, 2, outputs, S, S)."""
        lit = without_edge(image, self._edge)
        if lit.start not in self._graphs:  # all images of a scan have one side
            model = graph_of(
                self._weights,
                side=lit.stop - lit.start,
                bfloat16=False,
                eight_bits=suits_8_bits(self._weights),
                inner=lit.start > 0,
            )
            self._graphs[lit.start] = CompiledGraph(model, bfloat16=False)
        out = np.zeros((len(PAIRS), 2, self.config.outputs, *image.shape[1:]), np.float32)
        for pair, drawn in zip(PAIRS, out, strict=True):
            drawn[..., lit, lit] = self._graphs[lit.start](image[None, :, lit, lit], pair)
        return out


def main() -> None:
    """Print a table for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--cases", nargs="+", default=LEFT_OUT, help="of EMIDEC")
    args = parser.parse_args()
    rows: dict[tuple[str, ViewRule], list[list[float]]] = defaultdict(list)
    for name in track(args.cases, description="drawing"):
        nets = {net: AllViews(net, args.weights) for net in ("roi", "myo")}
        for key, row in case_rows(args.data / "emidec", name, nets).items():
            rows[key].append(row)
    columns = {
        "roi": ("LV Dice", "centre moves, pixels at most", "views"),
        "myo": ("wall Dice", "enhancement Dice", "burden, points off", "from all views'", "views"),
    }
    for net, names in columns.items():
        table = Table(f"{net}: two views up to", "else", *names)
        for rule in RULES[net]:
            values = np.array(rows[net, rule])
            cells = np.nanmean(values, axis=0)
            if net == "roi":
                cells[1] = values[:, 1].max()
            else:
                moved = values[:, 2] - np.array(rows[net, ALL])[:, 2]
                cells = np.insert(cells, 3, np.sqrt(np.mean(moved**2)))
            two = "never" if rule.limit < 0 else f"{100 * rule.limit:.0f} %"
            table.add_row(two, f"{2 * rule.pairs}", *(f"{cell:.3f}" for cell in cells))
        Console().print(table)
    Console().print(f"{len(args.cases)} patients. Research use only.")


def case_rows(
    folder: Path, name: str, nets: dict[str, AllViews]
) -> dict[tuple[str, ViewRule], list[float]]:
    """A patient's row for each network and rule."""
    scan = read_scan(folder / "images" / f"{name}.nii.gz")
    drawn = region_masks(
        read_label_file(folder / "labels" / f"{name}.nii.gz").labels, "emidec", source=name
    )
    expert = {region: scan.grid.from_input(mask) for region, mask in drawn.items()}
    standard = standardise(scan)
    rows, full = {}, None
    for rule in RULES["roi"]:
        nets["roi"].rule, nets["roi"].views = rule, []
        roi = clean_roi(predict_roi(nets["roi"], standard))
        full = roi if full is None else full
        both = roi.any(axis=(1, 2)) & full.any(axis=(1, 2))
        moved = [
            np.abs(np.subtract(center_of_mass(one), center_of_mass(other))).max()
            for one, other in zip(roi[both], full[both], strict=True)
        ]
        located = to_scan(roi.astype(np.float32), standard) > THRESHOLD
        dice = mean_dice(located, expert[LV])
        rows["roi", rule] = [dice, max(moved), float(np.mean(nets["roi"].views))]
    for rule in RULES["myo"]:
        nets["myo"].rule, nets["myo"].views = rule, []
        probability = predict_myocardium(nets["myo"], standard, full)
        wall, enhanced = (to_scan(stack, standard) > THRESHOLD for stack in probability)
        enhanced &= wall
        dices = mean_dice(wall, expert[MYO]), mean_dice(enhanced, expert[ENH])
        burdens = enhanced.sum() / wall.sum(), expert[ENH].sum() / expert[MYO].sum()
        off = 100.0 * float(burdens[0] - burdens[1])
        rows["myo", rule] = [*dices, off, float(np.mean(nets["myo"].views))]
    return rows


def mean_dice(mask: np.ndarray, expert: np.ndarray) -> float:
    """Mean over the slices that the expert drew in; NaN where there is none."""
    drawn = expert.any(axis=(1, 2))
    return float(slice_dice(mask, expert)[drawn].mean()) if drawn.any() else np.nan


if __name__ == "__main__":
    main()

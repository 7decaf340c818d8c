"""How much of an expert wall is left after the autoencoder's 16 numbers, on the wall's own grid."""

import argparse
import json
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.anatomy.pose import from_frame, pose_of, to_frame
from acsnet.masks import dice
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network
from acsnet.nets.weights import SHIPPED
from acsnet.train.data.case import WALL
from acsnet.train.data.lists import cases_of


def main() -> None:
    """Print the mean Dice of each data set's test list, and of its small and large walls."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=SHIPPED, help="folder of the autoencoder")
    args = parser.parse_args()
    network = load_network("autoencoder", Autoencoder, folder=args.weights)
    splits = json.loads((args.data / "splits.json").read_text())
    table = Table("test list", "walls", "Dice", "5th percentile", "worst", "Dice, smallest third")
    for data_set in ("emidec", "acdc"):
        scores, area = [], []
        cases = list(cases_of(args.data, data_set, splits[data_set]["test"]))
        for case in track(cases, description=data_set):
            spacing_mm = case.scan.spacing_mm[1:]
            for wall in case.tissue >= WALL:
                if not wall.any():
                    continue
                pose = pose_of(wall, spacing_mm)
                code = network.codes(to_frame(wall, spacing_mm, pose)[None])
                shape = wall.shape[0], wall.shape[1]
                decoded = from_frame(network.scores(code)[0], spacing_mm, pose, shape)
                scores.append(dice(wall, decoded))
                area.append(wall.sum())
        values = np.array(scores)
        small = values[np.argsort(area)[: len(area) // 3]]
        table.add_row(
            data_set,
            str(len(values)),
            f"{values.mean():.4f}",
            f"{np.percentile(values, 5):.3f}",
            f"{values.min():.3f}",
            f"{small.mean():.4f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()

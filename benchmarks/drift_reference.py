"""Make the reference that the server tells drift against: quantiles of the LGE training scans."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.progress import track

from acsnet.quantify.volumes import burden_percent
from acsnet.server.web.drift import MEASURES, REFERENCE, Reference, measures_of
from acsnet.storage import write_json
from acsnet.train.data.case import SCAR, WALL
from acsnet.train.data.lists import cases_of, training_names


def main() -> None:
    """Write the reference from the EMIDEC train list, its burden as the experts drew it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=REFERENCE)
    args = parser.parse_args()
    names = training_names(args.data, "emidec")
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for case in track(
        cases_of(args.data, "emidec", names), total=len(names), description="reading"
    ):
        scar, wall = (case.tissue == SCAR).sum(), (case.tissue == WALL).sum()
        burden = burden_percent(float(scar), float(scar + wall))
        for name, value in measures_of(case.scan, burden).items():
            found[name].append(value)
    content = {
        "source": "EMIDEC, train list",
        "scans": len(names),
        "measures": {name: vars(reference_of(values)) for name, values in found.items()},
    }
    write_json(args.output, content)


def reference_of(values: Sequence[float]) -> Reference:
    """That of training scans: bins are tenths, fewer where many scans share one value."""
    array = np.asarray(values, dtype=np.float64)
    edges = np.unique(np.quantile(array, np.arange(0.1, 0.95, 0.1)).round(4))
    shares = np.bincount(np.searchsorted(edges, array, "right"), minlength=len(edges) + 1)
    p1, p99 = np.quantile(array, (0.01, 0.99)).round(4)
    return Reference(
        p1=float(p1),
        p99=float(p99),
        edges=tuple(edges.tolist()),
        shares=tuple((shares / len(array)).round(4).tolist()),
    )


if __name__ == "__main__":
    main()

"""Make the reference that the server tells drift against: quantiles of the LGE training scans."""

import argparse
import json
from pathlib import Path

from rich.progress import track

from acsnet.quantify.volumes import burden_percent
from acsnet.server.web.drift import MEASURES, REFERENCE, measures_of, reference_of
from acsnet.train.data.case import SCAR, WALL
from acsnet.train.data.lists import emidec_cases, training_names


def main() -> None:
    """Write the reference from the EMIDEC train list, its burden as the experts drew it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=REFERENCE)
    args = parser.parse_args()
    names = training_names(args.data, "emidec")
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    for case in track(emidec_cases(args.data, names), total=len(names), description="reading"):
        scar, wall = (case.tissue == SCAR).sum(), (case.tissue == WALL).sum()
        burden = burden_percent(float(scar), float(scar + wall))
        for name, value in measures_of(case.scan, burden).items():
            found[name].append(value)
    content = {
        "source": "EMIDEC, train list",
        "scans": len(names),
        "measures": {name: vars(reference_of(values)) for name, values in found.items()},
    }
    args.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

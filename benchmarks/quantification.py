"""Every measure from the expert's mask beside the same from the predicted one, as a page.

EMIDEC test list. Also prints which numbers are missing and which warnings were given.
"""

import argparse
import datetime
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from acsnet.io import read_scan
from acsnet.measure import measure_label_file
from acsnet.pipeline import Pipeline

COLUMNS = {
    "lv_volume_ml": "LV ml",
    "myocardium_mass_g": "wall g",
    "enhancement_volume_ml": "scar ml",
    "scar_burden_percent": "burden %",
    "core_scar_volume_ml": "core ml",
    "grey_zone_volume_ml": "grey ml",
    "microvascular_obstruction_volume_ml": "MVO ml",
    "scar_transmurality_percent": "depth %",
    "scar_endocardial_percent": "endocard. %",
    "scar_entropy_bits": "entropy bit",
    "scar_islands": "islands",
    "core_grey_interface_cm2": "interface cm2",
}
NULL_WITHOUT_SCAR = {"scar_transmurality_percent", "scar_entropy_bits", "peak_intensity"}
HEAD = """# Measures from expert masks and from predicted masks

Research use only, not a medical device.

Each cell has the value from the expert's mask and from the predicted mask (expert / predicted), for
the patients of the EMIDEC test list, who were never trained on. Written on {date} by
`python benchmarks/quantification.py --data DATA --output docs/results` with the MYO network
{network}. A dash is a number that is not defined, such as transmurality without scar.

"""


def main() -> None:
    """Write OUTPUT/quantification.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    console, splits = Console(width=110), json.loads((args.data / "splits.json").read_text())
    pipeline = Pipeline.load()
    pairs = {}
    for case in track(splits["emidec"]["test"]):
        image = args.data / "emidec" / "images" / f"{case}.nii.gz"
        drawn = measure_label_file(
            image, args.data / "emidec" / "labels" / image.name, truth="emidec"
        )
        pairs[case] = drawn.features_dict(), pipeline(read_scan(image)).features_dict()
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    head = HEAD.format(date=f"{today:%Y-%m-%d}", network=pipeline.weights["myo"][:12])
    page = head + "\n".join([*_cases(pairs), "", *_agreement(pairs), "", *_methods(pairs)]) + "\n"
    (args.output / "quantification.md").write_text(page)
    for kind, index in (("expert", 0), ("predicted", 1)):
        console.print(f"{kind}: missing {_missing([pair[index] for pair in pairs.values()])}")
        notes = Counter(note for pair in pairs.values() for note in pair[index]["warnings"])
        for note, count in notes.items():
            console.print(f"  {count} x {note}", markup=False)


Pairs = dict[str, tuple[dict[str, Any], dict[str, Any]]]


def _cases(pairs: Pairs) -> list[str]:
    lines = ["| case | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for case, (expert, predicted) in pairs.items():
        cells = [f"{_shown(expert[name])} / {_shown(predicted[name])}" for name in COLUMNS]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return lines


def _agreement(pairs: Pairs) -> list[str]:
    """Segments and territories: how far scar % and the class of transmurality agree."""
    lines = [
        "| region | patients | mean difference of scar, points | mean absolute |",
        "|---|---|---|---|",
    ]
    for name, key in (("segments", "segment"), ("territories", "territory")):
        by_region: dict[Any, list[float]] = {}
        for expert, predicted in pairs.values():
            for one, two in zip(expert[name], predicted[name], strict=True):
                if one["scar_percent"] is not None and two["scar_percent"] is not None:
                    gap = two["scar_percent"] - one["scar_percent"]
                    by_region.setdefault(one[key], []).append(gap)
        for region, gaps in by_region.items():
            bias, mae = np.mean(gaps), np.abs(gaps).mean()
            lines.append(f"| {key} {region} | {len(gaps)} | {bias:+.1f} | {mae:.1f} |")
    classes = [
        (one["transmurality_class"], two["transmurality_class"])
        for expert, predicted in pairs.values()
        for one, two in zip(expert["segments"], predicted["segments"], strict=True)
        if one["transmurality_class"] and two["transmurality_class"]
    ]
    same = np.mean([one == two for one, two in classes])
    order = ("0", "1-25", "26-50", "51-75", "76-100")
    near = np.mean([abs(order.index(one) - order.index(two)) <= 1 for one, two in classes])
    return [
        *lines,
        "",
        f"The class of transmurality is the same in {same:.0%} of {len(classes)} segments, "
        f"at most one class off in {near:.0%}.",
    ]


def _methods(pairs: Pairs) -> list[str]:
    lines = ["Burden in % by each method on the expert's wall / on the predicted wall.", ""]
    names = [row["method"] for row in next(iter(pairs.values()))[0]["methods"]]
    lines += ["| case | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for case, documents in pairs.items():
        rows = [{r["method"]: r["scar_burden_percent"] for r in d["methods"]} for d in documents]
        cells = [" / ".join(_shown(row.get(name)) for row in rows) for name in names]
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return lines


def _missing(documents: list[dict[str, Any]]) -> dict[str, int]:
    """How often a measure is null, those of patients without scar left out where they must be."""
    count: Counter[str] = Counter()
    for document in documents:
        scarred = bool(document["enhancement_volume_ml"])
        for name in COLUMNS:
            if document[name] is None and (scarred or name not in NULL_WITHOUT_SCAR):
                count[name] += 1
        count["segments"] += document["segment_model"] is None
    return {name: number for name, number in count.items() if number}


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.1f}"


if __name__ == "__main__":
    main()

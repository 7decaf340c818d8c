"""What five reviewed patients of another domain are worth: fine-tuning as the server does it.

The other domain is EMIDEC under one change of the stress test. Five patients of the train list are
"reviewed" there, the six of it that the shipped networks were not trained on are held out for the
gate. Then live model and candidate are measured on the test list, in that domain and as it came.
Change and rates were chosen on the train list. Interrupt at will: the same command goes on.

RUN holds scans, models and every patient's measures; FOLDER/shifted-domain.md is the table.
Research use only, not a medical device.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track

from acsnet.evaluate.stress import CHANGES
from acsnet.evaluate.stress_cases import read_labelled
from acsnet.evaluate.stress_geometry import LabelledScan
from acsnet.io import write_image, write_label_map
from acsnet.loop.fine_tune import EPOCHS, IMAGES_AN_EPOCH, RATE
from acsnet.loop.gate import (
    MEASURES,
    Decision,
    PatientMeasures,
    decide,
    decision_from_dict,
    measure_patient,
)
from acsnet.loop.holdout import HoldOut, digest, write_holdout
from acsnet.loop.models import SHIPPED_NAME, Models
from acsnet.loop.progress import read_status
from acsnet.loop.requests import Reviewed, run_folders, write_request
from acsnet.loop.run import perform
from acsnet.pipeline import Pipeline
from acsnet.train.adapters import ACSNET_TISSUE
from acsnet.train.case import TrainingCase, translate
from acsnet.train.record import read_json, write_json

CHANGE = "noise 10 %"
REVIEWED = ("Case_N006", "Case_N052", "Case_P017", "Case_P055", "Case_P085")
"""Every twelfth of the EMIDEC train list, or the next where that is held out."""

HELD_OUT = ("Case_N023", "Case_N058", "Case_P015", "Case_P051", "Case_P071", "Case_P093")
DOMAINS = {"shifted": CHANGE, "original": None}
NAME = "shifted-domain.md"


def labelled(data: Path, name: str, change: str | None) -> LabelledScan:
    """One EMIDEC patient, in the other domain where a change is given."""
    folder = data / "emidec"
    case = read_labelled(name, images=folder / "images", labels=folder / "labels", truth="emidec")
    return case if change is None else CHANGES[change](case)


def review(data: Path, folder: Path, name: str) -> Reviewed:
    """Scan and label of a patient in the other domain, as files that a reviewer left."""
    files = [folder / kind / f"{name}.nii.gz" for kind in ("images", "labels")]
    if not all(file.exists() for file in files):
        case = labelled(data, name, CHANGE)
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
        write_image(files[0], case.scan)
        write_label_map(files[1], case.scan.grid.to_input(case.labels), case.scan.grid)
    return Reviewed(name=name, patient=name, image=files[0], label=files[1], at=0.0)


def fine_tuned(data: Path, run: Path, *, device: str) -> tuple[Models, str]:
    """The models of a site that reviewed these patients, and the version that came of it."""
    models = Models(run / "models")
    if not (folders := run_folders(models.root)):
        models.root.mkdir(parents=True, exist_ok=True)
        sides = (frozenset(map(digest, names)) for names in (HELD_OUT, REVIEWED))
        write_holdout(models.root, HoldOut(**dict(zip(("held", "trained"), sides, strict=True))))
        reviewed = [review(data, run / "scans", name) for name in (*REVIEWED, *HELD_OUT)]
        options = {"device": device, "threads": torch.get_num_threads(), "quiet_s": 0.0}
        base = models.aliases().live
        folders = [write_request(models.root, reviewed, trainer="all", base=base, **options)]
    status = read_status(folders[0])
    if status.under_way:
        status = perform(folders[0])
    return models, str(status.candidate)


def measures(
    data: Path, names: Sequence[str], weights: Path, change: str | None, file: Path, *, device: str
) -> Mapping[str, PatientMeasures]:
    """Patient -> measures of a chain in a domain; kept in `file`, patient by patient."""
    found = read_json(file) if file.exists() else {}
    if missing := [name for name in names if name not in found]:
        pipeline = Pipeline.load(weights=weights, device=device)
        for name in track(missing, description=file.stem):
            case = labelled(data, name, change)
            tissue = translate(case.labels, ACSNET_TISSUE, source=name)
            expert = TrainingCase(scan=case.scan, tissue=tissue, source="lge")
            found[name] = measure_patient(pipeline(case.scan), expert)
            write_json(file, found)
    return {name: found[name] for name in names}


def table(title: str, decision: Decision) -> list[str]:
    """Markdown of a decision's rows."""
    lines = [
        f"## {title}",
        "",
        "| measure | patients | live | fine-tuned | gain | p |",
        "|---|---|---|---|---|---|",
    ]
    for row in decision.rows:
        measure = MEASURES[row.measure]
        means = (f"{value:.{measure.decimals}f}" for value in (row.live, row.candidate))
        gain = f"{row.gain:+.{measure.decimals}f}"
        p = "" if row.p is None else f"{row.p:.4f}"
        lines.append(f"| {measure.heading} | {row.patients} | {' | '.join(means)} | {gain} | {p} |")
    return [*lines, ""]


def report(gate: Decision, tables: Mapping[str, Decision]) -> str:
    """The whole page."""
    epochs = ", ".join(f"{name} {count}" for name, count in EPOCHS.items())
    lines = [
        "# Five reviewed patients of another domain",
        "",
        "Research use only, not a medical device. Written by `python benchmarks/shifted_domain.py "
        "--data DATA --run RUN --output docs/results`.",
        "",
        f"The other domain is EMIDEC under one change of the stress test: {CHANGE}. The server's "
        "own fine-tuning (the train buttons, trainer `all`) went on from "
        f"the shipped networks on {len(REVIEWED)} patients of the train list there, at a rate of "
        f"{RATE:g} ({epochs} epochs of {IMAGES_AN_EPOCH} images, with the replay); the gate "
        f"measured on the {len(HELD_OUT)} patients of the train list that no network was trained "
        f"on and said: *{gate.reason}*. Below are the patients of the test list, whom nothing was "
        "trained on or chosen by. The five had been in the shipped networks' training as they "
        "came. Gain: above 0 is better. p: Wilcoxon's signed-rank test, one-sided, that it is.",
        "",
        *table(f"In the other domain ({CHANGE})", tables["shifted"]),
        *table("As it came", tables["original"]),
        *table("What the gate saw: patients held out, in the other domain", gate),
    ]
    return "\n".join(lines)


def main() -> None:
    """Fine-tune, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder to go on in")
    parser.add_argument("--output", type=Path, required=True, help="folder of the table")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args()
    models, candidate = fine_tuned(args.data, args.run.resolve(), device=args.device)
    names = json.loads((args.data / "splits.json").read_text())["emidec"]["test"]
    tables = {}
    for domain, change in DOMAINS.items():
        measured = partial(measures, args.data, names, change=change, device=args.device)
        tables[domain] = decide(
            *(
                measured(models.weights(version), file=args.run / f"{domain}-{part}.json")
                for part, version in (("live", SHIPPED_NAME), ("fine-tuned", candidate))
            )
        )
    gate = decision_from_dict(models.record(candidate)["decision"])
    text = report(gate, tables)
    (args.output / NAME).write_text(text)
    Console().print(Markdown(text))


if __name__ == "__main__":
    main()

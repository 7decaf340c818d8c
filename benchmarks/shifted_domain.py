"""What five reviewed patients of another domain are worth: fine-tuning as the server does it.

Another domain is EMIDEC under one change of the stress test. Five patients of the train list are
"reviewed" there, the six of it that the shipped networks were not trained on are held out for the
gate. Then live model and candidate are measured on the test list, in that domain and as it came.
Changes and rates were chosen on the train list. Interrupt at will: the same command goes on.

RUN holds scans, models and every patient's measures; FOLDER/shifted-domain.md is the table.
Research use only, not a medical device.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track

from acsnet.evaluate.robustness.intensity import rescaled
from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.evaluate.robustness.run import CHANGES, Change
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.fine_tuning.fine_tune import USUAL
from acsnet.fine_tuning.holdout import HoldOut, digest, write_holdout
from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Models
from acsnet.fine_tuning.promotion import (
    GATE_MEASURES,
    Decision,
    PatientMeasures,
    decide,
    decision_from_dict,
    measure_patient,
)
from acsnet.fine_tuning.training_request import Reviewed, run_folders, write_request
from acsnet.fine_tuning.training_status import read_status
from acsnet.fine_tuning.worker import perform
from acsnet.io import write_image, write_label_map
from acsnet.pipeline import Pipeline
from acsnet.storage import write_json
from acsnet.train.data.case import TrainingCase, tissue_of
from acsnet.train.run_record import read_json
from shared.left_out import LEFT_OUT

DOMAINS: Mapping[str, Change] = {
    "grey scale inverted": partial(rescaled, scale=-1.0),
    "noise 10 %": CHANGES["noise 10 %"],
}
ORIGINAL = "original"
REVIEWED = ("Case_N014", "Case_N054", "Case_P017", "Case_P060", "Case_P087")
"""Every twelfth of the EMIDEC train list; none of them is held out."""

NAME = "shifted-domain.md"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """data: the data sets; run: where work is kept; device: "cpu" or "cuda"."""

    data: Path
    run: Path
    device: str

    def folder(self, domain: str) -> Path:
        """All that belongs to one domain."""
        return self.run / domain.removesuffix(" %").replace(" ", "-")

    def patient(self, name: str, domain: str) -> LabelledScan:
        """One EMIDEC patient, in a domain."""
        emidec = self.data / "emidec"
        files = {"images": emidec / "images", "labels": emidec / "labels"}
        case = read_labelled(name, truth="emidec", **files)
        return case if domain == ORIGINAL else DOMAINS[domain](case)

    def review(self, name: str, domain: str) -> Reviewed:
        """Scan and label of a patient in a domain, as files that a reviewer left."""
        folder = self.folder(domain)
        files = [folder / kind / f"{name}.nii.gz" for kind in ("images", "labels")]
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
        case = self.patient(name, domain)
        write_image(files[0], case.scan)
        write_label_map(files[1], case.scan.grid.to_input(case.labels), case.scan.grid)
        return Reviewed(name=name, patient=name, image=files[0], label=files[1], at=0.0)

    def fine_tuned(self, domain: str) -> tuple[Models, str]:
        """The models of a site that reviewed these patients, and the version that came of it."""
        models = Models(self.folder(domain) / "models")
        if not (folders := run_folders(models.root)):
            models.root.mkdir(parents=True, exist_ok=True)
            held, trained = (frozenset(map(digest, names)) for names in (LEFT_OUT, REVIEWED))
            write_holdout(models.root, HoldOut(held=held, trained=trained))
            folders = [
                write_request(
                    models.root,
                    [self.review(name, domain) for name in (*REVIEWED, *LEFT_OUT)],
                    trainer="all",
                    base=SHIPPED_NAME,
                    device=self.device,
                    threads=torch.get_num_threads(),
                    quiet_s=0.0,
                )
            ]
        status = read_status(folders[0])
        if status.under_way:
            status = perform(folders[0])
        return models, str(status.candidate)

    def measures(
        self, names: Sequence[str], weights: Path, domain: str, file: Path
    ) -> Mapping[str, PatientMeasures]:
        """Patient -> measures of a chain in a domain; kept in `file`, patient by patient."""
        found = read_json(file) if file.exists() else {}
        if missing := [name for name in names if name not in found]:
            pipeline = Pipeline.load(weights=weights, device=self.device)
            for name in track(missing, description=f"{file.stem}, {domain}"):
                case = self.patient(name, domain)
                tissue = tissue_of(case.labels)
                expert = TrainingCase(scan=case.scan, tissue=tissue, source="lge")
                found[name] = measure_patient(pipeline(case.scan), expert)
                write_json(file, found)
        return {name: found[name] for name in names}

    def compared(self, names: Sequence[str], domain: str) -> Iterator[tuple[str, Decision]]:
        """Headings and tables of one domain."""
        models, candidate = self.fine_tuned(domain)
        live, folder = models.weights(SHIPPED_NAME), self.folder(domain)
        pairs = ((domain, folder / "live.json"), (ORIGINAL, self.run / "live.json"))
        for where, file in pairs:
            before = self.measures(names, live, where, file)
            tuned = folder / f"tuned-{'here' if where == domain else ORIGINAL}.json"
            after = self.measures(names, models.weights(candidate), where, tuned)
            yield f"Test list, {where}", decide(before, after)
        gate = decision_from_dict(models.record(candidate)["decision"])
        yield f"What the gate saw: held out of the train list, {domain}. {gate.reason}", gate


def table(heading: str, decision: Decision) -> list[str]:
    """Markdown of a decision's rows."""
    lines = [
        f"### {heading}",
        "",
        "| measure | patients | live | fine-tuned | gain | p |",
        "|---|---|---|---|---|---|",
    ]
    for row in decision.rows:
        measure = GATE_MEASURES[row.measure]
        numbers = [f"{value:.{measure.decimals}f}" for value in (row.live, row.candidate)]
        numbers.append(f"{row.gain:+.{measure.decimals}f}")
        numbers.append("" if row.p is None else f"{row.p:.4f}")
        lines.append(f"| {measure.heading} | {row.patients} | {' | '.join(numbers)} |")
    return [*lines, ""]


def report(domains: Mapping[str, Sequence[tuple[str, Decision]]]) -> str:
    """The whole page."""
    epochs = ", ".join(f"{name} {count}" for name, count in USUAL.epochs.items())
    lines = [
        "# Five reviewed patients of another domain",
        "",
        "Research use only, not a medical device. Written by `python benchmarks/shifted_domain.py "
        "--data DATA --run RUN --output docs/results`.",
        "",
        f"The other domain is EMIDEC with one change of the signal in every scan. The server's "
        f"fine-tuning (trainer `all`) started from the shipped networks and used {len(REVIEWED)} "
        f"patients of the train list in this domain: learning rate {USUAL.learning_rate:g}, "
        f"{epochs} epochs of {USUAL.images_an_epoch} images, with replay, and finally weights "
        f"moved back by {USUAL.old_share:.0%} towards the shipped ones. The gate measured the "
        f"{len(LEFT_OUT)} patients of the train list that no network was trained on. The patients "
        "of the test list were used for these tables only. The shipped networks had been trained "
        "on the five patients, without the change. A gain above 0 is an improvement. p: "
        "Wilcoxon's signed-rank test, one-sided, for an improvement.",
        "",
    ]
    for domain, tables in domains.items():
        lines += [f"## {domain[0].upper()}{domain[1:]}", ""]
        for heading, decision in tables:
            lines += table(heading, decision)
    return "\n".join(lines)


def main() -> None:
    """Fine-tune, measure, and write the tables, domain by domain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder to go on in")
    parser.add_argument("--output", type=Path, required=True, help="folder of the page")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    args = parser.parse_args()
    setting = Setting(data=args.data, run=args.run.resolve(), device=args.device)
    names = json.loads((args.data / "splits.json").read_text())["emidec"]["test"]
    args.output.mkdir(parents=True, exist_ok=True)
    done: dict[str, Sequence[tuple[str, Decision]]] = {}
    for domain in DOMAINS:
        done[domain] = list(setting.compared(names, domain))
        (args.output / NAME).write_text(report(done))
    Console().print(Markdown(report(done)))


if __name__ == "__main__":
    main()

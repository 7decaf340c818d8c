"""Tables and figures of an evaluation as a folder: index.html, the figures, results.json.

The page holds all that it shows, figures included, and runs no script.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from acsnet import NOTICE
from acsnet.evaluate.cases import CaseScores
from acsnet.evaluate.summary import Evaluation
from acsnet.label_conventions import CONVENTIONS
from acsnet.storage import write_bytes, write_json
from results_page.figures import DOTS_PER_INCH, NAMES, all_figures
from results_page.markup import document, facts, figure, heading, paragraph
from results_page.page_tables import burden_sentences, case_table, slice_table, volume_table
from results_page.page_words import (
    ABOUT_PAPER,
    ABOUT_PAPER_BURDEN,
    ABOUT_SLICES,
    ABOUT_VOLUMES,
    CAPTIONS,
    DATA_SETS,
    ONE_SPACING,
    TITLE,
    WITH_EXAMPLES,
    WITHOUT_EXAMPLES,
    DataSet,
)

PAGE, RESULTS = "index.html", "results.json"


@dataclass(frozen=True, kw_only=True)
class Made:
    """How the numbers came about.

    data_set: a name in `DATA_SETS`; command: what makes the folder again; software: versions by
    name; seconds: from the first scan to the last score; weights: SHA-256 of all that was trained.
    """

    data_set: str
    date: str
    command: str
    software: Mapping[str, str]
    cpu_count: int
    seconds: float
    weights: Mapping[str, str]


def write_results(
    evaluation: Evaluation,
    made: Made,
    output: Path,
    *,
    examples: Mapping[str, Figure] | None = None,
) -> Path:
    """Write results.json, the figures and, last, index.html, each put in place whole.

    examples: file name -> figure with images of patients, None where these must stay out. Returns
    the page.
    """
    output.mkdir(parents=True, exist_ok=True)
    numbers = {"notice": NOTICE, "made": asdict(made), **evaluation.to_dict()}
    write_json(output / RESULTS, numbers)
    drawn = {name: png(plot) for name, plot in all_figures(evaluation).items()}
    shown = {name: png(plot) for name, plot in (examples or {}).items()}
    for name, content in {**drawn, **shown}.items():
        write_bytes(output / name, content)
    write_bytes(output / PAGE, page(evaluation, made, figures=drawn, examples=shown).encode())
    return output / PAGE


def png(plot: Figure) -> bytes:
    """A figure as a PNG file, without the date or version that would make it differ each time."""
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return buffer.getvalue()


def page(
    evaluation: Evaluation,
    made: Made,
    *,
    figures: Mapping[str, bytes],
    examples: Mapping[str, bytes],
) -> str:
    """The page; figures, examples: file name -> PNG."""
    data = DATA_SETS[made.data_set]
    beside = {"beside_paper": data.beside_paper}
    burden = burden_sentences(evaluation)
    return document(
        f"{TITLE}: {made.data_set}",
        (NOTICE, *evaluation.warnings),
        [
            facts(_facts(evaluation, made, data)),
            heading("Table 1: agreement slice by slice"),
            slice_table(evaluation, **beside),
            paragraph(ABOUT_SLICES, not_told(evaluation), ABOUT_PAPER * data.beside_paper),
            heading("Table 2: volumes by tertile of the expert's left ventricle"),
            volume_table(evaluation, **beside),
            paragraph(ABOUT_VOLUMES),
            heading("Scar burden: enhancement in % of the myocardium") if burden else "",
            paragraph(*burden, ABOUT_PAPER_BURDEN * (bool(burden) and data.beside_paper)),
            heading("Figures"),
            _gallery(figures),
            heading("Examples"),
            paragraph(WITH_EXAMPLES if examples else WITHOUT_EXAMPLES),
            _gallery(examples),
            heading("Case by case"),
            case_table(evaluation.cases),
        ],
    )


def not_told(evaluation: Evaluation) -> str:
    """Which regions of the paper's table this truth does not have."""
    missing = [name for r, name in NAMES.items() if r not in CONVENTIONS[evaluation.truth].regions]
    if not missing:
        return ""
    return f"Left out, because the expert's labels do not tell it: {', '.join(missing).lower()}."


def spacing_sentence(cases: Sequence[CaseScores]) -> str:
    """The spacing that every length and volume rests on."""
    found = {tuple(round(step, 2) for step in case.spacing_mm) for case in cases}
    order = "mm (slice, row, column)"
    if len(found) == 1:
        return f"{' x '.join(f'{step:g}' for step in found.pop())} {order}. {ONE_SPACING}"
    ranges = (f"{min(steps):g}-{max(steps):g}" for steps in zip(*found, strict=True))
    return f"{' x '.join(ranges)} {order}"


def _facts(evaluation: Evaluation, made: Made, data: DataSet) -> dict[str, str]:
    return {
        "Data": f"{data.title}: {len(evaluation.cases)} {data.scans}",
        "Terms": data.terms,
        "Voxel spacing": spacing_sentence(evaluation.cases),
        "Date": made.date,
        "Machine": f"{made.cpu_count} CPUs, {made.seconds:.0f} s from first scan to last score",
        "Software": ", ".join(f"{name} {version}" for name, version in made.software.items()),
        **{f"Weights: {name}": f"SHA-256 {sha}" for name, sha in made.weights.items()},
        "Command": made.command,
    }


def _gallery(images: Mapping[str, bytes]) -> str:
    shown = "".join(figure(content, CAPTIONS.get(name, name)) for name, content in images.items())
    return f'<div class="figures">{shown}</div>' if shown else ""

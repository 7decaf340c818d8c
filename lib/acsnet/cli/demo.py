"""`acsnet demo`: the synthetic sample patient, from scan to report, without any other data."""

from pathlib import Path
from typing import Annotated

import typer

from acsnet.cli.common import say

INSTALLED = Path(__file__).resolve().parent.parent / "sample" / "phantom-1.nii.gz"
CHECKED_OUT = Path(__file__).resolve().parents[3] / "sample-data" / "nifti" / "phantom-1.nii.gz"
PAGE = "index.html"


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("acsnet-demo"),
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Segment a synthetic patient and show label map, measures and report in the browser."""
    say("Segmenting a synthetic patient ...")  # before anything that takes a second is imported
    import webbrowser

    from acsnet.export import FEATURES, SEGMENTATION, write_reports, write_result
    from acsnet.io import read_scan
    from acsnet.pipeline import Pipeline
    from acsnet.report.case_page import case_page
    from acsnet.report.files import PDF
    from acsnet.report.patient import UNKNOWN
    from acsnet.report.wording import number
    from acsnet.storage import write_text

    scan = read_scan(INSTALLED if INSTALLED.is_file() else CHECKED_OUT)
    result = Pipeline.load()(scan)
    folder = write_result(result, output)
    write_reports(result, folder, ["pdf"], subject=UNKNOWN)
    page = folder / PAGE
    write_text(page, case_page(result, (PDF, FEATURES, SEGMENTATION)))
    burden = result.features.scar_burden_percent
    say(f"{scan.name}: scar {number(burden, 1)} % of the wall. Page: {page}")
    if browser:
        webbrowser.open(page.resolve().as_uri())

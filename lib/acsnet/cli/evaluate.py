"""`acsnet evaluate`: agreement with an expert, and what changes of a scan cost."""

from pathlib import Path
from typing import Annotated

import typer

from acsnet.cli.common import FAILED, JsonOption, TruthName, out


def evaluate(
    labels: Annotated[Path, typer.Option(help="Expert labels, <case>.nii.gz.")],
    truth: Annotated[TruthName, typer.Option(help="Convention of the expert labels.")],
    predictions: Annotated[
        Path | None, typer.Option(help="Folder that `acsnet segment` wrote; not with --stress.")
    ] = None,
    json_file: JsonOption = None,
    stress: Annotated[
        bool, typer.Option("--stress", help="Segment changed images; print what each change costs.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option(help="With --stress: <case>.nii.gz or DICOM folders <case>."),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(help="With --stress: a,b,c or @FILE with one name per line. Default: all."),
    ] = None,
) -> None:
    """Compare segmentations with expert labels: Dice, balanced accuracy, Hausdorff, volumes.

    With --stress, segment a labelled set as it is and with changes of spacing, orientation,
    signal, inversion time and field of view. Exit code 1 if a change costs more than 0.05 wall
    Dice or moves scar burden by more than 2 points, on average, or fails.
    """
    from acsnet.evaluate import run_evaluation
    from acsnet.evaluate.robustness.run import run_stress

    fits = (predictions is None, images is not None) == (stress, stress)
    if not fits or (cases is not None and not stress):
        msg = "give either --predictions, or --stress with --images and optionally --cases"
        raise typer.BadParameter(msg)
    if images is not None:
        report = run_stress(
            images=images,
            labels=labels,
            truth=truth,
            cases=cases,
            json_path=json_file,
            console=out,
        )
        if not report.passed:
            raise typer.Exit(FAILED)
    elif predictions is not None:
        run_evaluation(
            predictions=predictions,
            labels=labels,
            truth=truth,
            json_path=json_file,
            console=out,
        )

"""`acsnet train`, `lge-like` and `calibrate`: what needs labelled sets."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from acsnet.cli.common import DeviceOption, SeedOption, TrainDataOption, err, out, say

CineTruthName = Literal["acdc", "mnms", "mscmrseg", "acsnet"]
"""Conventions of expert labels on cine; see `acsnet.label_conventions`."""

TrainingName = Literal["roi", "myo", "autoencoder", "prior", "all"]
"""The steps of `acsnet.train.run`."""

ENHANCED_SHARE = 0.56
"""Share of slices with a wall that have enhancement, measured on the train list of EMIDEC."""


def train(
    network: Annotated[
        TrainingName,
        typer.Argument(help="What to train; prior: only the prior of an existing autoencoder."),
    ],
    data: TrainDataOption,
    output: Annotated[Path, typer.Option(help="Run folder; an unfinished run continues.")],
    seed: SeedOption = 0,
    device: DeviceOption = "cpu",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs. Default: that of the recipe.")
    ] = None,
    cine_weight: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of LGE-like cine in the loss; 0 leaves cine out."),
    ] = None,
    init: Annotated[
        Path | None,
        typer.Option(help="Weights folder to start from. Default: random weights."),
    ] = None,
    unlabelled: Annotated[
        Path | None,
        typer.Option(
            help="Folder of scans without labels; the networks of --init, or the shipped ones, "
            "segment them first."
        ),
    ] = None,
) -> None:
    """Train networks on the train lists. Writes OUTPUT/weights.

    To train on several GPUs, start it with `torchrun`: see docs/how-to-train.md.
    """
    from acsnet.nets.weights import SHIPPED
    from acsnet.pseudo_labels import pseudo_labelled
    from acsnet.train.run import run_training

    more = None
    if unlabelled is not None:
        more = pseudo_labelled(unlabelled, data=data, weights=init or SHIPPED)
    run_training(
        network,
        data=data,
        output=output,
        seed=seed,
        device=device,
        epochs=epochs,
        cine_weight=cine_weight,
        init=init,
        unlabelled=more,
        console=err,
    )


def lge_like(
    inputs: Annotated[list[Path], typer.Argument(help="Cine NIfTI files.")],
    labels: Annotated[Path, typer.Option(help="Expert labels of the cine, <case>.nii.gz.")],
    reference: Annotated[
        list[Path], typer.Option(help="True LGE scan, or a folder of them; may be repeated.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for images/, labels/ and figures/.")],
    truth: Annotated[CineTruthName, typer.Option(help="Convention of the expert labels.")] = "acdc",
    enhanced_share: Annotated[
        float, typer.Option(help="Probability that a slice gets a scar, 0 to 1.")
    ] = ENHANCED_SHARE,
    seed: SeedOption = 0,
) -> None:
    """Make cine scans LGE-like, with a synthetic scar; a figure shows the steps."""
    from acsnet.train.augment.lge_like_run import run_lge_like

    written = run_lge_like(
        inputs,
        labels=labels,
        truth=truth,
        references=reference,
        output=output,
        enhanced_share=enhanced_share,
        seed=seed,
        console=err,
    )
    for case in written:
        say(f"{case.image}: scar in {case.enhanced} of {case.drawn} slices -> {case.figure}")


def calibrate(
    data: TrainDataOption,
    output: Annotated[Path, typer.Option(help="File to write.")] = Path("limits.json"),
) -> None:
    """Set the limits of the anatomical checks from the expert walls of the train lists."""
    from acsnet.train.calibrate import calibrate as run_calibration

    run_calibration(data, output, console=out)

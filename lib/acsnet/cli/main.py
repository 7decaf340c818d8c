"""The `acsnet` command.

Exit code 0: all done; 1: a stress test failed or the gate refused a model; 2: an input was refused
or a disk is full, with the reason; 130: stopped by Ctrl-C; 143: stopped by SIGTERM.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from acsnet import NOTICE, __version__
from acsnet.cli import (
    accounts,
    backup,
    bench,
    cohort,
    compare,
    config,
    demo,
    dicom_transfer,
    evaluate,
    labels,
    models,
    segment,
    serve,
    train,
)
from acsnet.cli.common import Commands, say, stop_on_signals
from acsnet.settings import CONFIG

NOT_FOR_OTHERS = 0o007
"""Whatever is written is of patients: for its owner, and for a group where the umask says so."""

app = typer.Typer(
    cls=Commands,
    help=f"Segment and measure the left ventricle and scar on LGE cardiac MRI. {NOTICE}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    demo.demo,
    segment.segment,
    segment.quantify,
    segment.figure,
    compare.compare,
    cohort.cohort,
    serve.serve,
    backup.backup,
    backup.restore,
    dicom_transfer.push,
    dicom_transfer.pull,
    dicom_transfer.receive,
    evaluate.evaluate,
    train.train,
    train.lge_like,
    train.calibrate,
    bench.bench,
    config.config,
    serve.info,
):
    app.command()(command)
app.add_typer(accounts.app, name="accounts")
app.add_typer(labels.app, name="labels")
app.add_typer(models.app, name="models")


def _show_version(value: bool) -> None:
    if value:
        say(f"acsnet {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings file, instead of $ACSNET_CONFIG.")
    ] = None,
) -> None:
    """Options before a command."""
    if config is not None:
        os.environ[CONFIG] = str(config.resolve())


def main() -> None:
    """Entry point of the `acsnet` script."""
    os.umask(os.umask(NOT_FOR_OTHERS) | NOT_FOR_OTHERS)
    stop_on_signals()  # the server has its own way
    app()


if __name__ == "__main__":
    main()

"""`acsnet cohort`: many scans, on all cores of this machine or on a Ray cluster."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from acsnet.cli.common import REFUSED, DeviceName, err, say
from acsnet.cli.segment import IgnoreWindowOption, ScarMethodOption, SmoothWallsOption
from acsnet.errors import AcsnetError

INTERRUPTED = 130
SPEED_SECONDS = 300.0
"""Time over which the speed is measured for the time left."""


def cohort(
    scans: Annotated[
        str,
        typer.Argument(
            metavar="LIST",
            help="A folder, a quoted pattern such as 'scans/*.nii.gz', a CSV table with a column "
            "image and perhaps case, phase and series, or http(s)://... of a PACS with DICOMweb.",
        ),
    ],
    output: Annotated[
        Path, typer.Option(help="Folder for one sub-folder per case, and the tables.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of processes; by default one per core; with cuda at most 16 per GPU.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Address of a Ray cluster that sees the same folders."
        ),
    ] = None,
    device: Annotated[DeviceName, typer.Option(help="cpu or cuda.")] = "cpu",
    ignore_window: IgnoreWindowOption = False,
    scar_method: ScarMethodOption = "remote",
    smooth_walls: SmoothWallsOption = False,
) -> None:
    """Segment many scans. Writes OUTPUT/<case>/, cohort.csv, cohort.parquet and failures.csv.

    If it is stopped, by Ctrl+C or otherwise, the same command continues. A case is computed again
    only if its scan, the software, the weights or the options have changed.
    """
    from acsnet.cohort.case_worker import Settings
    from acsnet.cohort.inputs import list_scans
    from acsnet.cohort.run import is_skipped, run_cohort
    from acsnet.io.dicom_files.dicom_file import silence_pydicom

    silence_pydicom()  # the list is gone through by two threads
    settings = Settings(
        scar_method=scar_method, smooth_walls=smooth_walls, ignore_window=ignore_window
    )
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    progress = Progress(
        *columns,
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        speed_estimate_period=SPEED_SECONDS,
    )
    computed = failed = skipped = total = 0
    try:
        with progress:
            task = progress.add_task("segmenting", total=None)

            def count() -> None:
                with suppress(AcsnetError, OSError):  # the run itself reports them
                    listed = list_scans(scans, output=output)
                    progress.update(task, total=sum(not is_skipped(item) for item in listed))

            threading.Thread(target=count, daemon=True).start()
            for outcome in run_cohort(
                scans,
                output=output,
                settings=settings,
                device=device,
                workers=workers,
                address=address,
            ):
                if outcome.skipped:
                    skipped += 1
                    err.print(escape(outcome.reason or ""), soft_wrap=True, highlight=False)
                    continue
                total += 1
                computed += outcome.computed
                if outcome.reason is not None:
                    failed += 1
                    failure = escape(f"{outcome.place}: {outcome.reason}")
                    err.print(f"[red]failed[/red] {failure}", soft_wrap=True)
                progress.advance(task)
    except KeyboardInterrupt:
        err.print(f"stopped after {total} scans: run the same command again to continue")
        raise typer.Exit(INTERRUPTED) from None
    counts = f"{computed} segmented, {total - computed - failed} done before, {failed} failed"
    passed_over = f"; files skipped: {skipped}" if skipped else ""
    say(f"{total} scans: {counts}{passed_over} -> {output}")
    if failed:
        raise typer.Exit(REFUSED)

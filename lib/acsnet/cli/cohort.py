"""`acsnet cohort`: many scans, on all cores of this machine or on a Ray cluster."""

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

from acsnet.cli.common import REFUSED, DeviceOption, err, say
from acsnet.cli.segment import IgnoreWindowOption, ScarMethodOption, SmoothWallsOption
from acsnet.errors import AcsnetError

if TYPE_CHECKING:
    from acsnet.cohort.outcome import Outcome

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
    device: DeviceOption = "cpu",
    ignore_window: IgnoreWindowOption = False,
    scar_method: ScarMethodOption = "remote",
    smooth_walls: SmoothWallsOption = False,
) -> None:
    """Segment many scans. Writes OUTPUT/<case>/, cohort.csv, cohort.parquet and failures.csv.

    If it is stopped, by Ctrl+C or otherwise, the same command continues. A case is computed again
    only if its scan, the software, the weights or the options have changed.
    """
    counts = Counts()
    try:
        # To load these takes seconds, in which it can be stopped, too.
        from acsnet.cohort.case_worker import CohortOptions
        from acsnet.cohort.inputs import list_scans, unused_in
        from acsnet.cohort.run import is_skipped, run_cohort
        from acsnet.io.dicom_files.dicom_file import silence_pydicom

        silence_pydicom()  # the list is gone through by two threads
        options = CohortOptions(
            scar_method=scar_method, smooth_walls=smooth_walls, ignore_window=ignore_window
        )
        if remark := unused_in(scans):
            err.print(escape(remark), soft_wrap=True, highlight=False)
        with _progress() as progress:
            task = progress.add_task("segmenting", total=None)

            def count_scans() -> None:
                with suppress(AcsnetError, OSError):  # the run itself reports them
                    listed = list_scans(scans, output=output)
                    progress.update(task, total=sum(not is_skipped(item) for item in listed))

            threading.Thread(target=count_scans, daemon=True).start()
            for outcome in run_cohort(
                scans,
                output=output,
                options=options,
                device=device,
                workers=workers,
                address=address,
            ):
                _print_trouble(outcome)
                counts = counts.with_one(outcome)
                progress.update(task, completed=counts.scans)
    except KeyboardInterrupt:
        err.print(f"stopped after {counts.scans} scans: run the same command again to continue")
        raise
    say(f"{counts} -> {output}")
    if counts.failed:
        raise typer.Exit(REFUSED)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many scans came back, of these segmented now and failed, and files passed over."""

    scans: int = 0
    segmented: int = 0
    failed: int = 0
    skipped: int = 0

    def with_one(self, outcome: "Outcome") -> "Counts":
        """With what came of one more scan or file."""
        if outcome.skipped:
            return replace(self, skipped=self.skipped + 1)
        return replace(
            self,
            scans=self.scans + 1,
            segmented=self.segmented + outcome.computed,
            failed=self.failed + (outcome.reason is not None),
        )

    def __str__(self) -> str:
        """In words."""
        before = self.scans - self.segmented - self.failed
        passed_over = f"; files skipped: {self.skipped}" if self.skipped else ""
        return (
            f"{self.scans} scans: {self.segmented} segmented, {before} done before, "
            f"{self.failed} failed{passed_over}"
        )


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=err,
        speed_estimate_period=SPEED_SECONDS,
    )


def _print_trouble(outcome: "Outcome") -> None:
    """Print why a file was passed over or a scan failed; nothing where it went well."""
    if outcome.skipped:
        err.print(escape(outcome.reason or ""), soft_wrap=True, highlight=False)
    elif outcome.reason is not None:
        failure = escape(f"{outcome.place}: {outcome.reason}")
        err.print(f"[red]failed[/red] {failure}", soft_wrap=True)

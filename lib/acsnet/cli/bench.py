"""`acsnet bench`: how fast the pipeline is on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from acsnet import NOTICE
from acsnet.cli.common import JsonOption, PhaseOption, SeriesOption, err, out, say
from acsnet.errors import InputError

if TYPE_CHECKING:
    from acsnet.bench.convolutions import Level, NetworkSpeed
    from acsnet.bench.run import Bench


def bench(
    scan: Annotated[Path, typer.Argument(help="DICOM folder, or NIfTI, NRRD or MHA file.")],
    phase: PhaseOption = None,
    series: SeriesOption = None,
    json_file: JsonOption = None,
) -> None:
    """Measure the speed of this machine: seconds per scan by stage, scans per minute, memory.

    Takes a minute at most; close other programs first. OMP_NUM_THREADS sets the number of threads;
    ONEDNN_MAX_CPU_ISA=AVX2 measures what a processor without newer instructions would take.
    """
    from acsnet.bench.run import run_bench
    from acsnet.storage import write_json

    if json_file is not None and (json_file.is_dir() or not json_file.parent.is_dir()):
        msg = f"{json_file} must be a file in a folder that exists"
        raise InputError(msg)
    with err.status("measuring") as status:
        result = run_bench(
            scan,
            phase=phase,
            series=series,
            on_step=lambda step: status.update(f"measuring: {step}"),
        )
    if json_file is not None:
        write_json(json_file, result.to_dict())
    _print(result)


def _print(result: "Bench") -> None:
    from acsnet.bench.run import IDLE_PERCENT

    timing, machine = result.timing, result.machine
    slices, rows, columns = timing.shape
    lines = [
        f"{result.scan}: {slices} slices of {rows} x {columns}; {machine['processor']}, "
        f"{machine['cores']} cores, {timing.threads} threads, {machine['instruction_set']}; "
        + ", ".join(f"{net.name} in {net.precision}" for net in result.networks),
        f"warm {timing.seconds_per_scan:.2f} s per scan (fastest {timing.fastest_seconds:.2f} s), "
        f"{timing.cpu_seconds:.2f} CPU seconds, at most {timing.peak_memory_mb:.0f} MB resident",
        "cold " + ", ".join(f"{step} {s:.2f} s" for step, s in timing.cold.items()),
        *(
            f"{rate.workers} worker{'s' if rate.workers > 1 else ''} with {rate.threads_each} "
            f"thread{'s' if rate.threads_each > 1 else ''}: "
            f"{rate.scans_per_minute:.0f} scans per minute"
            for rate in result.throughput
        ),
    ]
    say("\n".join(lines))
    if machine["busy_percent"] > IDLE_PERCENT:
        say(
            f"Other programs kept {machine['busy_percent']:.0f} % of the processor busy before the "
            "start: these are no figures of this machine. Close them and measure again."
        )
    stages = Table("stage", "seconds", title="One scan, warm")
    for name, seconds in timing.stages.items():
        stages.add_row(name, f"{seconds:.3f}")
    out.print(stages)
    table = Table(
        "network", "side", "ms", "10^9 multiply-adds", "share of peak", title="A slice in two views"
    )
    for net in result.networks:
        table.add_section()
        table.add_row(net.name, *_row(net))
        for level in net.levels:
            table.add_row("", *_row(level))
    out.print(table)
    peaks = {net.precision: f"{net.peak / 1e9:.0f}" for net in result.networks}
    fastest = ", ".join(f"{peak} in {precision}" for precision, peak in peaks.items())
    say(f"peak of a wide 3x3 convolution, 10^9 multiply-adds/s: {fastest}. {NOTICE}")


def _row(work: "NetworkSpeed | Level") -> tuple[str, ...]:
    return (
        str(work.side),
        f"{1e3 * work.seconds:.2f}",
        f"{work.multiply_adds / 1e9:.2f}",
        f"{work.share_of_peak:.0%}",
    )
